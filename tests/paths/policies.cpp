#include <chorus/network/demand.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/paths/certificate.hpp>
#include <chorus/paths/check.hpp>
#include <chorus/paths/parse.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace chorus;
using Catch::Matchers::Contains;

namespace {

std::vector<std::string> const single_paths{"ecmp",         "ecmp:hash=crc32,seed=7", "ecmp:hash=toeplitz",
                                            "e-ecmp:qps=3", "ecmp:hash=crc16",        "ecmp:hash=xor",
                                            "adaptive",     "flowlet:pieces=4"};
std::vector<std::string> const for_clos{"greedy", "annealing:tries=20", "nslb"};

double mean_max_load(std::uint32_t k, std::string const& hash, int seeds) {
    auto const on = make_clos(fat_tree_shape(k), {}, "");
    double sum = 0;
    for (int seed = 1; seed <= seeds; ++seed) {
        auto const phase = permutation_flows(on.endpoints(), static_cast<std::uint64_t>(seed));
        sum += max_load(on, phase, ecmp{static_cast<std::uint32_t>(seed), parse_hash(hash)}.route(on, phase));
    }
    return sum / seeds;
}

} // namespace

TEST_CASE("every policy's paths lead over living links, and no load is below the bound", "[paths][policies]") {
    std::mt19937 random(11);
    for (auto const* text :
         {"fat-tree:k=6", "fat-tree:k=4,planes=2", "rail:blocks=2,hosts=4,rails=4,spines=4",
          "super-node:nodes=2,npus=8,per_leaf=4", "dragonfly:hosts=2,routers=4,globals=2", "torus:dims=4x3"}) {
        auto const healthy = parse_topology(text);
        auto policies = single_paths;
        if (healthy.clos() != nullptr) policies.insert(policies.end(), for_clos.begin(), for_clos.end());
        for (auto const& name : policies) {
            auto policy = parse_policy(name);
            auto const phase = parse_demand("permutation:flows=2", healthy);
            auto const how = policy.route(healthy, phase);
            auto const proof = certify(healthy, phase, how);
            INFO(text << ", " << name);
            CHECK(check_routing(healthy, phase, how, claim_of(proof)).empty());
            CHECK(proof.max_load >= proof.lower_bound * (1 - 1e-6));
            auto const again = parse_policy(name).route(healthy, phase);
            CHECK(max_load(healthy, phase, again) == proof.max_load);
        }
    }
}

TEST_CASE("hashes collide as the literature says", "[paths][figures]") {
    for (auto const* hash : {"jenkins", "toeplitz", "crc32"}) {
        INFO(hash);
        CHECK(mean_max_load(8, hash, 10) == Approx(4.1).margin(0.5));
        CHECK(mean_max_load(12, hash, 10) == Approx(4.9).margin(0.5));
        CHECK(mean_max_load(16, hash, 10) == Approx(5.8).margin(0.6));
    }
}

TEST_CASE("65,536 endpoints: ECMP 8 or 9, greedy 2, planned 1", "[paths][figures]") {
    auto const on = make_clos(fat_tree_shape(64), {}, "");
    auto const phase = permutation_flows(on.endpoints(), 1);
    CHECK(max_load(on, phase, ecmp{}.route(on, phase)) == Approx(8.5).margin(1.5));
    CHECK(max_load(on, phase, greedy{}.route(on, phase)) == 2);
    CHECK(max_load(on, phase, nslb{}.route(on, phase)) == 1);
}

TEST_CASE("one seed in all switches polarises", "[paths][policies]") {
    auto const on = make_clos(fat_tree_shape(16), {}, "");
    auto const phase = permutation_flows(on.endpoints(), 1);
    auto const own = max_load(on, phase, ecmp{}.route(on, phase));
    auto const same = max_load(on, phase, ecmp{.same_seed = true}.route(on, phase));
    CHECK(same > 2 * own);
}

TEST_CASE("spraying loads all links of a healthy fabric alike", "[paths][policies]") {
    for (auto const* text : {"fat-tree:k=6", "dual-plane:leaves=4,spines=3,hosts=6"}) {
        auto const on = parse_topology(text);
        auto const phase = parse_demand("permutation", on);
        CHECK(max_load(on, phase, spray{}.route(on, phase)) <= 1 + 1e-6);
    }
}

TEST_CASE("recycled entropies leave a slow link what it can carry", "[paths][policies]") {
    auto on = parse_topology("fat-tree:k=8");
    on.set_cable_health(2 * on.clos()->edge_cable(0, 0, 0), 0.1);
    auto const phase = parse_demand("permutation", on);
    CHECK(max_load(on, phase, spray{false}.route(on, phase)) > 5);
    CHECK(max_load(on, phase, spray{true}.route(on, phase)) < 1.4);
}

TEST_CASE("adaptive choices leave a slow cable alone while the fast one is better", "[paths][policies]") {
    auto on = parse_topology("leaf-spine:leaves=2,spines=2,hosts=2"); // two ways between the leaves, one ten times slower
    on.set_cable_health(on.find_link("leaf0->spine1"), 0.1);
    std::vector<flow> const phase{{0, 2, 1000, 0}, {1, 3, 1000, 0}};
    for (std::uint32_t seed = 1; seed <= 20; ++seed) CHECK(max_load(on, phase, flowlet{1, seed}.route(on, phase)) == 2);
}

TEST_CASE("the sequence of a hash is that of its definition", "[paths][hash]") {
    // "123456789" and four zero bytes: the check values are those of the standard algorithms after these 13 bytes.
    five_tuple t{};
    for (std::size_t i = 0; i < 9; ++i) t[i] = static_cast<std::uint8_t>('1' + i);
    auto const slow = [&](std::uint32_t polynomial, std::uint32_t start) {
        auto r = start;
        for (auto const byte : t)
            for (int bit = 0; bit < 8; ++bit) {
                auto const in = ((byte >> bit) ^ r) & 1U;
                r = (r >> 1) ^ (in != 0 ? polynomial : 0);
            }
        return r;
    };
    CHECK(hash_of(hash_kind::crc32, 64, t) == slow(0xEDB88320U, 64));
    CHECK(hash_of(hash_kind::crc16, 64, t) == slow(0xA001U, 64));
}

TEST_CASE("CRC is linear in the source port", "[paths][hash]") {
    for (auto const kind : {hash_kind::crc16, hash_kind::crc32, hash_kind::xor_fold, hash_kind::toeplitz}) {
        std::mt19937 random(3);
        for (int i = 0; i < 100; ++i) {
            auto const a = static_cast<std::uint16_t>(random()), b = static_cast<std::uint16_t>(random());
            auto const h = [&](std::uint16_t port) { return hash_of(kind, 77, make_tuple(5, 9, port)); };
            CHECK((h(a) ^ h(b)) == (h(a ^ b) ^ h(0)));
        }
    }
}

TEST_CASE("what is wrong with a policy is said, and what is allowed", "[paths][policies]") {
    CHECK_THROWS_WITH(parse_policy("best"), Contains("allowed are ecmp, e-ecmp, adaptive"));
    CHECK_THROWS_WITH(parse_policy("ecmp:hash=md5"), Contains("hash should be one of jenkins, crc16"));
    CHECK_THROWS_WITH(parse_policy("ecmp:qps=3"), Contains("no option qps; allowed are seed, hash, seeds"));
    CHECK_THROWS_WITH(parse_policy("e-ecmp:qps=0"), Contains("from 1 to 256"));
    CHECK_THROWS_WITH(parse_policy("greedy").route(parse_topology("torus:dims=4"), {}),
                      Contains("needs a Clos fabric"));
}
