// Why networks that hash flows run at half their speed: 16 flows, four uplinks on each of four switches, and a hash that
// decides which uplink each takes. Here it is done by hand, with the CRC of a real switch.
#include <chorus/network/demand.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/paths/hash.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

int main() {
    // Four leaves with four hosts each, and four spines: one uplink for each host. Every host sends to one other.
    auto const fabric = chorus::parse_topology("leaf-spine:leaves=4,spines=4,hosts=4");
    auto const flows = chorus::permutation_flows(fabric.endpoints(), 1);

    int up[4][4] = {}, down[4][4] = {}; // flows from leaf to spine, and from spine to leaf
    std::printf("flow        leaves  hash      spine\n");
    for (auto const& f : flows) {
        auto const from = f.source / 4, to = f.destination / 4;
        if (from == to) continue; // stays below its leaf
        // Addresses and ports of the packet: all that a switch looks at. The port is the same for all packets of a flow.
        auto const packet = chorus::make_tuple(f.source, f.destination, chorus::default_port(f, 0));
        auto const hash = chorus::hash_of(chorus::hash_kind::crc32, from, packet); // each leaf has a seed of its own
        auto const spine = hash % 4;
        ++up[from][spine], ++down[to][spine];
        std::printf("%2u -> %2u    %u -> %u  %08x  %u\n", f.source, f.destination, from, to, hash, spine);
    }

    int worst = 0, idle = 0;
    for (int leaf = 0; leaf < 4; ++leaf) {
        std::printf("leaf %d: up", leaf);
        for (auto const n : up[leaf]) std::printf(" %d", n), worst = std::max(worst, n), idle += n == 0;
        std::printf(", down");
        for (auto const n : down[leaf]) std::printf(" %d", n), worst = std::max(worst, n), idle += n == 0;
        std::printf("\n");
    }
    std::printf("The busiest link carries %d flows: they run at 1/%d of their speed, and a collective ends with its slowest.\n",
                worst, worst);
    std::printf("%d of 32 links are idle; of n uplinks with n hashed flows 1/e = %.0f %% are.\n", idle, 100 * std::exp(-1));
}
