// A job's figures, from a record made by hand.
#include <chorus/report/figures.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <vector>

using namespace chorus;

namespace {

struct made {
    traffic::program program;
    sim::run_record record;

    void add(std::uint32_t job, std::string kind, double begin, double end) {
        traffic::activity one;
        one.job = job;
        one.kind = kind;
        if (kind == "data") one.phases = std::make_shared<std::vector<traffic::phase> const>();
        program.add(std::move(one));
        record.activities.push_back({begin, end});
        record.makespan = std::max(record.makespan, end);
    }
};

} // namespace

TEST_CASE("exposed is what neither computation nor the bubble covers", "[report]") {
    made m;
    m.program.jobs.push_back({"a", {0, 1}, 8e12, 1e12, 1});
    m.program.jobs.push_back({"b", {2}, 0, 0, 2});
    m.add(0, "compute", 0, 4);
    m.add(0, "data", 3, 6);
    m.add(0, "bubble", 6, 7);
    m.add(0, "data", 6.5, 8);
    m.add(1, "data", 1, 9);
    m.record.phases.resize(2);
    m.record.phases[0].activity = 1;
    m.record.phases[0].begin = 3, m.record.phases[0].transferred = 6, m.record.phases[0].ideal = 1.5;
    m.record.phases[0].mean_rate = 0.7, m.record.phases[0].slowest_rate = 0.5;
    m.record.phases[1].activity = 3;
    m.record.phases[1].begin = 7, m.record.phases[1].transferred = 8, m.record.phases[1].ideal = 1;
    auto const a = report::figures(m.program, m.record, 0);
    CHECK(a.iteration == Approx(8));
    CHECK(a.compute == Approx(4));
    CHECK(a.bubble == Approx(1));
    CHECK(a.exposed == Approx(3));
    CHECK(a.communication == Approx(4.5));
    CHECK(a.speed_up == Approx(0.5));
    CHECK(a.mfu == Approx(8e12 / (8 * 2e12)));
    CHECK(a.efficiency == Approx(2.5 / 4));
    CHECK(a.mean_rate == Approx((3 * 0.7 + 1) / 4));
    CHECK(a.slowest_rate == Approx(0.5));
    auto const b = report::figures(m.program, m.record, 1);
    CHECK(b.iteration == Approx(4)); // two of them in eight seconds
    CHECK(b.mfu == 0);
    m.record.stuck = {4};
    CHECK(report::figures(m.program, m.record, 1).stuck);
    CHECK(report::figures(m.program, m.record, 1).iteration == sim::never);
    CHECK(report::figures(m.program, m.record, 1).efficiency == 0);
    CHECK_FALSE(report::figures(m.program, m.record, 0).stuck);
}

TEST_CASE("availability is what failures leave", "[report]") {
    CHECK(report::availability(1800, 60, 100'000) == Approx(1 - 960.0 / 100'000));
    CHECK(report::availability(1800, 60, 10) == 0);
}
