#pragma once
/// Whether a model can be divided as a job says.

#include <chorus/core/errors.hpp>
#include <chorus/traffic/model.hpp>
#include <chorus/traffic/parallel.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace chorus::traffic {

namespace detail {

inline void require_multiple(std::string_view what, std::int64_t of, std::string_view by, std::int64_t width) {
    if (of % width != 0) chorus::detail::misuse({what, "=", of, " should be a multiple of ", by, "=", width});
}

} // namespace detail

/// Ranks of a tensor group hold whole heads each; keys and values may be held several times. A model with one head is one
/// that says nothing of its heads. Throws usage_error.
inline void check_heads(model const& of, std::string_view by, std::int64_t tensor) {
    if (of.heads == 1) return;
    detail::require_multiple("hidden", of.hidden, "heads", of.heads);
    detail::require_multiple("heads", of.heads, "kv_heads", of.kv_heads);
    detail::require_multiple("heads", of.heads, by, tensor);
    if (of.kv_heads < tensor) detail::require_multiple(by, tensor, "kv_heads", of.kv_heads);
    else detail::require_multiple("kv_heads", of.kv_heads, by, tensor);
}

/// Throws usage_error where ranks would hold unequal parts of a layer, and where the job divides what the model does not have.
inline void check_fit(model const& of, parallel const& how) {
    check_heads(of, "tensor", how.tensor);
    detail::require_multiple("ffn", of.ffn, "tensor", how.tensor);
    if (how.sequence) detail::require_multiple("sequence", of.sequence, "tensor", how.tensor);
    if (of.layers < how.pipeline) chorus::detail::misuse({"pipeline=", how.pipeline, " stages are more than layers=", of.layers});
    if (of.experts == 0 && how.expert > 1) chorus::detail::misuse({"expert=", how.expert, " divides experts, but the model has none"});
    if (of.experts > 0) detail::require_multiple("experts", of.experts, "expert", how.expert);
}

/// What is taken to be even although it is not; empty where all is.
inline std::string uneven(model const& of, parallel const& how) {
    if (of.layers % how.pipeline == 0) return {};
    return chorus::detail::text({"layers=", of.layers, " do not divide among pipeline=", how.pipeline, " stages: all are taken to be equal"});
}

} // namespace chorus::traffic
