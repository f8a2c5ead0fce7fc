/// Levels of determinism, bit by bit.

#include "support/ranks.hpp"
#include "support/seed.hpp"

#include <chorus/chorus.hpp>
#include <chorus/runtime/fusion.hpp>
#include <chorus/tuning/determinism.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// Numbers whose sums show the order of folding: of very different sizes.
float term(int rank, std::size_t i) {
    auto const h = detail::hash_word(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(rank) * 2654435761u + 17);
    return std::ldexp(static_cast<float>(h % 100'003) - 50'000.0f, static_cast<int>(h >> 27) - 16);
}
std::vector<float> terms(int rank, std::size_t n) {
    std::vector<float> all(n);
    for (std::size_t i = 0; i < n; ++i) all[i] = term(rank, i);
    return all;
}
bool same_bits(std::vector<float> const& a, float const* b) { return std::memcmp(a.data(), b, a.size() * sizeof(float)) == 0; }

/// The sum of every element over all ranks, computed alone: the reference of level 3.
std::vector<float> one_by_one(communicator& comm, std::size_t n) {
    auto all = terms(comm.rank(), n);
    for (auto& each : all) all_reduce(comm, std::span(&each, 1), std::plus<>{}, deterministic{3});
    return all;
}

} // namespace

TEST_CASE("at level 3 an element's sum depends on nothing but the ranks", "[runtime/determinism]") {
    constexpr std::size_t n = 333;
    for (int const p : {2, 3, 4, 5, 8}) {
        CAPTURE(p);
        auto const ends = outcomes(p, patient(), [&](communicator& comm) {
            auto const alone = one_by_one(comm, n);
            for (std::size_t const length : {std::size_t{2}, std::size_t{100}, n}) { // whatever the length
                auto data = terms(comm.rank(), length);
                all_reduce(comm, data, std::plus<>{}, deterministic{3});
                require(same_bits(data, alone.data()));
            }
            choice strict; // whatever the algorithm, and cut into segments
            strict.determinism = 3;
            for (auto const* const name : {"tree", "recursive_doubling", "rabenseifner"}) {
                if (!folds_by_one_tree(collective::all_reduce, name, p)) continue;
                for (int const segments : {1, 3}) {
                    strict.name = name;
                    strict.segments = segments;
                    auto data = terms(comm.rank(), n);
                    all_reduce(comm, data, std::plus<>{}, strict);
                    require(same_bits(data, alone.data()));
                }
            }
            auto input = terms(comm.rank(), n), output = std::vector<float>(n);
            reduce(comm, input, output, std::plus<>{}, 0, deterministic{3}); // another collective
            if (comm.rank() == 0) require(same_bits(output, alone.data()));

            reduction_bucket<float> bucket(comm, 400, {}, deterministic{3}); // fused
            std::vector<std::vector<float>> parts;
            auto const mine = terms(comm.rank(), n);
            for (std::size_t at = 0, length = 1; at < n; at += length, length = std::min(length * 2, n - at))
                parts.emplace_back(mine.begin() + static_cast<std::ptrdiff_t>(at), mine.begin() + static_cast<std::ptrdiff_t>(std::min(n, at + length)));
            for (auto& each : parts) bucket.add(each);
            bucket.wait();
            auto const* from = alone.data();
            for (auto const& each : parts) {
                require(same_bits(each, from));
                from += each.size();
            }
        });
        INFO(texts(ends));
        for (auto const& each : ends) require(each.kind.empty());
    }
}

TEST_CASE("levels 1 and 2: the same bits on all ranks and from run to run", "[runtime/determinism]") {
    constexpr std::size_t n = 1000;
    std::vector<float> first;
    for (int run = 0; run < 3; ++run) {
        std::vector<std::vector<float>> of(5);
        run_threads(5, patient(), [&](communicator& comm) {
            auto data = terms(comm.rank(), n);
            all_reduce(comm, data, std::plus<>{}, ring{});
            of[static_cast<std::size_t>(comm.rank())] = data;
        });
        if (run == 0) first = of[0];
        for (auto const& each : of) require(same_bits(first, each.data()));
    }
}

TEST_CASE("a ring does not hold level 3: the test above could fail", "[runtime/determinism]") {
    run_threads(5, patient(), [](communicator& comm) {
        auto const alone = one_by_one(comm, 333);
        auto data = terms(comm.rank(), 333);
        all_reduce(comm, data, std::plus<>{}, ring{});
        require(!(same_bits(data, alone.data())));
    });
}

TEST_CASE("a context's level holds for its calls, and what cannot hold it is refused", "[runtime/determinism]") {
    auto strict = impatient();
    strict.determinism = 3;
    auto const said = [](options const& how, auto call) {
        auto const ends = outcomes(5, how, call);
        for (auto const& each : ends) require(each.kind == ends.front().kind);
        return ends.front().text;
    };
    CHECK(said(strict, [](communicator& comm) {
              auto const alone = one_by_one(comm, 64);
              auto data = terms(comm.rank(), 64);
              all_reduce(comm, data);
              require(same_bits(data, alone.data()));
              std::vector<int> exact(50, 1), block(10);
              reduce_scatter(comm, exact, block); // integers hold every level
              all_gather(comm, block, exact);
          }) == "");
    CHECK_THAT(said(strict, [](communicator& comm) {
                   auto data = terms(comm.rank(), 64);
                   all_reduce(comm, data, std::plus<>{}, ring{});
               }),
               Catch::Contains("ring cannot run this all_reduce: it does not hold determinism level 3"));
    CHECK_THAT(said(strict, [](communicator& comm) {
                   std::vector<float> in(50, 1), out(10);
                   reduce_scatter(comm, in, out);
               }),
               Catch::Contains("no algorithm holds determinism level 3"));
    CHECK_THAT(said(impatient(), [](communicator& comm) {
                   auto data = terms(comm.rank(), 64);
                   all_reduce(comm, data, std::plus<>{}, deterministic{4});
               }),
               Catch::Contains("no algorithm holds determinism level 4"));
    CHECK(said(impatient(), [](communicator& comm) {
              std::vector<int> data(64, 1);
              all_reduce(comm, data, std::plus<>{}, deterministic{4});
          }) == "");
}

TEST_CASE("a level that a communicator asks for holds there and in what is split off, not beside it", "[runtime/determinism]") {
    auto const ends = outcomes(5, impatient(), [](communicator& comm) {
        auto const alone = one_by_one(comm, 333);
        auto strict = comm.dup();
        auto usual = terms(comm.rank(), 333);
        all_reduce(strict, usual); // before the level is asked for: a choice is remembered
        strict.require_determinism(3);
        auto part = strict.dup();
        for (auto* const each : {&strict, &part}) {
            auto data = terms(comm.rank(), 333);
            all_reduce(*each, data);
            require(same_bits(data, alone.data()));
        }
        auto data = terms(comm.rank(), 333);
        all_reduce(comm, data, std::plus<>{}, ring{}); // the one that it was made from asks for nothing
        auto const refused = outcome_of([&] { all_reduce(strict, data, std::plus<>{}, ring{}); });
        require(refused.kind == "usage" && refused.text.find("it does not hold determinism level 3") != std::string::npos);
    });
    INFO(texts(ends));
    for (auto const& each : ends) CHECK(each.kind.empty());
    for (auto const& each : outcomes(2, impatient(), [](communicator& comm) { comm.require_determinism(5); })) CHECK(each.kind == "usage");
}
