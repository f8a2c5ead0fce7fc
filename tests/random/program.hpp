#pragma once
/// Random programs: what all ranks of a job call one after the other, made of a seed alone.

#include "support/conformance_cases.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace chorus::testing {

/// Element type and operator of a call. What each is made of: elements.hpp and reference.hpp.
enum class folded : std::uint8_t {
    int32_plus,
    int32_minimum,
    uint8_xor,
    float32_plus,
    float64_plus,
    bfloat16_plus,
    int64_average,
    affine_compose,
    triple_add,
    wide_add
};
constexpr std::size_t folded_kinds = 10;
constexpr std::size_t size_of(folded what) {
    constexpr std::size_t bytes[] = {4, 4, 1, 4, 8, 2, 8, 8, 12, 64};
    return bytes[static_cast<std::size_t>(what)];
}
constexpr char const* name(folded what) {
    constexpr char const* names[] = {"int32 plus",       "int32 minimum",           "uint8 bit_xor", "float32 plus",
                                     "float64 plus",     "bfloat16 plus",           "int64 average", "affine compose",
                                     "12 bytes, custom", "64 aligned bytes, custom"};
    return names[static_cast<std::size_t>(what)];
}
constexpr bool commutes(folded what) { return what != folded::affine_compose; }

/// Where buffers lie: all of a call private, all of `allocate`, or each rank as it likes.
enum class memory : std::uint8_t { is_private, is_shared, is_mixed };

struct random_step {
    enum class kind : std::uint8_t {
        call,   ///< a collective of `how`
        send,   ///< everybody sends to the rank `how.root` further on
        bucket, ///< a reduction_bucket of `rounds` spans
        divide, ///< makes communicator `slot`: dup, split or subgroup of communicator `comm`
        finish, ///< waits for everything that is on its way
    };
    kind what = kind::call;
    conformance_case how;        ///< `how.how` is filled in by `algorithm`, where the size of the communicator is known
    std::size_t comm = 0;        ///< which of the communicators
    std::size_t slot = 0;        ///< divide: which becomes another one
    std::uint32_t algorithm = 0; ///< 0: automatic; otherwise one of those that can serve
    int segments = 0;
    folded element = folded::int32_plus;
    memory where = memory::is_private;
    int rounds = 1; ///< how often, each time with other values
};

inline constexpr std::size_t most_communicators = 4;

struct program_limits {
    int ranks = 2;
    std::size_t bytes = std::size_t{64} << 20; ///< of the longest vector
    int steps = 40;
};

/// Writes the steps of one program. The same seed and limits make the same program, on every rank and in every run.
class program_writer {
public:
    program_writer(std::uint64_t seed, program_limits const& limits) : random_(seed), limits_(limits) {}

    std::vector<random_step> write() {
        std::vector<random_step> steps;
        auto const large = limits_.bytes > usual_bytes && one_in(3);
        for (int i = 0; i < (large ? std::max(1, limits_.steps / 20) : limits_.steps); ++i) {
            steps.push_back(large ? next_large() : next());
            if (one_in(6)) steps.push_back(of_kind(random_step::kind::finish));
        }
        steps.push_back(of_kind(random_step::kind::finish));
        random_step last; // all meet
        last.how.what = collective::barrier;
        steps.push_back(last);
        return steps;
    }

private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    static random_step of_kind(random_step::kind what) {
        random_step step;
        step.what = what;
        return step;
    }

    random_step next() {
        using kind = random_step::kind;
        auto step = of_kind(one_in(12)   ? kind::divide
                            : one_in(10) ? kind::send
                            : one_in(20) ? kind::bucket
                                         : kind::call);
        step.how.seed = below(std::uint64_t{1} << 32);
        step.comm = one_in(2) ? 0 : below(most_communicators);
        step.slot = 1 + below(most_communicators - 1);
        step.where = static_cast<memory>(below(3));
        step.element = static_cast<folded>(below(folded_kinds));
        step.how.root = static_cast<int>(below(64));
        step.how.in_place = one_in(2);
        step.how.how_run = one_in(2) ? mode::blocking : static_cast<mode>(below(3));
        step.algorithm = one_in(2) ? 0 : static_cast<std::uint32_t>(1 + below(1000));
        step.segments = one_in(2) ? 0 : one_in(8) ? 64 : static_cast<int>(1 + below(9));
        do step.how.what = static_cast<collective>(below(collective_names.size()));
        while (step.how.what == collective::send_recv);
        if (has_blocks(step.how.what)) step.how.shape = one_in(2) ? form::uniform : static_cast<form>(below(3));
        auto const is_scan = step.how.what == collective::scan || step.how.what == collective::exclusive_scan;
        if (is_scan && step.element == folded::int64_average) step.element = folded::int32_plus;
        size(step);
        return step;
    }

    /// Several times on the same memory: a fault of one call may be seen in the next one. Lengths whose logarithm is
    /// even.
    void size(random_step& step) {
        auto const kind = below(20);
        auto const most = std::min<std::size_t>(limits_.bytes, kind < 7 ? 256 : kind < 14 ? 64 << 10 : usual_bytes);
        auto const bytes = std::size_t{1} << below(static_cast<std::uint64_t>(std::bit_width(most)));
        set_bytes(step, bytes + below(bytes) / 2);
        if (one_in(16)) step.how.count = below(4);
        step.rounds = static_cast<int>(1 + below(bytes <= 4096 ? 12 : 4));
        if (step.what == random_step::kind::bucket) step.how.count = std::min<std::size_t>(step.how.count, 100'000);
    }
    /// What `auto` cuts into more segments than a channel holds; half of it the plainest call, many times, since what
    /// goes wrong once in a hundred calls of one kind is missed by a few calls of every kind.
    random_step next_large() {
        auto step = next();
        step.what = random_step::kind::call;
        if (!one_in(3)) step.element = folded::float64_plus;
        if (!one_in(3)) step.how.what = collective::all_reduce;
        step.how.shape = form::uniform;
        step.how.how_run = mode::blocking;
        step.rounds = 8;
        if (one_in(2)) {
            step.how.what = collective::all_reduce;
            step.how.in_place = step.how.in_place && one_in(2);
            step.algorithm = 0;
            step.comm = 0;
            step.rounds = 25;
        }
        set_bytes(step, usual_bytes + below(limits_.bytes - usual_bytes));
        return step;
    }
    void set_bytes(random_step& step, std::size_t of_all) const {
        auto const blocks = has_blocks(step.how.what) ? static_cast<std::size_t>(limits_.ranks) : 1;
        step.how.count = std::min(of_all, limits_.bytes) / size_of(step.element) / blocks;
    }

    static constexpr std::size_t usual_bytes = std::size_t{1} << 20;
    std::mt19937_64 random_;
    program_limits limits_;
};

/// The algorithm that a step names, on a communicator of `ranks`.
inline choice algorithm_of(random_step const& step, int ranks) {
    if (step.algorithm == 0) return {};
    std::vector<choice> able;
    for (auto const& how : algorithms_of(step.how.what, ranks)) {
        auto const* const entry = find(entries_of(step.how.what), how.name);
        if (entry == nullptr || (!entry->keeps_order && !commutes(step.element))) continue;
        if (entry->refuses != nullptr && !entry->refuses(ranks, how).empty()) continue;
        able.push_back(how);
    }
    if (able.empty()) return {};
    auto how = able[step.algorithm % able.size()];
    how.segments = step.segments;
    return how;
}

inline std::string describe(random_step const& step) {
    constexpr char const* kinds[] = {"call", "send", "bucket", "divide", "finish"};
    constexpr char const* places[] = {"private", "shared", "mixed"};
    return std::string(kinds[static_cast<std::size_t>(step.what)]) + " on communicator " + std::to_string(step.comm) +
           ": " + describe(step.how) + ", " + name(step.element) + ", " + places[static_cast<std::size_t>(step.where)] +
           " memory";
}

} // namespace chorus::testing
