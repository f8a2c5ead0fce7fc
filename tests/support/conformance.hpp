#pragma once
/// The conformance suite: every collective in every form, by every algorithm of the catalogue, against a sequential
/// reference. It runs on any communicator, all of whose ranks call `conformance` with the same plan; each checks its
/// own results and its memory, exactly, and says what is wrong.

#include "conformance_cases.hpp"
#include "elements.hpp"

#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>
#include <chorus/runtime/signature.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace chorus::testing {

/// Memory with margins that nobody may touch, and a value that says "not written".
template <class T>
class guarded {
public:
    explicit guarded(std::size_t size) : all_(size + 2 * margin, untouched()) {}
    static T untouched() { return element_of_number<T>(101); }
    std::span<T> get() { return std::span(all_).subspan(margin, all_.size() - 2 * margin); }
    T& operator[](std::size_t i) { return all_[margin + i]; }
    void clear() { all_.assign(all_.size(), untouched()); }
    bool margins_are_intact() const {
        for (std::size_t i = 0; i < margin; ++i)
            if (!(all_[i] == untouched()) || !(all_[all_.size() - 1 - i] == untouched())) return false;
        return true;
    }

private:
    static constexpr std::size_t margin = 3;
    std::vector<T> all_;
};

/// Ragged blocks in a buffer: one after the other, or with gaps and in descending order.
struct layout {
    std::vector<std::size_t> counts;
    std::vector<std::size_t> displacements; ///< always set; given to the call where the case says so
    std::size_t size = 0;

    layout(std::vector<std::size_t> of, form shape) : counts(std::move(of)), displacements(counts.size()) {
        auto const gap = shape == form::gaps ? std::size_t{2} : std::size_t{0};
        for (std::size_t k = 0; k < counts.size(); ++k) {
            auto const i = shape == form::gaps ? counts.size() - 1 - k : k;
            displacements[i] = size + gap;
            size += gap + counts[i];
        }
    }
    ragged argument(form shape) const { return shape == form::gaps ? ragged(counts, displacements) : ragged(counts); }
};

/// One case on one rank. `check` functions return what is wrong, or nothing.
template <class T>
class conformance_check {
public:
    conformance_check(communicator& comm, conformance_case const& what)
        : comm_(&comm),
          case_(&what),
          rank_(comm.rank()),
          ranks_(comm.size()) {}

    template <class Op>
    std::string folds(Op const& op) {
        switch (case_->what) {
        case collective::all_reduce:
            return vector_fold(op, all_reduce, async_all_reduce, persistent_all_reduce, 0, ranks_);
        case collective::scan:
        case collective::exclusive_scan:
            return prefixes(op);
        case collective::reduce:
            return check_reduce(op);
        case collective::reduce_scatter:
            return check_reduce_scatter(op);
        default:
            return "not a fold";
        }
    }
    std::string moves() {
        switch (case_->what) {
        case collective::broadcast:
            return check_broadcast();
        case collective::all_gather:
            return check_all_gather();
        case collective::gather:
            return check_gather();
        case collective::scatter:
            return check_scatter();
        case collective::all_to_all:
            return check_all_to_all();
        case collective::barrier:
            run([] {}, barrier, async_barrier, persistent_barrier, case_->how);
            return {};
        default:
            return "not a move";
        }
    }

private:
    template <class Op>
    std::string prefixes(Op const& op) {
        if constexpr (facts_of<Op, T>().finishes) return prefixes(std::plus<>{}); // they have no average
        else if (case_->what == collective::scan) return vector_fold(op, scan, async_scan, persistent_scan, 0, rank_ + 1);
        else return vector_fold(op, exclusive_scan, async_exclusive_scan, persistent_exclusive_scan, 0, rank_);
    }

    // ---- data

    /// Element `i` of what `rank` contributes (to `to`, where that matters).
    T value(int rank, std::size_t i, int to = 0) const {
        auto const mixed = detail::mix(detail::mix(static_cast<std::uint32_t>(case_->seed), i),
                                       static_cast<std::uint64_t>(rank) * 64 + static_cast<std::uint64_t>(to));
        return element_of_number<T>(mixed / 7 % 13 * scale_);
    }
    void fill(guarded<T>& data, std::size_t at, std::size_t count, int rank, int to = 0, std::size_t first = 0) const {
        for (std::size_t i = 0; i < count; ++i) data[at + i] = value(rank, first + i, to);
    }
    /// The fold of ranks [from, to) at element i.
    template <class Op>
    T folded(Op const& op, std::size_t i, int from, int to) const {
        auto result = value(from, i);
        for (int r = from + 1; r < to; ++r) result = static_cast<T>(std::invoke(op, result, value(r, i)));
        if constexpr (facts_of<Op, T>().finishes) result = static_cast<T>(result / static_cast<T>(ranks_));
        return result;
    }
    std::vector<std::size_t> counts() const {
        std::vector<std::size_t> result;
        for (int r = 0; r < ranks_; ++r)
            result.push_back(case_->shape == form::uniform ? case_->count : ragged_count(*case_, r, 0));
        return result;
    }

    // ---- calling

    /// Calls in the mode of the case; `reset` fills the buffers anew before a persistent collective starts again.
    template <class Reset, class B, class A, class P, class... Args>
    void run(Reset reset, B const& blocking, A const& asynchronous, P const& persistent, Args&&... args) {
        reset();
        switch (case_->how_run) {
        case mode::blocking:
            blocking(*comm_, args...);
            break;
        case mode::asynchronous:
            asynchronous(*comm_, args...).wait();
            break;
        case mode::persistent: {
            auto request = persistent(*comm_, args...);
            for (int again = 0; again < 2; ++again) {
                reset();
                request.start();
                request.wait();
            }
        }
        }
    }

    // ---- checking

    template <class Expected>
    std::string compare(char const* which, guarded<T>& data, std::size_t at, std::size_t count, Expected expected) {
        for (std::size_t i = 0; i < count; ++i)
            if (!(data[at + i] == expected(i)))
                return std::string(which) + ", element " + std::to_string(at + i) + " is wrong";
        return {};
    }
    std::string compare_untouched(char const* which, guarded<T>& data, std::size_t at, std::size_t count) {
        return compare(which, data, at, count, [](std::size_t) { return guarded<T>::untouched(); });
    }
    std::string margins(guarded<T> const& a, guarded<T> const& b) {
        return a.margins_are_intact() && b.margins_are_intact() ? "" : "memory beside the buffers was written";
    }
    template <class... Texts>
    static std::string first_of(Texts&&... texts) {
        std::string result;
        static_cast<void>((... || !(result = texts()).empty()));
        return result;
    }

    // ---- the collectives

    template <class Op, class B, class A, class P>
    std::string vector_fold(Op const& op, B const& b, A const& a, P const& persistent, int from, int to) {
        if constexpr (facts_of<Op, T>().finishes) scale_ = static_cast<std::uint32_t>(ranks_);
        auto const n = case_->count;
        guarded<T> in(n), out(n);
        auto const reset = [&] {
            out.clear();
            fill(case_->in_place ? out : in, 0, n, rank_);
        };
        if (case_->in_place)
            run(reset, b, a, persistent, out.get(), op, case_->how);
        else
            run(reset, b, a, persistent, in.get(), out.get(), op, case_->how);
        return first_of(
            [&] {
                return compare("output", out, 0, n, [&](std::size_t i) {
                    if (from < to) return folded(op, i, from, to);
                    return case_->in_place ? value(rank_, i) : guarded<T>::untouched();
                });
            },
            [&] {
                return case_->in_place ? ""
                                       : compare("input", in, 0, n, [&](std::size_t i) { return value(rank_, i); });
            },
            [&] { return margins(in, out); });
    }

    template <class Op>
    std::string check_reduce(Op const& op) {
        if constexpr (facts_of<Op, T>().finishes) scale_ = static_cast<std::uint32_t>(ranks_);
        auto const n = case_->count;
        auto const at_root = rank_ == case_->root;
        guarded<T> in(n), out(n);
        auto& source = case_->in_place && at_root ? out : in;
        auto const reset = [&] {
            out.clear();
            fill(source, 0, n, rank_);
        };
        if (case_->in_place)
            run(reset, reduce, async_reduce, persistent_reduce, source.get(), op, case_->root, case_->how);
        else
            run(reset, reduce, async_reduce, persistent_reduce, in.get(), out.get(), op, case_->root, case_->how);
        return first_of(
            [&] {
                if (!at_root) return compare_untouched("output", out, 0, n);
                return compare("output", out, 0, n, [&](std::size_t i) { return folded(op, i, 0, ranks_); });
            },
            [&] {
                return &source == &out ? ""
                                       : compare("input", in, 0, n, [&](std::size_t i) { return value(rank_, i); });
            },
            [&] { return margins(in, out); });
    }

    template <class Op>
    std::string check_reduce_scatter(Op const& op) {
        if constexpr (facts_of<Op, T>().finishes) scale_ = static_cast<std::uint32_t>(ranks_);
        layout const blocks(counts(), case_->shape);
        auto const self = static_cast<std::size_t>(rank_);
        auto const in_place = case_->in_place && case_->shape == form::uniform;
        auto const mine = blocks.counts[self];
        guarded<T> in(blocks.size), out(in_place ? 0 : mine);
        auto const reset = [&] {
            out.clear();
            for (std::size_t b = 0; b < blocks.counts.size(); ++b)
                fill(in, blocks.displacements[b], blocks.counts[b], rank_, 0, 1000 * b);
        };
        if (in_place)
            run(reset, reduce_scatter, async_reduce_scatter, persistent_reduce_scatter, in.get(), op, case_->how);
        else if (case_->shape == form::uniform)
            run(reset, reduce_scatter, async_reduce_scatter, persistent_reduce_scatter, in.get(), out.get(), op,
                case_->how);
        else
            run(reset, reduce_scatter_v, async_reduce_scatter_v, persistent_reduce_scatter_v, in.get(), out.get(),
                blocks.argument(case_->shape), op, case_->how);
        auto const expected = [&](std::size_t i) { return folded(op, 1000 * self + i, 0, ranks_); };
        return first_of(
            [&] {
                return in_place ? compare("output", in, blocks.displacements[self], mine, expected)
                                : compare("output", out, 0, mine, expected);
            },
            [&] { return margins(in, out); });
    }

    std::string check_broadcast() {
        auto const n = case_->count;
        guarded<T> data(n);
        auto const reset = [&] {
            data.clear();
            if (rank_ == case_->root) fill(data, 0, n, rank_);
        };
        run(reset, broadcast, async_broadcast, persistent_broadcast, data.get(), case_->root, case_->how);
        return first_of(
            [&] { return compare("data", data, 0, n, [&](std::size_t i) { return value(case_->root, i); }); },
            [&] { return margins(data, data); });
    }

    /// Every block where it belongs, and the gaps between them as they were.
    template <class Expected>
    std::string compare_blocks(guarded<T>& all, layout const& blocks, Expected expected) {
        guarded<T> wanted(blocks.size);
        for (std::size_t b = 0; b < blocks.counts.size(); ++b)
            for (std::size_t i = 0; i < blocks.counts[b]; ++i)
                wanted[blocks.displacements[b] + i] = expected(static_cast<int>(b), i);
        return compare("blocks", all, 0, blocks.size, [&](std::size_t i) { return wanted[i]; });
    }

    std::string check_all_gather() {
        layout const blocks(counts(), case_->shape);
        auto const self = static_cast<std::size_t>(rank_);
        auto const mine = blocks.counts[self];
        guarded<T> in(mine), all(blocks.size);
        auto const reset = [&] {
            all.clear();
            fill(in, 0, mine, rank_);
            if (case_->in_place) fill(all, blocks.displacements[self], mine, rank_);
        };
        auto const shape = blocks.argument(case_->shape);
        if (case_->shape == form::uniform) {
            if (case_->in_place)
                run(reset, all_gather, async_all_gather, persistent_all_gather, all.get(), case_->how);
            else
                run(reset, all_gather, async_all_gather, persistent_all_gather, in.get(), all.get(), case_->how);
        } else if (case_->in_place) {
            run(reset, all_gather_v, async_all_gather_v, persistent_all_gather_v, all.get(), shape, case_->how);
        } else {
            run(reset, all_gather_v, async_all_gather_v, persistent_all_gather_v, in.get(), all.get(), shape,
                case_->how);
        }
        return first_of([&] { return compare_blocks(all, blocks, [&](int b, std::size_t i) { return value(b, i); }); },
                        [&] { return compare("input", in, 0, mine, [&](std::size_t i) { return value(rank_, i); }); },
                        [&] { return margins(in, all); });
    }

    std::string check_gather() {
        layout const blocks(counts(), case_->shape);
        auto const mine = blocks.counts[static_cast<std::size_t>(rank_)];
        auto const at_root = rank_ == case_->root;
        guarded<T> in(mine), all(at_root ? blocks.size : 0);
        auto const reset = [&] {
            all.clear();
            fill(in, 0, mine, rank_);
        };
        if (case_->shape == form::uniform)
            run(reset, gather, async_gather, persistent_gather, in.get(), all.get(), case_->root, case_->how);
        else
            run(reset, gather_v, async_gather_v, persistent_gather_v, in.get(), all.get(),
                blocks.argument(case_->shape), case_->root, case_->how);
        return first_of(
            [&] {
                return at_root ? compare_blocks(all, blocks, [&](int b, std::size_t i) { return value(b, i); })
                               : std::string();
            },
            [&] { return compare("input", in, 0, mine, [&](std::size_t i) { return value(rank_, i); }); },
            [&] { return margins(in, all); });
    }

    std::string check_scatter() {
        layout const blocks(counts(), case_->shape);
        auto const mine = blocks.counts[static_cast<std::size_t>(rank_)];
        auto const at_root = rank_ == case_->root;
        guarded<T> all(at_root ? blocks.size : 0), out(mine);
        auto const reset = [&] {
            out.clear();
            for (std::size_t b = 0; at_root && b < blocks.counts.size(); ++b)
                fill(all, blocks.displacements[b], blocks.counts[b], rank_, static_cast<int>(b));
        };
        if (case_->shape == form::uniform)
            run(reset, scatter, async_scatter, persistent_scatter, all.get(), out.get(), case_->root, case_->how);
        else
            run(reset, scatter_v, async_scatter_v, persistent_scatter_v, all.get(), blocks.argument(case_->shape),
                out.get(), case_->root, case_->how);
        return first_of(
            [&] {
                return compare("output", out, 0, mine, [&](std::size_t i) { return value(case_->root, i, rank_); });
            },
            [&] { return margins(all, out); });
    }

    std::string check_all_to_all() {
        std::vector<std::size_t> to_each, from_each;
        for (int r = 0; r < ranks_; ++r) {
            auto const uniform = case_->shape == form::uniform;
            to_each.push_back(uniform ? case_->count : ragged_count(*case_, rank_, r));
            from_each.push_back(uniform ? case_->count : ragged_count(*case_, r, rank_));
        }
        layout const outgoing(to_each, case_->shape), incoming(from_each, case_->shape);
        auto const in_place = case_->in_place && case_->shape == form::uniform;
        guarded<T> out(outgoing.size), in(incoming.size);
        auto const reset = [&] {
            in.clear();
            for (std::size_t b = 0; b < to_each.size(); ++b)
                fill(in_place ? in : out, outgoing.displacements[b], to_each[b], rank_, static_cast<int>(b));
        };
        if (in_place)
            run(reset, all_to_all, async_all_to_all, persistent_all_to_all, in.get(), case_->how);
        else if (case_->shape == form::uniform)
            run(reset, all_to_all, async_all_to_all, persistent_all_to_all, out.get(), in.get(), case_->how);
        else
            run(reset, all_to_all_v, async_all_to_all_v, persistent_all_to_all_v, out.get(),
                outgoing.argument(case_->shape), in.get(), incoming.argument(case_->shape), case_->how);
        return first_of(
            [&] { return compare_blocks(in, incoming, [&](int b, std::size_t i) { return value(b, i, rank_); }); },
            [&] { return margins(out, in); });
    }

    communicator* comm_;
    conformance_case const* case_;
    int rank_;
    int ranks_;
    std::uint32_t scale_ = 1; ///< all numbers are multiples of it: averages stay exact
};

/// An element type with an operator. Each is compiled in one place: conformance_types.hpp.
struct conformance_type {
    char const* name;
    bool commutative;
    bool also_moves;
    std::string (*check)(communicator&, conformance_case const&);
};

template <class T, class Op, bool AlsoMoves>
conformance_type make_conformance_type(char const* name) {
    return {name, facts_of<Op, T>().commutative, AlsoMoves, [](communicator& comm, conformance_case const& what) {
                conformance_check<T> check(comm, what);
                if (has_operator(what.what)) return check.folds(Op{});
                if constexpr (AlsoMoves)
                    return check.moves();
                else
                    return std::string("type does not move");
            }};
}

inline std::vector<conformance_type> conformance_types() {
    return {
        make_conformance_type<float, std::plus<>, true>("float plus"),
        make_conformance_type<affine, compose, false>("affine compose"),
        make_conformance_type<double, average, false>("double average"),
        make_conformance_type<int, maximum, false>("int maximum"),
        make_conformance_type<std::uint8_t, std::plus<>, true>("uint8 plus"),
        make_conformance_type<std::complex<float>, std::plus<>, false>("complex plus"),
        make_conformance_type<bfloat16, std::plus<>, false>("bfloat16 plus"),
        make_conformance_type<triple, commutative_operator<add_triples>, true>("triple add"),
    };
}

/// Runs one case; returns what is wrong with it on this rank. A call that must be refused has to be.
inline std::string conformance_of(communicator& comm, conformance_type const& type, conformance_case const& what) {
    auto const* const entry = find(entries_of(what.what), what.how.name);
    auto const must_refuse =
        entry != nullptr && ((has_operator(what.what) && !type.commutative && !entry->keeps_order) ||
                             (entry->refuses != nullptr && !entry->refuses(comm.size(), what.how).empty()));
    std::string wrong;
    try {
        wrong = type.check(comm, what);
        if (wrong.empty() && must_refuse) wrong = "was not refused";
    } catch (usage_error const& e) {
        auto const may_refuse = what.how.name == "native"; // knows what it can do, and says so
        if (!must_refuse && !may_refuse) wrong = e.what();
    }
    if (wrong.empty()) return {};
    return describe(what) + ", " + type.name + ", rank " + std::to_string(comm.rank()) + " of " +
           std::to_string(comm.size()) + ": " + wrong;
}

/// Runs the plan; returns what is wrong first on this rank, or nothing.
inline std::string conformance(communicator& comm, conformance_plan const& plan) {
    static auto const types = conformance_types();
    std::string wrong;
    std::size_t next = 0;
    for_each_case(comm.size(), plan, [&](conformance_case const& what) {
        do next = (next + 1) % types.size();
        while (!has_operator(what.what) && !types[next].also_moves);
        if (wrong.empty()) wrong = conformance_of(comm, types[next], what);
        return wrong.empty();
    });
    return wrong;
}

} // namespace chorus::testing
