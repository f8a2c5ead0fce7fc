#include <chorus/json/plan.hpp>
#include <chorus/network/demand.hpp>
#include <chorus/paths/certificate.hpp>
#include <chorus/paths/parse.hpp>
#include <chorus/paths/replan.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace chorus;
using Catch::Matchers::Contains;

namespace {

json::plan make(std::string const& fabric, std::string const& policy) {
    auto on = parse_topology(fabric);
    auto phase = parse_demand("permutation", on);
    auto paths = parse_policy(policy).route(on, phase);
    return {std::move(on), policy, std::move(phase), std::move(paths)};
}

json::plan read(std::string const& text) {
    auto const root = json::parse(text, "plan.json");
    return json::plan_from(json::reader("plan.json", root));
}

json::job_plan read_job(std::string const& text) {
    auto const root = json::parse(text, "plan.json");
    return json::job_plan_from(json::reader("plan.json", root));
}

void check_hops(topology const& on, std::vector<flow> const& phase, routing const& paths) {
    hop_buffer buffer;
    for (std::size_t i = 0; i < paths.size(); ++i)
        for (auto const hop : paths.hops(on, phase, i, buffer)) REQUIRE(hop < on.hops());
}

} // namespace

TEST_CASE("a plan that is written and read is the same plan", "[json][plan]") {
    for (auto const* fabric : {"fat-tree:k=4", "torus:dims=3x3", "dual-plane:leaves=3,spines=2,hosts=2"})
        for (auto const* policy : {"ecmp", "e-ecmp:qps=3", "nslb", "reps"}) {
            auto plan = make(fabric, policy);
            plan.on.set_health(3, 0.5);
            if (std::string(policy) != "reps") plan.certificate = claim_of(certify(plan.on, plan.phase, plan.paths));
            auto const back = read(json::to_json(plan).dump());
            INFO(fabric << ", " << policy);
            CHECK(back.on.text() == plan.on.text());
            CHECK(back.on.health(3) == 0.5);
            CHECK(back.phase == plan.phase);
            CHECK(count_changed(plan.paths, back.paths) == 0);
            CHECK(back.paths.how_spread == plan.paths.how_spread);
            CHECK(json::to_json(back) == json::to_json(plan));
        }
}

TEST_CASE("a job's plan that is written and read is the same plan", "[json][plan]") {
    auto const one = make("fat-tree:k=4", "nslb"), other = make("fat-tree:k=4", "e-ecmp:qps=2");
    json::job_plan const plan{one.on, "nslb:paths=fixed", {{"first", 0, one.phase, one.paths}, {"second", 1, other.phase, other.paths}}};
    auto const text = json::to_json(plan).dump();
    CHECK(json::to_json(read_job(text)).dump() == text);
    auto bad = json::to_json(plan);
    bad["phases"][1]["strand"] = 2;
    CHECK_THROWS_WITH(read_job(bad.dump()), Contains("/phases/1/strand: should be a whole number from 0 to 1"));
    bad = json::to_json(plan);
    bad["phases"][1]["paths"][0][1] = 4;
    CHECK_THROWS_WITH(read_job(bad.dump()), Contains("/phases/1/paths/0/1: should be a whole number from 0 to 3"));
    CHECK_THROWS_WITH(read(text), Contains("/format: should be \"chorus-plan-1\""));
}

TEST_CASE("a network of one's own has names and cables", "[json][topology]") {
    auto const root = json::parse(R"({"name": "mine",
        "layers": [{"tier": "endpoint", "names": ["a", "b"]}, {"tier": "edge", "names": ["s"]}],
        "cables": [[0, 2, "400G", "1us"], [1, 2, "200G", "1us"]]})",
                                  "mine.json");
    auto const on = json::topology_from(json::reader("mine.json", root));
    CHECK(on.endpoints() == 2);
    CHECK(on.link_name(3) == "s->b");
    CHECK(on.rate(3) == 25e9);
    CHECK(json::to_json(json::topology_from(json::reader("", json::to_json(on)))) == json::to_json(on));
}

TEST_CASE("a network's cables may come in any order, but each endpoint has one", "[json][topology]") {
    auto const network = [](std::string const& cables) {
        auto const root = json::parse(R"({"name": "mine", "layers": [{"tier": "endpoint", "names": ["a", "b", "c"]}, {"tier": "edge", "names": ["s", "t"]}],
                                          "cables": )" + cables + "}", "mine.json");
        return json::topology_from(json::reader("mine.json", root));
    };
    auto const on = network(R"([[4, 3, "800G", "1us"], [2, 4, "400G", "1us"], [3, 1, "400G", "1us"], [0, 3, "400G", "1us"]])");
    CHECK(on.link_name(0) == "a->s");
    CHECK(on.link_name(2) == "b->s");
    CHECK(on.link_name(4) == "c->t");
    CHECK(on.link_name(6) == "t->s");
    CHECK(json::to_json(json::topology_from(json::reader("", json::to_json(on)))) == json::to_json(on));
    CHECK_THROWS_WITH(network(R"([[0, 3, "400G", "1us"], [1, 3, "400G", "1us"]])"), Contains("/cables: should be a cable for c"));
    CHECK_THROWS_WITH(network("[]"), Contains("/cables: should be a cable for a"));
    CHECK_THROWS_WITH(network(R"([[0, 3, "400G", "1us"], [0, 4, "400G", "1us"]])"), Contains("/cables/1: should be one cable for each endpoint"));
    CHECK_THROWS_WITH(network(R"([[0, 1, "400G", "1us"]])"), Contains("/cables/0: should be a switch at one end at least"));
    CHECK_THROWS_WITH(network(R"([[0, 3, "400G", "1us"], [1, 3, "400G", "1us"], [2, 3, "400G", "1us"], [3, 3, "400G", "1us"]])"),
                      Contains("/cables/3: should be two different ends"));
}

TEST_CASE("nothing in a file of a topology is passed over", "[json][topology]") {
    auto const good = R"({"name": "mine", "layers": [{"tier": "endpoint", "names": ["a", "b"]}, {"tier": "edge", "names": ["s"]}],
                          "cables": [[0, 2, "400G", "1us"], [1, 2, "200G", "1us"]], "health": [{"link": "a->s", "health": 0.5}]})";
    auto const wrong = [&](auto change, char const* why) {
        auto bad = json::parse(good, "mine.json");
        change(bad);
        INFO(why);
        CHECK_THROWS_WITH(json::topology_from(json::reader("mine.json", bad)), Contains(why));
    };
    wrong([](auto& t) { t["heath"] = json::value::array(); }, "mine.json: /heath: there is no such key here; allowed are name, layers, cables, health");
    wrong([](auto& t) { t["layers"][1]["count"] = 1; }, "/layers/1/count: there is no such key");
    wrong([](auto& t) { t["layers"][0]["names"][1] = "a"; }, "/layers/0/names/1: should be a name that no other vertex has");
    wrong([](auto& t) { t["layers"][1]["names"][0] = "a"; }, "/layers/1/names/0: should be a name that no other vertex has");
    wrong([](auto& t) { t["layers"][1]["names"][0] = ""; }, "/layers/1/names/0: should be a name");
    wrong([](auto& t) { t["cables"][1].push_back(2); }, "/cables/1: should be an array of 4 elements");
    wrong([](auto& t) { t["cables"][1][2] = "1e308T"; }, "/cables/1: should be [from, to, rate");
    wrong([](auto& t) { t["health"][0]["heath"] = 1; }, "/health/0/heath: there is no such key");
    wrong([](auto& t) { t["health"].push_back(t["health"][0]); }, "/health/1/link: should be a link that is not above, too");
    wrong([](auto& t) { t["topology"] = "fat-tree:k=4"; }, "/name: there is no such key here; allowed are topology, health");
    CHECK_THROWS_WITH(json::parse(R"({"name": "a", "name": "b"})", "mine.json"), Contains("mine.json: the key \"name\" is there twice"));
}

TEST_CASE("what is wrong with a file is told by line or path, and what was expected", "[json][plan]") {
    auto made = make("fat-tree:k=4", "nslb");
    made.certificate = claim_of(certify(made.on, made.phase, made.paths));
    auto const good = json::to_json(made);
    auto const wrong = [&](auto change, char const* why) {
        auto bad = good;
        change(bad);
        INFO(why);
        CHECK_THROWS_WITH(read(bad.dump()), Contains(why));
    };
    CHECK_THROWS_WITH(read("{\n\"format\":,"), Contains("plan.json:2: is no JSON"));
    wrong([](auto& p) { p["polices"] = "nslb"; }, "plan.json: /polices: there is no such key here");
    wrong([](auto& p) { p["certificate"]["max"] = 1; }, "/certificate/max: there is no such key");
    wrong([](auto& p) { p["certificate"]["cut"]["down_to"] = 1; }, "/certificate/cut/down_to: there is no such key");
    wrong([](auto& p) { p["flows"][3].push_back(1); }, "/flows/3: should be an array of 4 elements");
    wrong([](auto& p) { p["paths"][3].push_back(1); }, "/paths/3: should be an array of 3 elements");
    wrong([](auto& p) { p.erase("flows"); }, "plan.json: /: should be an object with \"flows\"");
    wrong([](auto& p) { p["format"] = "plan"; }, "/format: should be \"chorus-plan-1\"");
    wrong([](auto& p) { p["flows"][3][1] = 16; }, "/flows/3/1: should be a whole number from 0 to 15");
    wrong([](auto& p) { p["flows"][3] = 7; }, "/flows/3: should be an array");
    wrong([](auto& p) { p["paths"][2][1] = 4; }, "/paths/2/1: should be a whole number from 0 to 3");
    wrong([](auto& p) { p["paths"][2][1] = "far"; }, "/paths/2/1: should be a route number");
    wrong([](auto& p) { p["paths"][2][0] = 1000; }, "/paths/2/0: should be a whole number from 1 to 15");
    wrong([](auto& p) { p["paths"][2][1] = json::value::array({"nowhere"}); },
          "/paths/2/1/0: should be the name of a link");
    wrong([](auto& p) { p["paths"][2][1] = json::value::array({"host9->pod2.edge0"}); },
          "/paths/2/1/0: should be a link that begins at host2");
    wrong([](auto& p) { p["network"]["topology"] = "fat-tree:k=3"; }, "k should be even");
    wrong([](auto& p) { p["paths"][2][2] = 0.5; }, "/paths: should be paths of flow 2 whose shares add up to 1, not to 0.5");
    wrong([](auto& p) { p["paths"] = json::value::array(); }, "/paths: should be paths of flow 0 whose shares add up to 1, not to 0");
    wrong([](auto& p) { p["flows"][3][2] = 0; }, "/flows/3/2: should be a whole number from 1 to");
    wrong([](auto& p) { p["certificate"]["max_load"] = -1; }, "/certificate/max_load: should be a number from 0");
    wrong([](auto& p) { p["certificate"]["split"] = 0; }, "/certificate/split: should be true or false");
    wrong([](auto& p) { p["certificate"]["cut"]["inside"] = "core0"; }, "/certificate/cut/inside: should be the name of an endpoint of fat-tree:k=4");
    wrong([](auto& p) { p["certificate"]["cut"]["up_to"] = "core"; }, "/certificate/cut/up_to: should be endpoint, edge or aggregation");
    wrong(
        [](auto& p) {
            p["network"]["health"] = {{{"link", "x"}, {"health", 0}}};
        },
        "/network/health/0/link: should be the name of a link");
}

TEST_CASE("a certificate's cut is one that the fabric has", "[json][plan]") {
    for (auto const& [fabric, level, why] : {std::tuple("torus:dims=3x3", "edge", "should be endpoint"), std::tuple("torus:dims=3x3", "aggregation", "should be endpoint"),
                                             std::tuple("leaf-spine:leaves=2,spines=2,hosts=2", "aggregation", "should be endpoint or edge")}) {
        auto plan = make(fabric, "ecmp");
        plan.certificate = claim_of(certify(plan.on, plan.phase, plan.paths));
        auto text = json::to_json(plan);
        text["certificate"]["cut"]["up_to"] = level;
        CHECK_THROWS_WITH(read(text.dump()), Contains("/certificate/cut/up_to: ") && Contains(why));
    }
}

TEST_CASE("damaged plans are refused or read, never worse", "[json][fuzz]") {
    auto plan = make("fat-tree:k=4", "e-ecmp:qps=2");
    plan.certificate = claim_of(certify(plan.on, plan.phase, plan.paths));
    std::string const texts[]{json::to_json(plan).dump(), json::to_json(json::job_plan{plan.on, plan.policy, {{"a", 0, plan.phase, plan.paths}}}).dump()};
    auto const seed = GENERATE(1U, 2U, 3U);
    std::mt19937 random(seed);
    for (int round = 0; round < 2000; ++round) {
        auto damaged = texts[round % 2];
        for (std::size_t i = 0; i < 1 + random() % 4; ++i) {
            auto const at = random() % damaged.size();
            if (random() % 3 == 0)
                damaged.erase(at, random() % 20);
            else
                damaged[at] = "0123456789[]{},:\"-e.ntx "[random() % 24];
            if (damaged.empty()) damaged = "x";
        }
        INFO("seed " << seed << ", round " << round);
        try {
            if (round % 2 == 0) {
                auto const back = read(damaged);
                check_hops(back.on, back.phase, back.paths);
            } else
                for (auto const back = read_job(damaged); auto const& each : back.phases) check_hops(back.on, each.flows, each.paths);
        } catch (usage_error const&) {
        }
    }
}
