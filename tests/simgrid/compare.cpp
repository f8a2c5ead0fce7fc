// The same flows on the same links in SimGrid: an independent solver of the same max-min problem.
//
//     compare_simgrid [K [RANDOM_SIZES]]    a permutation through a k-ary fat tree, routes by lot
//
// Ends with status 1 where a flow's time differs by more than 1 %.
#include <chorus/network/demand.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/sim/phase.hpp>

#include <simgrid/s4u.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

namespace sg = simgrid::s4u;

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// When each flow ends, by SimGrid; `solving` are the seconds that its simulation takes, without the platform.
std::vector<double> simgrid_times(sg::Engine& engine, chorus::topology const& on, std::vector<chorus::flow> const& phase, chorus::routing const& paths,
                                  double& solving) {
    auto* const zone = sg::create_full_zone("fabric");
    std::vector<sg::Host*> hosts;
    for (chorus::endpoint_id e = 0; e < on.endpoints(); ++e) hosts.push_back(zone->create_host("host" + std::to_string(e), 1e9));
    std::vector<sg::Link*> links;
    for (chorus::link_id l = 0; l < on.links(); ++l)
        links.push_back(zone->create_link("link" + std::to_string(l), on.rate(l))->set_latency(0)->set_sharing_policy(sg::Link::SharingPolicy::SHARED));
    chorus::hop_buffer buffer;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        std::vector<sg::LinkInRoute> route;
        for (auto const hop : paths.hops(on, phase, i, buffer)) route.emplace_back(links[hop]);
        zone->add_route(hosts[phase[i].source]->get_netpoint(), hosts[phase[i].destination]->get_netpoint(), nullptr, nullptr, route, false);
    }
    zone->seal();
    std::vector<double> finish(phase.size());
    sg::Actor::create("all", hosts[0], [&] {
        std::vector<sg::CommPtr> flows;
        for (auto const& f : phase) flows.push_back(sg::Comm::sendto_async(hosts[f.source], hosts[f.destination], f.bytes));
        for (std::size_t f = 0; f < flows.size(); ++f) {
            flows[f]->wait();
            finish[f] = flows[f]->get_finish_time();
        }
    });
    auto const start = std::chrono::steady_clock::now();
    engine.run();
    solving = seconds_since(start);
    return finish;
}

} // namespace

int main(int argc, char** argv) {
    sg::Engine engine(&argc, argv);
    // The bare max-min problem: no TCP window, no factors for headers, no acknowledgements.
    for (auto const* option : {"network/model:CM02", "network/TCP-gamma:0", "network/latency-factor:1", "network/bandwidth-factor:1", "network/weight-S:0",
                               "network/crosstraffic:0"})
        engine.set_config(option);
    auto const k = argc > 1 ? std::string(argv[1]) : "8";
    auto const on = chorus::parse_topology("fat-tree:k=" + k);
    auto phase = chorus::permutation_flows(on.endpoints(), 1, 10'000'000);
    std::mt19937_64 random(2);
    chorus::routing paths;
    for (std::uint32_t f = 0; f < phase.size(); ++f) {
        if (argc > 2) phase[f].bytes += random() % 10'000'000;
        paths.add({f, static_cast<chorus::route_id>(random() % on.clos()->routes()), 1.0F});
    }

    auto took = 1e9; // the best of some, on a machine that others use
    chorus::sim::phase_times ours;
    for (int round = 0; round < 5; ++round) {
        auto const start = std::chrono::steady_clock::now();
        ours = chorus::sim::simulate(on, phase, paths);
        took = std::min(took, seconds_since(start));
    }
    double solving = 0;
    auto const theirs = simgrid_times(engine, on, phase, paths, solving);
    double worst = 0;
    for (std::size_t f = 0; f < phase.size(); ++f) worst = std::max(worst, std::abs(ours.finish[f] / theirs[f] - 1));
    std::printf("%zu flows: Chorus %.2f ms, SimGrid %.2f ms (%.0f times), largest difference of a flow %.4f %%\n", phase.size(), 1e3 * took, 1e3 * solving,
                solving / took, 100 * worst);
    return worst <= 0.01 ? EXIT_SUCCESS : EXIT_FAILURE;
}
