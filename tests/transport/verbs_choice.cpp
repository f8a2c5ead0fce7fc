/// Which RDMA ports are taken, among hosts that exist only here.

#include "support/seed.hpp"

#include <chorus/transport/detail/verbs_choice.hpp>
#include <chorus/transport/detail/verbs_steering.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace chorus;
using namespace chorus::detail;
using namespace chorus::testing;

namespace {

verbs_gid_entry gid(int index, std::string const& address, bool roce_v2 = true) {
    verbs_gid_entry entry{index, {}, roce_v2};
    REQUIRE((::inet_pton(AF_INET6, address.c_str(), entry.address.data()) == 1));
    return entry;
}
verbs_port_entry port(std::string device, int number, std::vector<verbs_gid_entry> gids, bool active = true, bool soft = false) {
    return {std::move(device), number, active, false, soft, std::move(gids)};
}
/// A host with a soft device, a NIC of two ports, and one that is not plugged in.
std::vector<verbs_port_entry> host() {
    return {port("rxe0", 1, {gid(0, "fe80::1"), gid(1, "::ffff:10.99.0.1")}, true, true),
            port("mlx5_0", 1, {gid(0, "fe80::2", false), gid(1, "fe80::2"), gid(2, "fd99::2", false), gid(3, "fd99::2")}),
            port("mlx5_0", 2, {gid(0, "fe80::3", false), gid(1, "fe80::3"), gid(2, "::ffff:10.0.2.3", false), gid(3, "::ffff:10.0.2.3"), gid(4, "fd99::3")}),
            port("mlx5_1", 1, {}, false)};
}
/// DEVICE:PORT/GID of all that is taken, or what was thrown.
std::string taken(std::vector<verbs_port_entry> const& all, std::string_view devices, int number = 0, std::string_view wish = {}) {
    try {
        std::string text;
        for (auto const& each : choose_ports(all, devices, number, wish))
            append(text, {text.empty() ? "" : " ", all[each.port].device, ":", all[each.port].number, "/", each.gid.index});
        return text;
    } catch (usage_error const& e) {
        return std::string("usage: ") + e.what();
    } catch (transport_error const& e) {
        return e.what();
    }
}

} // namespace

TEST_CASE("without a wish the best port is taken: hardware, RoCE v2, IPv4", "[transport/verbs/choice]") {
    auto all = host();
    CHECK(taken(all, "") == "mlx5_0:2/3");
    CHECK(choose_ports(all, "", 0, "").front().why == "mlx5_0:2 (Ethernet, active), GID 3 10.0.2.3 (RoCE v2), the best of 3 that can be used");
    all[2].active = false;
    CHECK(taken(all, "") == "mlx5_0:1/3"); // routable IPv6 before a link-local address
    all[1].active = false;
    CHECK(taken(all, "") == "rxe0:1/1");
    all[0].active = false;
    CHECK_THAT(taken(all, ""), Catch::Contains("no RDMA port can be used; rxe0:1 is not active; mlx5_0:1 is not active"));
    CHECK_THAT(taken({}, ""), Catch::Contains("this host has no RDMA device"));
}

TEST_CASE("a GID is asked for by index, family or address", "[transport/verbs/choice]") {
    auto const all = host();
    CHECK(taken(all, "mlx5_0:2", 0, "ipv6") == "mlx5_0:2/4");
    CHECK(taken(all, "", 0, "ipv6") == "mlx5_0:1/3");
    CHECK(taken(all, "", 0, "fd99::/64") == "mlx5_0:1/3");
    CHECK(taken(all, "", 0, "fd99::3") == "mlx5_0:2/4");
    CHECK(taken(all, "", 0, "10.99.0.0/16") == "rxe0:1/1");
    CHECK(taken(all, "", 0, "10.0.2.3") == "mlx5_0:2/3");
    CHECK(taken(all, "mlx5_0", 2, "2") == "mlx5_0:2/2"); // as asked for, even if it is RoCE v1
    CHECK_THAT(taken(all, "", 0, "10.7.0.0/16"), Catch::Contains("mlx5_0:2 has no such GID, only 0 (fe80::3), 1 (fe80::3), 2 (10.0.2.3)"));
    for (auto const* wrong : {"ipv5", "10.0.0.0/33", "fd99::/129", "10.0.0", "-1", "65536", "1/2", "/8", "10.0.0.0/", "10.0.0.0/8x"})
        CHECK_THAT(taken(all, "", 0, wrong), Catch::StartsWith("usage: ") && Catch::Contains(wrong));
}

TEST_CASE("devices are taken in the order in which they are asked for", "[transport/verbs/choice]") {
    auto const all = host();
    CHECK(taken(all, "mlx5_0:2,mlx5_0:1,rxe0") == "mlx5_0:2/3 mlx5_0:1/3 rxe0:1/1");
    CHECK(taken(all, "mlx5_0", 2) == "mlx5_0:2/3");
    CHECK(taken(all, "all") == "rxe0:1/1 mlx5_0:1/3 mlx5_0:2/3");
    CHECK(taken(all, "all", 2) == "mlx5_0:2/3");
    CHECK_THAT(taken(all, "mlx5_1"), Catch::Contains("RDMA port mlx5_1 cannot be used; mlx5_1:1 is not active; rxe0:1 could be used"));
    CHECK_THAT(taken(all, "rxe0,mlx5_7"), Catch::Contains("mlx5_7 cannot be used"));
    for (auto const* wrong : {":1", "rxe0:", "rxe0:x", "rxe0:256", ",rxe0"}) CHECK_THAT(taken(all, wrong), Catch::StartsWith("usage: "));
}

TEST_CASE("on InfiniBand any GID is as good", "[transport/verbs/choice]") {
    auto all = host();
    all[3] = {"mlx5_1", 1, true, true, false, {gid(0, "fe80::4", false)}};
    CHECK(taken(all, "") == "mlx5_0:2/3");
    all[2].active = false;
    CHECK(taken(all, "") == "mlx5_1:1/0");
    CHECK_THAT(choose_ports(all, "", 0, "").front().why, Catch::Contains("mlx5_1:1 (InfiniBand, active), GID 0 fe80::4, "));
}

TEST_CASE("whatever is asked for, there is an answer or an error", "[transport/verbs/choice]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    std::string_view constexpr letters = "rxemlx5_0127:,,al/.f";
    for (int round = 0; round < 20'000; ++round) {
        std::string devices(random() % 12, ' '), wish(random() % 8, ' ');
        for (auto* text : {&devices, &wish})
            for (auto& each : *text) each = letters[random() % letters.size()];
        auto all = host();
        for (auto& each : all) each.active = random() % 3 > 0;
        CAPTURE(devices, wish);
        try {
            for (auto const& each : choose_ports(all, devices, static_cast<int>(random() % 3), wish)) {
                REQUIRE(all[each.port].active);
                REQUIRE(each.gid.address != gid_bytes{});
            }
        } catch (usage_error const&) {
        } catch (transport_error const&) {
        }
    }
}

TEST_CASE("every source port comes up after some queue pairs", "[transport/verbs/steering]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    std::uint32_t most = 0;
    for (int round = 0; round < 300; ++round) {
        auto const from = static_cast<std::uint32_t>(random() & 0xFF'FFFF);
        std::vector<std::uint16_t> ports;
        for (auto count = round % 2 == 0 ? 1 : 1 + random() % 100; count > 0; --count) ports.push_back(static_cast<std::uint16_t>(0xC000 + random() % soft_ports));
        auto const further = queue_pairs_until(ports, from);
        REQUIRE(makes_one_of(ports, from + further));
        REQUIRE((further == 1 || !makes_one_of(ports, from + further - 1)));
        most = std::max(most, further);
    }
    CHECK(most < 3 * soft_ports);
    CHECK(soft_source_port(17) == 0xC000 + ((17U * 0x61C88647U) >> 18));
}

TEST_CASE("rails have their own names in a plan, or share the last one", "[transport/verbs/steering]") {
    CHECK(name_of_rail("host0", 0) == "host0");
    CHECK(name_of_rail("host0", 3) == "host0");
    CHECK(name_of_rail("nic0,nic1,nic2", 1) == "nic1");
    CHECK(name_of_rail("nic0,nic1", 5) == "nic1");
    CHECK(name_of_rail("", 1) == "");
}
