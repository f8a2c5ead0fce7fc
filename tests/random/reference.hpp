#pragma once
/// What a collective must give: every result is made of pieces, each the fold of what an interval of ranks has
/// contributed.

#include "program.hpp"
#include "support/conformance.hpp"
#include "support/elements.hpp"

#include <chorus/core/float16.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace chorus::testing {

/// 64 bytes that must lie on a multiple of 64. A fold of two of which one does not is wrong.
struct alignas(64) wide {
    std::uint64_t x, misaligned, rest[6];
};
struct add_wide {
    wide operator()(wide const& a, wide const& b) const {
        auto const off = [](wide const* where) { // the compiler takes it for granted, where it sees the type
            auto at = reinterpret_cast<std::uintptr_t>(where);
            asm volatile("" : "+r"(at));
            return static_cast<std::uint64_t>(at % alignof(wide) != 0);
        };
        return {a.x + b.x, a.misaligned + b.misaligned + off(&a) + off(&b), {a.rest[0] ^ b.rest[0], 0, 0, 0, 0, 0}};
    }
};

/// Calls `f(T{}, op)` with the type and operator of the kind.
template <class F>
void with_element(folded what, F f) {
    switch (what) {
    case folded::int32_plus:
        return f(std::int32_t{}, std::plus<>{});
    case folded::int32_minimum:
        return f(std::int32_t{}, minimum{});
    case folded::uint8_xor:
        return f(std::uint8_t{}, std::bit_xor<>{});
    case folded::float32_plus:
        return f(float{}, std::plus<>{});
    case folded::float64_plus:
        return f(double{}, std::plus<>{});
    case folded::bfloat16_plus:
        return f(bfloat16{}, std::plus<>{});
    case folded::int64_average:
        return f(std::int64_t{}, average{});
    case folded::affine_compose:
        return f(affine{}, compose{});
    case folded::triple_add:
        return f(triple{}, commutative(add_triples{}));
    case folded::wide_add:
        return f(wide{}, commutative(add_wide{}));
    }
}

/// `count` elements from `at` on: the fold of what ranks [first, last) have for rank `to`.
struct piece {
    std::size_t at, count;
    int first, last;
    int to = 0;
};

/// The buffers of one call on one rank.
struct buffers_plan {
    std::size_t in = 0, out = 0; ///< elements
    bool in_place = false;
    std::vector<piece> given;  ///< in the input, or in the output where that is the input, too
    std::vector<piece> result; ///< in the output; the rest of it is left alone
    std::vector<piece> open;   ///< of the output: may hold anything afterwards
};

/// Blocks of the call, from or to rank `self`: of all_to_all its own, otherwise the same everywhere.
inline layout blocks_of(conformance_case const& call, int ranks, int self, bool outgoing) {
    auto const each = call.what == collective::all_to_all;
    std::vector<std::size_t> counts;
    for (int r = 0; r < ranks; ++r)
        counts.push_back(call.shape == form::uniform
                             ? call.count
                             : ragged_count(call, each && outgoing ? self : r, each ? outgoing ? r : self : 0));
    return {std::move(counts), call.shape};
}

/// What the call of rank `self` reads and must give.
inline buffers_plan plan_of(conformance_case const& call, int ranks, int self) {
    using enum collective;
    buffers_plan plan;
    auto const n = call.count;
    auto const own = static_cast<std::size_t>(self);
    auto const out = blocks_of(call, ranks, self, true), in = blocks_of(call, ranks, self, false);
    auto const at_root = self == call.root;
    plan.in_place = call.in_place && (call.shape == form::uniform || call.what == all_gather);
    auto const gathers = [&] {
        plan.in = plan.in_place ? 0 : in.counts[own];
        plan.given = {{plan.in_place ? in.displacements[own] : 0, in.counts[own], self, self + 1}};
    };
    auto const gathered = [&] {
        plan.out = in.size;
        for (int b = 0; b < ranks; ++b)
            plan.result.push_back(
                {in.displacements[static_cast<std::size_t>(b)], in.counts[static_cast<std::size_t>(b)], b, b + 1});
    };
    auto const gives_blocks = [&](layout const& blocks) {
        for (int b = 0; b < ranks; ++b)
            plan.given.push_back({blocks.displacements[static_cast<std::size_t>(b)],
                                  blocks.counts[static_cast<std::size_t>(b)], self, self + 1, b});
    };
    switch (call.what) {
    case all_reduce:
    case scan:
    case exclusive_scan:
    case reduce: {
        auto const last = call.what == scan ? self + 1 : call.what == exclusive_scan ? self : ranks;
        plan.in_place = call.in_place && (call.what != reduce || at_root);
        plan.in = plan.in_place ? 0 : n;
        plan.out = call.what != reduce || at_root ? n : 0;
        plan.given = {{0, n, self, self + 1}};
        if (last > 0 && plan.out > 0) plan.result = {{0, n, 0, last}};
        break;
    }
    case broadcast:
        plan.in_place = true;
        plan.out = n;
        if (at_root) plan.given = {{0, n, self, self + 1}};
        plan.result = {{0, n, call.root, call.root + 1}};
        break;
    case reduce_scatter:
        gives_blocks(in);
        if (plan.in_place) plan.open = plan.given;
        (plan.in_place ? plan.out : plan.in) = in.size;
        if (!plan.in_place) plan.out = in.counts[own];
        plan.result = {{plan.in_place ? in.displacements[own] : 0, in.counts[own], 0, ranks, self}};
        break;
    case all_gather:
        gathers();
        gathered();
        break;
    case gather:
        plan.in_place = false;
        gathers();
        if (at_root) gathered();
        break;
    case scatter:
        plan.in_place = false;
        plan.in = at_root ? in.size : 0;
        if (at_root) gives_blocks(in);
        plan.out = in.counts[own];
        plan.result = {{0, plan.out, call.root, call.root + 1, self}};
        break;
    case all_to_all:
        plan.in = plan.in_place ? 0 : out.size;
        gives_blocks(out);
        gathered();
        for (auto& each : plan.result) each.to = self;
        break;
    case barrier:
    case send_recv:
        break;
    }
    return plan;
}

/// Values of one round of a call: what each rank contributes, and folds of it.
template <class T, class Op>
class reference {
public:
    /// `world` are the members' ranks in the first communicator: groups of one split contribute different values.
    reference(std::uint64_t seed, std::vector<int> world, Op op, bool finishes)
        : seed_(static_cast<std::uint32_t>(seed)),
          world_(std::move(world)),
          op_(op),
          finishes_(finishes) {}

    void write(piece const& what, std::span<T> into) const {
        auto const out = into.subspan(what.at, what.count);
        constexpr std::size_t at_once = 4096; // stays in the cache for all ranks
        for (std::size_t begin = 0; begin < out.size(); begin += at_once)
            write_some(what, out.subspan(begin, std::min(at_once, out.size() - begin)), begin);
        if constexpr (facts_of<Op, T>().finishes)
            if (finishes_ && what.last - what.first == static_cast<int>(world_.size()) && world_.size() > 1)
                for (auto& each : out) each = static_cast<T>(each / static_cast<T>(world_.size()));
    }

private:
    void write_some(piece const& what, std::span<T> out, std::size_t begin) const {
        for (int member = what.first; member < what.last; ++member) {
            auto const salt =
                detail::mix(seed_, static_cast<std::uint64_t>(world_[static_cast<std::size_t>(member)]) * 64 +
                                       static_cast<std::uint64_t>(what.to));
            auto const& from = values();
            auto at = (salt + begin) % from.size();
            for (std::size_t i = 0; i < out.size(); at = 0) {
                auto const count = std::min(out.size() - i, from.size() - at);
                if (member == what.first)
                    std::copy_n(from.data() + at, count, out.data() + i);
                else
                    for (std::size_t k = 0; k < count; ++k)
                        out[i + k] = static_cast<T>(std::invoke(op_, out[i + k], from[at + k]));
                i += count;
            }
        }
    }

    /// Every rank contributes these, from another place on: a prime number of them, which no length of a block or
    /// segment is a multiple of. Small enough for the sum over all ranks to be exact.
    static std::vector<T> const& values() {
        static auto const all = [] {
            std::vector<T> made;
            for (std::uint32_t i = 0; i < 8191; ++i) made.push_back(value(i * 2654435761u >> 22));
            return made;
        }();
        return all;
    }
    static T value(std::uint32_t number) {
        if constexpr (std::is_same_v<T, wide>)
            return {number, 0, {number, 0, 0, 0, 0, 0}};
        else if constexpr (std::is_same_v<T, bfloat16>)
            return T(static_cast<float>(number % 16));
        else
            return element_of_number<T>(number);
    }

    std::uint32_t seed_;
    std::vector<int> world_;
    Op op_;
    bool finishes_;
};

} // namespace chorus::testing
