#pragma once
/// How the ranks of a training job divide the work, and which ranks form a group for it.

#include <chorus/core/errors.hpp>
#include <chorus/pattern/groups.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace chorus::traffic {

/// The dimensions of a job. Ranks are numbered with the first dimension of `order` innermost: with "tdp", ranks 0 to
/// tensor-1 are a tensor group. Experts are spread over the data dimension: an expert group is `expert` ranks that are
/// next to each other in it.
struct parallel {
    int tensor = 1, pipeline = 1, data = 1, expert = 1;
    bool sequence = false; ///< tensor groups also share the sequence: reduce_scatter and all_gather instead of all_reduce
    std::string order = "tdp"; ///< a permutation of t, d, p, innermost first

    int ranks() const { return tensor * pipeline * data; }
    int size(char dimension) const { return dimension == 't' ? tensor : dimension == 'd' ? data : pipeline; }
    /// How far apart neighbours of a dimension are.
    int stride(char dimension) const {
        int result = 1;
        for (auto const each : order) {
            if (each == dimension) return result;
            result *= size(each);
        }
        return result;
    }
};

/// Throws usage_error that says what would be right.
inline void check(parallel const& how) {
    auto sorted = how.order;
    std::sort(sorted.begin(), sorted.end());
    if (sorted != "dpt") throw usage_error("chorus: order '" + how.order + "' should be the letters t, d and p in some order, innermost first");
    for (int const size : {how.tensor, how.pipeline, how.data, how.expert})
        if (size < 1) throw usage_error("chorus: a dimension of a job should be at least 1, not " + std::to_string(size));
    if (how.data % how.expert != 0)
        throw usage_error("chorus: expert=" + std::to_string(how.expert) + " should divide data=" + std::to_string(how.data));
}

/// The groups of `width` neighbours along a dimension (all of the dimension: width = its size), each in order.
inline group_members groups_along(parallel const& how, char dimension, int width) {
    auto const stride = how.stride(dimension), size = how.size(dimension);
    group_members groups;
    for (int rank = 0; rank < how.ranks(); ++rank) {
        if (rank / stride % size % width != 0) continue; // the first of its group
        auto& members = groups.emplace_back();
        for (int i = 0; i < width; ++i) members.push_back(rank + i * stride);
    }
    return groups;
}

} // namespace chorus::traffic
