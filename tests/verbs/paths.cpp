/// From a plan to the wire: the UDP source ports of RoCE packets, as they are seen on a cable.

#include "support/ranks.hpp"
#include "verbs/ranks.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/chorus.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/paths/export.hpp>
#include <chorus/paths/nslb.hpp>

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// Sees the packets of an interface. Needs root.
class capture {
public:
    explicit capture(char const* interface) : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
        sockaddr_ll where{};
        where.sll_family = AF_PACKET;
        where.sll_protocol = htons(ETH_P_ALL);
        where.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
        auto const room = 16 << 20;
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
        if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) throw std::runtime_error("the cable cannot be watched");
    }
    /// UDP source ports of RoCE v2 packets from that IPv4 address since the last call.
    std::set<std::uint16_t> ports(std::string const& from) {
        constexpr std::size_t ethernet = 14, roce = 4791;
        std::set<std::uint16_t> seen;
        std::array<std::uint8_t, 65536> frame;
        for (ssize_t got = 0; (got = ::recv(socket_.get(), frame.data(), frame.size(), 0)) > 0;) {
            auto const* const ip = frame.data() + ethernet;
            if (got < 42 || frame[12] != 8 || frame[13] != 0 || ip[9] != IPPROTO_UDP) continue;
            auto const* const udp = ip + (ip[0] & 15) * 4;
            char source[INET_ADDRSTRLEN] = {};
            ::inet_ntop(AF_INET, ip + 12, source, sizeof source);
            if ((udp[2] << 8 | udp[3]) == roce && source == from) seen.insert(static_cast<std::uint16_t>(udp[0] << 8 | udp[1]));
        }
        return seen;
    }

private:
    detail::descriptor socket_;
};

/// Two hosts below two leaves, a flow each way in four parts, one over each spine.
struct planned {
    topology on = parse_topology("leaf-spine:leaves=2,spines=4,hosts=1");
    std::vector<flow> phase{{0, 1, 1 << 20}, {1, 0, 1 << 20}};
    routing paths = nslb{4}.route(on, phase);
    switch_hashing hashing{hash_kind::crc32, 7, false};

    std::shared_ptr<path_table const> table() const {
        return std::make_shared<path_table const>(path_table::parse(export_ports(on, phase, paths, hashing, 60), "plan"));
    }
    /// The routes that the switches give packets of that flow with these source ports.
    std::set<route_id> taken(std::size_t flow_number, std::set<std::uint16_t> const& ports) const {
        walker way(on);
        std::set<route_id> routes;
        for (auto const port : ports) routes.insert(hashed_route(way, hashing, phase[flow_number], port));
        return routes;
    }
};

/// What two ranks with so many queue pairs sent over the cable: the source ports of rank 0.
std::set<std::uint16_t> ports_on_the_wire(std::shared_ptr<path_table const> paths, int queue_pairs, std::string& told) {
    capture cable("cable0");
    told = thrown_over_verbs(
        2,
        [&](communicator& comm) {
            std::vector<int> data(200'000, comm.rank());
            all_reduce(comm, data);
            require(std::all_of(data.begin(), data.end(), [](int each) { return each == 1; }));
            auto const said = comm.shared_context()->transport().describe();
            auto const wanted = detail::text({queue_pairs, " of ", queue_pairs, " queue pairs as planned for host", comm.rank()});
            require(!paths || said.find(wanted) != std::string::npos);
            require(!paths || said.find(detail::text({"in vain on this device, but ", queue_pairs, " were chosen"})) != std::string::npos);
        },
        [&](int rank) {
            auto device = verbs_options::from_environment();
            device.device = rank == 0 ? "wire0" : "wire1";
            device.address = "127.0.0.1";
            device.queue_pairs = queue_pairs;
            device.paths = paths;
            device.endpoint = detail::text({"host", rank});
            return device;
        });
    return cable.ports("10.98.0.1");
}

} // namespace

TEST_CASE("queue pairs are chosen so that the wire carries planned source ports", "[verbs/paths][wire]") {
    planned const plan;
    auto const table = plan.table();
    std::string told;
    auto const seen = ports_on_the_wire(table, 4, told);
    CHECK(told == "");
    CHECK(seen.size() == 4);
    for (std::uint32_t q = 0; q < 4; ++q) {
        auto const& planned_ports = table->find("host0", "host1", q)->ports;
        CHECK(std::count_if(seen.begin(), seen.end(), [&](auto port) { return std::count(planned_ports.begin(), planned_ports.end(), port) > 0; }) == 1);
    }
    CHECK(plan.taken(0, seen).size() == 4); // every spine has its part
}

TEST_CASE("without a plan the soft device's own ports are on the wire", "[verbs/paths][wire]") {
    std::string told;
    auto const seen = ports_on_the_wire(nullptr, 4, told);
    CHECK(told == "");
    CHECK(seen.size() == 4);
    auto const wanted = planned{}.table();
    auto fitting = 0;
    for (std::uint32_t q = 0; q < 4; ++q)
        for (auto const port : wanted->find("host0", "host1", q)->ports) fitting += static_cast<int>(seen.count(port));
    CHECK(fitting < 4);
}
