/// The hazard tracker against the rule that it implements, on random sequences of steps.

#include "schedule/programs.hpp"

#include <catch2/catch.hpp>
#include <chorus/schedule/hazard.hpp>

#include <random>
#include <vector>

using namespace chorus;
using programs::pick;

namespace {

slice random_slice(programs::random_source& random) {
    slice const whole{pick(random, 0, 2), {}, {3, 0, 1}};
    auto const parts = pick(random, 1, 12), first = pick(random, 0, parts - 1);
    return {whole.buffer, whole.part(first, parts).begin, whole.part(pick(random, first, parts - 1), parts).end};
}

step random_step(programs::random_source& random) {
    step s;
    s.kind = static_cast<step_kind>(pick(random, 0, 5));
    for (int i = pick(random, 1, 2); i > 0; --i) {
        if (s.kind != step_kind::recv && s.kind != step_kind::finish) s.source += random_slice(random);
        if (s.kind != step_kind::send) s.target += random_slice(random);
    }
    if (s.kind == step_kind::recv_reduce && pick(random, 0, 1) == 1) s.source = s.target;
    return s;
}

using relation = std::vector<std::vector<bool>>; // relation[a][b]: b comes after a

relation closed(relation order) {
    auto const n = order.size();
    for (std::size_t k = 0; k < n; ++k)
        for (std::size_t a = 0; a < n; ++a)
            for (std::size_t b = 0; b < n; ++b)
                if (order[a][k] && order[k][b]) order[a][b] = true;
    return order;
}

} // namespace

TEST_CASE("predecessors order exactly what the rule demands", "[schedule][hazard]") {
    auto const seed = std::random_device{}();
    INFO("seed " << seed);
    programs::random_source random(seed);
    for (int round = 0; round < 300; ++round) {
        INFO("round " << round);
        std::vector<step> steps(std::size_t(pick(random, 1, 30)));
        for (auto& each : steps) each = random_step(random);

        hazard_tracker tracker;
        relation told(steps.size(), std::vector<bool>(steps.size())), demanded = told;
        auto ascending = true, needed = true;
        for (std::size_t b = 0; b < steps.size(); ++b) {
            auto last = -1;
            for (auto const a : tracker.add(std::int32_t(b), steps[b])) {
                ascending = ascending && last < a && a < std::int32_t(b);
                needed = needed && must_be_ordered(steps[std::size_t(a)], steps[b]);
                told[std::size_t(a)][b] = true;
                last = a;
            }
            for (std::size_t a = 0; a < b; ++a) demanded[a][b] = must_be_ordered(steps[a], steps[b]);
        }
        REQUIRE(ascending);
        REQUIRE(needed);
        REQUIRE(closed(told) == closed(demanded));
    }
}

TEST_CASE("readers do not wait for each other, writers wait for all", "[schedule][hazard]") {
    slice const data{output_buffer, {}, {1, 0, 1}};
    auto const make = [](step_kind kind, slice_list source, slice_list target) {
        step s;
        s.kind = kind;
        s.source = std::move(source);
        s.target = std::move(target);
        return s;
    };
    hazard_tracker tracker;
    using list = std::vector<std::int32_t>;
    CHECK(tracker.add(0, make(step_kind::send, data, {})) == list{});
    CHECK(tracker.add(1, make(step_kind::send, data.part(0, 2), {})) == list{});
    CHECK(tracker.add(2, make(step_kind::recv, {}, data.part(1, 2))) == list{0});
    CHECK(tracker.add(3, make(step_kind::recv, {}, data.part(0, 2))) == list{0, 1});
    CHECK(tracker.add(4, make(step_kind::send, data.part(1, 3), {})) == list{2, 3});
    CHECK(tracker.add(5, make(step_kind::recv_reduce, data, data)) == list{2, 3, 4});
    CHECK(tracker.add(6, make(step_kind::finish, {}, data)) == list{5});
}
