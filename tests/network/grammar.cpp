#include <chorus/network/demand.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/network/placement.hpp>
#include <chorus/network/routing.hpp>
#include <chorus/network/shortest.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace chorus;
using Catch::Matchers::Contains;

namespace {

std::vector<std::string> const fabrics{"fat-tree:k=4",
                                       "fat-tree:k=6,hosts=5,planes=2,rate=1.6T",
                                       "clos:pods=3,edges=5,aggs=3,cores=2,hosts=7,parallel=2,core_parallel=3",
                                       "leaf-spine:leaves=5,spines=3,hosts=4",
                                       "chassis:leaves=6,chassis=2,hosts=8",
                                       "rail:blocks=3,hosts=4,rails=8,spines=5",
                                       "dual-plane:leaves=4,spines=3,hosts=6",
                                       "super-node:nodes=4,npus=8,per_leaf=4",
                                       "dragonfly:hosts=2,routers=4,globals=2",
                                       "dragonfly:hosts=1,routers=3,globals=3,groups=4",
                                       "torus:dims=4x3x2",
                                       "torus:dims=5"};

} // namespace

TEST_CASE("every topology names its links, and finds them by these names", "[network][grammar]") {
    for (auto const& text : fabrics) {
        INFO(text);
        auto const on = parse_topology(text);
        CHECK(on.text() == text);
        std::set<std::string> names;
        for (link_id l = 0; l < on.links(); ++l) {
            auto const name = on.link_name(l);
            CHECK(names.insert(name).second);
            CHECK(on.find_link(name) == l);
        }
        for (vertex_id v = 0; v < on.vertices(); ++v) CHECK(on.find_vertex(on.vertex_name(v)) == v);
    }
}

TEST_CASE("every endpoint reaches every other", "[network][grammar]") {
    for (auto const& text : fabrics) {
        INFO(text);
        auto const on = parse_topology(text);
        shortest_paths paths(on);
        for (endpoint_id e = 0; e < on.endpoints(); ++e) CHECK(paths.count(0, e) >= 1);
    }
}

TEST_CASE("a Clos has as many equal-cost routes as it says", "[network][grammar]") {
    auto const on = parse_topology("fat-tree:k=8");
    shortest_paths paths(on);
    CHECK(paths.count(0, 127) == 16); // another pod
    CHECK(paths.count(0, 4) == 4);    // another edge switch
    CHECK(paths.count(0, 1) == 1);
    CHECK(on.clos()->routes() == 16);
}

TEST_CASE("closed forms lead from source to destination", "[network][grammar]") {
    for (auto const& text : fabrics) {
        auto const on = parse_topology(text);
        if (on.clos() == nullptr) continue;
        INFO(text);
        std::mt19937 random(7);
        hop_buffer buffer;
        for (int i = 0; i < 300; ++i) {
            auto const s = static_cast<endpoint_id>(random() % on.endpoints());
            auto const d = static_cast<endpoint_id>(random() % on.endpoints());
            auto at = s;
            for (auto const hop :
                 routing::expand(on, s, d, static_cast<route_id>(random() % on.clos()->routes()), buffer)) {
                CHECK(on.from(hop) == at);
                at = on.to(hop);
            }
            CHECK(at == d);
        }
    }
}

TEST_CASE("sizes are those of the literature", "[network][grammar]") {
    auto const k76 = parse_topology("fat-tree:k=76");
    CHECK(k76.endpoints() == 109'744);
    CHECK(k76.switches() == 5 * 76 * 76 / 4);
    CHECK(parse_topology("dragonfly:hosts=2,routers=4,globals=2").endpoints() == 72);
    CHECK(parse_topology("torus:dims=4x4x4").links() == 2 * (64 + 3 * 64));
    CHECK(parse_topology("fat-tree:k=4,over=2").endpoints() == 32);
    CHECK(parse_topology("fat-tree:k=4,rate=800G").rate(0) == 100e9);
    CHECK(parse_topology("leaf-spine:leaves=2,spines=2,hosts=2,edge_rate=1.6T").rate(2 * 4) == 200e9);
}

TEST_CASE("what is wrong with a topology is said, and what is allowed", "[network][grammar]") {
    auto const wrong = [](std::string const& text, char const* why) {
        INFO(text);
        CHECK_THROWS_WITH(parse_topology(text), Contains(why));
    };
    wrong("", "allowed are fat-tree, clos");
    wrong("fattree:k=4", "there is no topology 'fattree'");
    wrong("fat-tree", "k= is needed, from 2 to 128");
    wrong("fat-tree:k=7", "even and from 2 to 128");
    wrong("fat-tree:k=4,k=6", "k is given twice");
    wrong("fat-tree:k", "'k' should be KEY=VALUE");
    wrong("fat-tree:k=4,speed=4", "no option speed; allowed are k, hosts, planes");
    wrong("fat-tree:k=4,rate=fast", "rate: 'fast' is no number");
    wrong("fat-tree:k=4,rate=400GB", "should be bits per second, such as 400G");
    for (auto const* rate : {"1e308T", "1e300", "0", "1e-300G", "0.5", "-5G", "nan", "inf", "1000001T", "1e999G"})
        wrong("fat-tree:k=8,rate=" + std::string(rate), "rate: '");
    for (auto const* time : {"1e300s", "1e999s", "-1us", "nan", "inf", "nans", "2000000000s"})
        wrong("fat-tree:k=8,latency=" + std::string(time), "time: '");
    for (auto const* count : {"0", "-2", "4294967298", "1e1", "4.0", "nan"}) wrong("fat-tree:k=" + std::string(count), "k should be");
    for (auto const* dims : {"4294967297", "65536x65536x65536", "4x", "x4", "-4"}) wrong("torus:dims=" + std::string(dims), "torus: ");
    wrong("fat-tree:k=4,latency=3", "should end in ns, us, ms or s");
    wrong("leaf-spine:leaves=16384,spines=4096,hosts=4096", "too many");
    wrong("clos:pods=1,edges=1,aggs=4096,cores=4096,hosts=1,parallel=256", "2^30 routes");
    wrong("torus:dims=4x0", "dims should be such as");
    wrong("dragonfly:hosts=1,routers=2,globals=1,groups=9", "at most routers x globals + 1 = 3 groups");
    wrong("super-node:nodes=3,npus=5,per_leaf=4", "multiple of per_leaf=4");
}

TEST_CASE("what is wrong with a name is said", "[network][grammar]") {
    auto const on = parse_topology("fat-tree:k=4");
    CHECK_THROWS_WITH(on.find_link("pod0.edge0->pod9.agg0"), Contains("there is no 'pod9.agg0'"));
    CHECK_THROWS_WITH(on.find_link("pod0.edge0->pod1.agg0"), Contains("there is no link"));
    CHECK_THROWS_WITH(on.find_link("pod0.edge0"), Contains("should be a number or such as host0->pod0.edge0"));
    CHECK_THROWS_WITH(on.find_link("96"), Contains("there are 96"));
    CHECK(on.find_link("95") == 95);
    CHECK(on.find_link("pod0.edge0--pod0.agg1") == on.find_link("pod0.edge0->pod0.agg1"));
}

TEST_CASE("health is a link's own, and counted", "[network][topology]") {
    auto on = parse_topology("fat-tree:k=4");
    on.set_health(40, 0.25);
    on.set_cable_health(50, 0);
    CHECK(on.unhealthy_links() == 3);
    CHECK(on.rate(40) == on.nominal_rate(40) / 4);
    CHECK(on.rate(41) == on.nominal_rate(41));
    CHECK_FALSE(on.alive(51));
    on.set_cable_health(50, 1);
    on.set_health(40, 1);
    CHECK(on.healthy());
    CHECK_THROWS_AS(on.set_health(96, 0), usage_error);
    CHECK_THROWS_AS(on.set_health(0, 1.5), usage_error);
    CHECK_THROWS_AS(on.set_health(0, std::nan("")), usage_error);
}

TEST_CASE("a bundle is all the links that a sprayed flow could take there", "[network][topology]") {
    for (auto const* text : {"fat-tree:k=6", "fat-tree:k=4,planes=3", "dual-plane:leaves=3,spines=2,hosts=2",
                             "clos:pods=3,edges=2,aggs=3,cores=2,hosts=2,parallel=2,core_parallel=2"}) {
        INFO(text);
        auto const on = parse_topology(text);
        auto const& c = *on.clos();
        for (endpoint_id d = 1; d < on.endpoints(); ++d) {
            hop_buffer buffer;
            std::vector<std::set<link_id>> taken(8);
            for (route_id r = 0; r < c.routes(); ++r) {
                auto const hops = routing::expand(on, 0, d, r, buffer);
                for (std::size_t i = 0; i < hops.size(); ++i) taken[i].insert(hops[i]);
            }
            auto const sprayed = routing::expand(on, 0, d, spread, buffer);
            for (std::size_t i = 0; i < sprayed.size(); ++i) {
                std::set<link_id> links;
                if (on.is_link(sprayed[i]))
                    links.insert(sprayed[i]);
                else
                    for (std::uint32_t j = 0; j < on.bundle(sprayed[i]).size(); ++j)
                        links.insert(on.bundle(sprayed[i]).link(j));
                CHECK(links == taken[i]);
            }
        }
    }
}

TEST_CASE("placements are permutations of the endpoints", "[network][placement]") {
    auto const on = parse_topology("rail:blocks=2,hosts=3,rails=4,spines=2");
    for (auto const* text : {"linear", "rail", "random:seed=3"}) {
        auto const where = parse_placement(text, on);
        CHECK(std::set<endpoint_id>(where.begin(), where.end()).size() == on.endpoints());
    }
    CHECK(parse_placement("rail", on)[1] == 4);
    CHECK(parse_placement("random:seed=3", on) != parse_placement("random:seed=4", on));
    CHECK_THROWS_WITH(parse_placement("best", on), Contains("allowed are linear, rail"));
    CHECK_THROWS_WITH(parse_placement("linear:seed=1", on), Contains("no option seed; allowed are none"));
    CHECK_THROWS_WITH(parse_placement("file:path=/nowhere", on), Contains("/nowhere: cannot be read"));
}

TEST_CASE("files of placements and pairs are told by line what is wrong", "[network][placement]") {
    auto const on = parse_topology("fat-tree:k=4");
    auto const path = std::string("grammar_test.txt");
    auto const write = [&](char const* text) { std::ofstream(path) << text; };
    write("# ranks\nhost3\n\n 5 # the second\n");
    CHECK(parse_placement("file:path=" + path, on) == placement{3, 5});
    write("3\nhost99\n");
    CHECK_THROWS_WITH(parse_placement("file:path=" + path, on), Contains(path + ":2: 'host99' is no endpoint"));
    write("3\n3\n");
    CHECK_THROWS_WITH(parse_placement("file:path=" + path, on), Contains(path + ":2: endpoint 3 is taken"));
    write("0 1\n2 3 400\n");
    CHECK(parse_demand("pairs:path=" + path, on)[1] == flow{2, 3, 400, 0});
    write("0 1\n2\n");
    CHECK_THROWS_WITH(parse_demand("pairs:path=" + path, on), Contains(path + ":2: should be SOURCE DESTINATION"));
    write("0 1 -5\n");
    CHECK_THROWS_WITH(parse_demand("pairs:path=" + path, on), Contains(path + ":1: should be"));
    write("0 1 0\n");
    CHECK_THROWS_WITH(parse_demand("pairs:path=" + path, on), Contains(path + ":1: bytes are 1 to 2^62"));
    write("0 1 5 x\n");
    CHECK_THROWS_WITH(parse_demand("pairs:path=" + path, on), Contains(path + ":1: should be"));
    write("0 16\n");
    CHECK_THROWS_WITH(parse_demand("pairs:path=" + path, on), Contains(path + ":1: endpoints are 0 to 15"));
    std::remove(path.c_str());
}

TEST_CASE("a file that a file names lies beside that one", "[network][placement]") {
    CHECK(beside("jobs/a.json", "b.txt") == "jobs/b.txt");
    CHECK(beside("/a.json", "b/c.txt") == "/b/c.txt");
    CHECK(beside("a.json", "b.txt") == "b.txt");
    CHECK(beside("jobs/a.json", "/b.txt") == "/b.txt");
    CHECK(beside("", "b.txt") == "b.txt");
    CHECK_THROWS_WITH(parse_placement("file:path=ranks.txt", parse_topology("fat-tree:k=4"), "nowhere/jobs.json"), Contains("nowhere/ranks.txt: cannot be read"));
}

TEST_CASE("traffic is what its text says", "[network][demand]") {
    auto const on = parse_topology("fat-tree:k=4");
    auto const once = parse_demand("permutation:seed=5", on);
    std::set<endpoint_id> receivers;
    for (auto const& f : once) {
        CHECK(f.source != f.destination);
        receivers.insert(f.destination);
    }
    CHECK(receivers.size() == 16);
    CHECK(parse_demand("permutation:seed=5", on) == once);
    CHECK(parse_demand("permutation:seed=6", on) != once);
    CHECK(parse_demand("shift:by=3", on)[15].destination == 2);
    CHECK(parse_demand("shift:by=16", on).empty());
    CHECK(parse_demand("incast:to=4", on).size() == 15);
    auto const twice = parse_demand("random:seed=1,flows=2,bytes=77", on);
    CHECK(twice.size() == 32);
    CHECK(twice[16].tag == 1);
    CHECK(twice[16].bytes == 77);
    CHECK_THROWS_WITH(parse_demand("ring", on), Contains("allowed are permutation:seed=1"));
    CHECK_THROWS_WITH(parse_demand("shift", on), Contains("by= is needed"));
    CHECK_THROWS_WITH(parse_demand("incast:to=16", on), Contains("from 0 to 15"));
}
