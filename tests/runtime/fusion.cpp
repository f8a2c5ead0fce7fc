/// Buckets that were filled differently, and what becomes of them after a failure.

#include "support/ranks.hpp"
#include "support/shm_ranks.hpp"

#include <chorus/chorus.hpp>
#include <chorus/runtime/fusion.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// Rank 1 adds its vectors in another order.
void fill_in_another_order(communicator& comm) {
    std::vector<float> weights(100, 1), bias(10, 1);
    reduction_bucket<float> bucket(comm);
    if (comm.rank() != 1) bucket.add(weights);
    bucket.add(bias);
    if (comm.rank() == 1) bucket.add(weights);
    bucket.wait();
}

using vector = std::vector<float>;

/// The communicator fails on all ranks and is renewed; rank 2 leaves.
void lose_one(communicator& comm) {
    auto const failed = outcome_of([&] {
        std::vector<int> data(2);
        for (;;) all_reduce(comm, data);
    });
    require(failed.kind == "transport");
    comm = comm.shrink();
}
void expect_sum(reduction_bucket<float>& bucket, int ranks) {
    vector other(10, 1);
    bucket.add(other);
    bucket.wait();
    require(other == vector(10, static_cast<float>(ranks)));
}

} // namespace

TEST_CASE("a bucket that was filled in another order is refused, and both ranks are named", "[runtime/fusion]") {
    for (auto const checked : {true, false}) {
        CAPTURE(checked);
        auto const all = outcomes(2, patient(checked), fill_in_another_order);
        INFO(texts(all));
        for (auto const& each : all) {
            CHECK(each.has("calls do not match: rank "));
            CHECK(each.has("rank 0 calls all_reduce of 110 float32 with plus"));
            CHECK(each.has("rank 1 calls all_reduce of 110 float32 with plus"));
            CHECK(each.has("the order in a bucket differ"));
        }
        CHECK(thrown_by_processes(2, patient(checked), fill_in_another_order).find("calls do not match") != std::string::npos);
    }
}

TEST_CASE("a bucket forgets its vectors when the context fails, and works on after shrink", "[runtime/fusion][failure]") {
    auto const ends = outcomes(3, patient(), [](communicator& world) {
        auto comm = world.dup();
        if (comm.rank() == 2) return;
        auto gone = std::make_unique<vector>(1000, 1.0f), large = std::make_unique<vector>(2000, 1.0f);
        reduction_bucket<float> told(comm, 4096), untold(comm, 4096), waiting(comm, 4096), unstarted(comm);
        for (auto* const each : {&told, &untold, &waiting}) {
            each->add(*gone);
            each->flush();
            each->add(*large); // reduced where it lies
        }
        told.add(*gone);
        unstarted.add(*gone);
        require(outcome_of([&] { told.wait(); }).kind == "transport");
        lose_one(comm);
        gone.reset();
        large.reset();
        require(outcome_of([&] { waiting.wait(); }).has("was added before shrink() is forgotten"));
        for (auto* const each : {&told, &untold, &waiting, &unstarted}) expect_sum(*each, 2);
    });
    INFO(texts(ends));
    for (auto const& each : ends) CHECK(each.kind.empty());
}
