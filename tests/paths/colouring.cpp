#include <chorus/network/demand.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/paths/certificate.hpp>
#include <chorus/paths/check.hpp>
#include <chorus/paths/nslb.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace chorus;

namespace {

/// A part of a permutation: every endpoint sends and receives at most one flow.
std::vector<flow> partial_permutation(std::uint32_t endpoints, std::mt19937& random) {
    std::vector<flow> some;
    for (auto const& f : permutation_flows(endpoints, random()))
        if (random() % 3 != 0) some.push_back(f);
    return some;
}

} // namespace

TEST_CASE("a colouring is balanced at every vertex", "[paths][colouring]") {
    balanced_colouring colouring;
    std::mt19937 random(1);
    for (int round = 0; round < 3000; ++round) {
        auto const n = static_cast<std::uint32_t>(1 + random() % 12);
        auto const colours = static_cast<std::uint32_t>(1 + random() % 13);
        std::vector<bipartite_edge> edges(random() % 80);
        for (auto& each : edges)
            each = {static_cast<std::uint32_t>(random() % n), static_cast<std::uint32_t>(random() % n)};
        std::vector<std::uint32_t> colour(edges.size(), colours);
        colouring.colour(edges, n, colours, [&](std::uint32_t i, std::uint32_t c) { colour[i] = c; });
        std::vector<std::uint32_t> count(2 * n * colours), degree(2 * n);
        for (std::size_t i = 0; i < edges.size(); ++i) {
            REQUIRE(colour[i] < colours);
            ++count[edges[i].left * colours + colour[i]], ++degree[edges[i].left];
            ++count[(n + edges[i].right) * colours + colour[i]], ++degree[n + edges[i].right];
        }
        INFO("round " << round);
        for (std::uint32_t i = 0; i < count.size(); ++i) {
            auto const allowed = (degree[i / colours] + colours - 1) / colours;
            REQUIRE(count[i] <= allowed);
        }
    }
}

TEST_CASE("any partial permutation on a full fabric is planned to maximum load 1, and checked", "[paths][nslb]") {
    std::mt19937 random(2);
    nslb planner;
    for (auto const* text : {"fat-tree:k=2", "fat-tree:k=4", "fat-tree:k=6", "fat-tree:k=10", "fat-tree:k=14",
                             "fat-tree:k=6,planes=2", "leaf-spine:leaves=7,spines=5,hosts=5",
                             "leaf-spine:leaves=1,spines=3,hosts=3", "rail:blocks=3,hosts=5,rails=4,spines=5",
                             "chassis:leaves=6,chassis=3,hosts=9", "dual-plane:leaves=5,spines=4,hosts=8",
                             "super-node:nodes=4,npus=9,per_leaf=6", "clos:pods=5,edges=3,aggs=7,cores=3,hosts=7",
                             "clos:pods=3,edges=4,aggs=2,cores=2,hosts=4,parallel=2,core_parallel=4"}) {
        auto const on = parse_topology(text);
        for (int round = 0; round < 20; ++round) {
            auto const phase = partial_permutation(on.endpoints(), random);
            auto const plan = planner.route(on, phase);
            auto const proof = certify(on, phase, plan);
            INFO(text << ", round " << round);
            CHECK(proof.max_load <= 1);
            CHECK(proof.optimal());
            CHECK(check_routing(on, phase, plan, claim_of(proof)).empty());
        }
    }
}

TEST_CASE("several flows of each NIC, and oversubscription, reach the bound", "[paths][nslb]") {
    nslb planner;
    for (auto const* text : {"fat-tree:k=8,over=2", "fat-tree:k=6,over=3", "leaf-spine:leaves=6,spines=4,hosts=12",
                             "fat-tree:k=8", "rail:blocks=4,hosts=6,rails=4,spines=3"})
        for (auto const* traffic :
             {"permutation:flows=1", "permutation:flows=2", "permutation:flows=3", "shift:by=7,flows=5"}) {
            auto const on = parse_topology(text);
            auto const phase = parse_demand(traffic, on);
            auto const plan = planner.route(on, phase);
            auto const proof = certify(on, phase, plan);
            INFO(text << ", " << traffic << ": " << proof.max_load << " where " << proof.lower_bound
                      << " is the bound");
            CHECK(proof.optimal());
            CHECK(check_routing(on, phase, plan, claim_of(proof)).empty());
        }
}

TEST_CASE("nested sets are balanced at once", "[paths][colouring]") {
    laminar_colouring colouring;
    std::mt19937 random(6);
    auto const below = [&](std::uint32_t bound) { return static_cast<std::uint32_t>(random() % bound); };
    for (int round = 0; round < 1000; ++round) {
        // Up to 30 innermost sets in 6 middle ones, those in 2 outer ones, on either side.
        laminar_colouring::family sides[2];
        std::vector<std::uint32_t> colour(below(120));
        auto const colours = 1 + below(9);
        for (auto& side : sides) {
            for (std::uint32_t set = 0; set < 30; ++set) side.around.push_back(30 + below(6));
            for (std::uint32_t set = 0; set < 6; ++set) side.around.push_back(below(3) == 0 ? laminar_colouring::none : 36 + below(2));
            side.around.resize(38, laminar_colouring::none);
            for (std::size_t i = 0; i < colour.size(); ++i) side.innermost.push_back(below(36));
        }
        for (auto& each : colour) each = below(colours);
        colouring.balance(sides[0], sides[1], colours, colour);
        INFO("round " << round);
        for (auto const& side : sides) {
            std::vector<std::uint32_t> count(38 * colours), size(38);
            for (std::size_t i = 0; i < colour.size(); ++i)
                for (auto set = side.innermost[i]; set != laminar_colouring::none; set = side.around[set])
                    ++count[set * colours + colour[i]], ++size[set];
            for (std::size_t i = 0; i < count.size(); ++i) {
                REQUIRE(count[i] >= size[i / colours] / colours);
                REQUIRE(count[i] <= (size[i / colours] + colours - 1) / colours);
            }
        }
    }
}

TEST_CASE("planes and tapered tiers of odd numbers reach the bound", "[paths][nslb]") {
    std::mt19937 random(8);
    for (auto const* text : {"dual-plane:leaves=5,spines=3,hosts=7", "dual-plane:leaves=6,spines=5,hosts=11", "fat-tree:k=6,planes=3",
                             "clos:pods=5,edges=3,aggs=3,cores=2,hosts=5", "clos:pods=4,edges=3,aggs=5,cores=1,hosts=5",
                             "clos:pods=7,edges=5,aggs=3,cores=3,hosts=4,parallel=3", "clos:pods=4,edges=3,aggs=2,cores=1,hosts=5,planes=2"}) {
        auto const on = parse_topology(text);
        int optimal = 0;
        for (int round = 0; round < 60; ++round) {
            std::vector<flow> phase;
            for (std::size_t part = 0; part <= random() % 3; ++part)
                for (auto const& f : partial_permutation(on.endpoints(), random)) phase.push_back(f);
            auto const plan = nslb{}.route(on, phase);
            auto const proof = certify(on, phase, plan);
            INFO(text << ", round " << round);
            CHECK(check_routing(on, phase, plan, claim_of(proof)).empty());
            CHECK(proof.max_load <= proof.lower_bound + 1);
            optimal += proof.optimal() ? 1 : 0;
        }
        INFO(text);
        CHECK(optimal == 60);
    }
}

TEST_CASE("unequal flows: the gap is that of the last part, and smaller with more queue pairs", "[paths][nslb]") {
    std::mt19937 random(9);
    for (auto const* text : {"leaf-spine:leaves=8,spines=4,hosts=12", "clos:pods=5,edges=4,aggs=4,cores=2,hosts=6"}) {
        auto const on = parse_topology(text);
        double gap[2] = {};
        for (int round = 0; round < 10; ++round) {
            auto phase = permutation_flows(on.endpoints(), random());
            for (auto& f : phase) f.bytes = 1000 + random() % 1'000'000;
            for (std::uint32_t const parts : {1U, 4U}) {
                auto const plan = nslb(parts).route(on, phase);
                auto const proof = certify(on, phase, plan);
                INFO(text << ", " << parts << " queue pairs: " << proof.max_load << " where " << proof.lower_bound << " is the bound");
                CHECK(check_routing(on, phase, plan, claim_of(proof)).empty());
                CHECK(proof.max_load <= proof.lower_bound + 1.0 / parts + 1e-9);
                gap[parts == 4] += proof.gap() / 10;
            }
        }
        CHECK(gap[0] < 0.2);
        CHECK(gap[1] < 0.06);
    }
}

TEST_CASE("100,000 endpoints are planned to their optimum", "[paths][nslb]") {
    auto const on = parse_topology("fat-tree:k=76");
    auto const phase = permutation_flows(on.endpoints(), 1);
    auto const proof = certify(on, phase, nslb{}.route(on, phase));
    CHECK(proof.max_load == 1);
    CHECK(proof.optimal());
}

TEST_CASE("acknowledgements on the same routes are balanced, too", "[paths][nslb]") {
    auto const on = parse_topology("fat-tree:k=10");
    auto phase = permutation_flows(on.endpoints(), 4);
    auto const plan = nslb{}.route(on, phase);
    for (auto& f : phase) std::swap(f.source, f.destination);
    CHECK(max_load(on, phase, plan) == 1);
}

TEST_CASE("the checker finds what is wrong with a routing", "[paths][check]") {
    auto on = parse_topology("fat-tree:k=4");
    auto const phase = permutation_flows(on.endpoints(), 1);
    auto const plan = nslb{}.route(on, phase);
    auto const said = claim_of(certify(on, phase, plan));
    REQUIRE(check_routing(on, phase, plan, said).empty());

    SECTION("a load that is too good") {
        auto wrong = said;
        wrong.max_load = 0.5;
        CHECK(check_routing(on, phase, plan, wrong) == "the maximum load is 1.000000, not 0.500000");
    }
    SECTION("a bound that the cut does not prove") {
        auto wrong = said;
        wrong.lower_bound = 2;
        CHECK(check_routing(on, phase, plan, wrong) == "the cut proves a lower bound of 1.000000, not 2.000000");
    }
    SECTION("a dead link") {
        hop_buffer buffer;
        auto const dead = plan.hops(on, phase, 3, buffer)[1];
        on.set_health(dead, 0);
        CHECK(check_routing(on, phase, plan, said) ==
              "sub-flow 3 (of flow 3): link " + on.link_name(dead) + " is dead");
    }
    SECTION("a path that breaks off, a flow that is left out") {
        auto wrong = plan;
        hop_buffer buffer;
        auto const first = plan.hops(on, phase, 2, buffer)[0];
        wrong.subflows()[2].route = wrong.add_path(std::vector<link_id>{first});
        CHECK(check_routing(on, phase, wrong, said) == "sub-flow 2 (of flow 2): ends at " + on.vertex_name(on.to(first)));
        wrong = plan;
        wrong.subflows()[2].share = 0.5F;
        CHECK(check_routing(on, phase, wrong, said) == "flow 2: the shares of its sub-flows do not sum to 1");
    }
    SECTION("a path with a jump in it") {
        auto wrong = plan;
        std::vector<link_id> const jump{0, 50};
        wrong.subflows()[0].route = wrong.add_path(jump);
        CHECK(check_routing(on, phase, wrong, said).find("does not begin where it is") != std::string::npos);
    }
}

TEST_CASE("bounds count whole flows where nothing is split", "[paths][bounds]") {
    using chorus::detail::spread_whole;
    CHECK(spread_whole(0, std::vector{1.0}) == 0);
    CHECK(spread_whole(7, std::vector{1.0, 1.0, 1.0}) == 3);
    CHECK(spread_whole(3, std::vector{1.0, 0.0}) == 3);
    CHECK(spread_whole(3, std::vector{1.0, 0.5}) == 2);
    CHECK(spread_whole(2, std::vector{1.0, 0.1}) == 2);
    CHECK(std::isinf(spread_whole(1, std::vector{0.0})));
    auto const on = parse_topology("leaf-spine:leaves=2,spines=2,hosts=3");
    std::vector<flow> const phase{{0, 3}, {1, 4}, {2, 5}};
    CHECK(find_lower_bound(on, phase, false).load == 2);
    CHECK(find_lower_bound(on, phase, true).load == 1.5);
    CHECK(find_lower_bound(on, phase, true).where.level == tier::edge);
}
