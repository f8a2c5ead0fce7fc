#include <chorus/network/demand.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/paths/export.hpp>
#include <chorus/paths/nslb.hpp>
#include <chorus/paths/replan.hpp>
#include <chorus/paths/spray.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace chorus;

TEST_CASE("solved source ports lead every flow along its planned path", "[paths][enforcement]") {
    for (auto const* text :
         {"fat-tree:k=8", "leaf-spine:leaves=4,spines=8,hosts=8", "dual-plane:leaves=4,spines=2,hosts=4"})
        for (auto const hash : {hash_kind::crc32, hash_kind::toeplitz, hash_kind::jenkins}) {
            auto const on = parse_topology(text);
            auto const phase = permutation_flows(on.endpoints(), 1);
            auto const plan = nslb{}.route(on, phase);
            switch_hashing const how{hash, 5, false};
            auto const ports = solve_ports(on, phase, plan, how);
            INFO(text << ", " << hash_names[static_cast<std::size_t>(hash)]);
            // Two linear hashes share bits when their turns happen to overlap: those pairs of switches polarise in
            // part.
            CHECK(ports.failed <= (hash == hash_kind::jenkins ? 0 : phase.size() / 4));
            CHECK(astray(on, phase, plan, ports, how).size() == ports.failed);
            for (auto const port : ports.port) CHECK((port == 0 || port >= first_port));
        }
}

TEST_CASE("the same hash and seed in two tiers polarise: few routes are reachable", "[paths][enforcement]") {
    auto const on = parse_topology("fat-tree:k=16");
    flow const f{0, 1000};
    CHECK(reachable_routes(on, f, {hash_kind::jenkins, 1, false}) == 64);
    CHECK(reachable_routes(on, f, {hash_kind::jenkins, 1, true}) == 8);
    CHECK(reachable_routes(on, f, {hash_kind::crc32, 1, true}) == 8);
    auto const phase = permutation_flows(on.endpoints(), 1);
    auto const plan = nslb{}.route(on, phase);
    CHECK(solve_ports(on, phase, plan, {hash_kind::crc32, 1, true}).failed > phase.size() / 2);
}

TEST_CASE("flow labels and ports are each other's", "[paths][enforcement]") {
    for (std::uint32_t port = 0xC000; port <= 0xFFFF; port += 7)
        CHECK(port_of_flow_label(flow_label_of_port(static_cast<std::uint16_t>(port))) == port);
    CHECK(port_of_flow_label(0xFFFFF) == ((0x3FFF ^ 0x3F) | 0xC000));
}

TEST_CASE("exports name every switch on the way", "[paths][export]") {
    auto const on = parse_topology("fat-tree:k=4");
    std::vector<flow> const phase{{0, 15}, {0, 1}};
    routing plan;
    plan.assign(2, 3);
    CHECK(export_rules(on, phase, plan) == "# SWITCH SOURCE DESTINATION TAG PART -> LINK\n"
                                           "pod0.edge0 host0 host15 0 0 -> pod0.edge0->pod0.agg1\n"
                                           "pod0.agg1 host0 host15 0 0 -> pod0.agg1->group1.core1\n"
                                           "group1.core1 host0 host15 0 0 -> group1.core1->pod3.agg1\n"
                                           "pod3.agg1 host0 host15 0 0 -> pod3.agg1->pod3.edge1\n"
                                           "pod3.edge1 host0 host15 0 0 -> pod3.edge1->host15\n"
                                           "pod0.edge0 host0 host1 0 0 -> pod0.edge0->host1\n");
    CHECK(export_srv6(on, phase, plan) == "# SOURCE DESTINATION TAG PART SEGMENTS\n"
                                          "host0 host15 0 0 fd00:0:0::,fd00:0:9::,fd00:0:13::,fd00:0:f::,fd00:0:7::\n"
                                          "host0 host1 0 0 fd00:0:0::\n");
    auto const ports = export_ports(on, phase, plan, {});
    CHECK(std::count(ports.begin(), ports.end(), '\n') == 3);
    CHECK_THROWS_AS(export_rules(on, phase, spray{}.route(on, phase)), usage_error);
}

TEST_CASE("re-planning after a failure changes few paths and keeps to the bound", "[paths][replan]") {
    auto on = parse_topology("fat-tree:k=12");
    auto const phase = permutation_flows(on.endpoints(), 2);
    auto const before = nslb{}.route(on, phase);
    on.set_cable_health(on.find_link("pod0.edge0--pod0.agg1"), 0);
    auto const after = replan(on, phase, before);
    CHECK(after.changed_paths >= 1);
    CHECK(after.changed_paths <= 4);
    CHECK(certify(on, phase, after.paths).optimal());
}
