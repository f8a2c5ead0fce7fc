// From jobs to programs, and from JSON to jobs.
#include "support/seed.hpp"

#include <chorus/network/parse.hpp>
#include <chorus/paths/ecmp.hpp>
#include <chorus/sim/timeline.hpp>
#include <chorus/traffic/jobs.hpp>
#include <chorus/json/scenario.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::traffic;

namespace {

/// Bytes that the job's activities of one kind move in all.
double moved(program const& what, std::string const& kind) {
    double sum = 0;
    for (auto const& each : what.activities)
        if (each.kind == kind && each.phases) sum += volume(*each.phases) * each.times;
    return sum;
}

model small_model() {
    model m;
    m.layers = 4, m.hidden = 64, m.heads = 4, m.kv_heads = 4, m.ffn = 256, m.vocabulary = 1000, m.sequence = 128;
    return m;
}

std::string const good = R"({"topology": "leaf-spine:leaves=2,spines=2,hosts=4", "jobs": [
  {"kind": "training", "model": {"layers": 4, "hidden": 64}, "parallel": {"data": 4, "tensor": 2}, "global_batch": 8, "device_tflops": 100},
  {"kind": "collective", "ranks": 8, "bytes": 1000}]})";

std::string replaced(std::string const& from, std::string const& to) {
    auto text = good;
    return text.replace(text.find(from), from.size(), to);
}

} // namespace

TEST_CASE("a model's parameters are those that its makers state", "[jobs]") {
    model llama;
    llama.layers = 40, llama.hidden = 5120, llama.heads = llama.kv_heads = 40, llama.ffn = 13824, llama.vocabulary = 32000;
    CHECK(llama.parameters() == Approx(13.0e9).epsilon(0.005));
    model large;
    large.layers = 126, large.hidden = 16384, large.heads = 128, large.kv_heads = 8, large.ffn = 53248, large.vocabulary = 128256;
    CHECK(large.parameters() == Approx(405.8e9).epsilon(0.005));
    CHECK(large.kv_elements_per_token() == 2 * 126 * 8 * 128);
}

TEST_CASE("groups follow the order of dimensions, the first innermost", "[jobs]") {
    parallel how;
    how.tensor = 2, how.data = 2, how.pipeline = 2;
    CHECK(groups_along(how, 't', 2) == group_members{{0, 1}, {2, 3}, {4, 5}, {6, 7}});
    CHECK(groups_along(how, 'd', 2) == group_members{{0, 2}, {1, 3}, {4, 6}, {5, 7}});
    CHECK(groups_along(how, 'p', 2) == group_members{{0, 4}, {1, 5}, {2, 6}, {3, 7}});
    how.order = "pdt";
    CHECK(groups_along(how, 't', 2) == group_members{{0, 4}, {1, 5}, {2, 6}, {3, 7}});
    how.order = "ttp";
    CHECK_THROWS_AS(check(how), usage_error);
}

TEST_CASE("an iteration moves the bytes that its dimensions demand", "[jobs]") {
    auto const on = parse_topology("leaf-spine:leaves=2,spines=2,hosts=8");
    training t;
    t.model = small_model();
    t.how.tensor = 2, t.how.data = 4, t.how.pipeline = 2;
    t.global_batch = 16;
    job j;
    j.what = t;
    auto const program = program_of({j}, on);
    auto const activations = 128.0 * 64 * 2; // bytes of one sequence
    // data: each of 16 ranks' parameters (a quarter of the model), all-reduced by a ring among 4
    CHECK(moved(program, "data") == Approx(4 * 2 * 3 * t.model.parameters() / 4 * 2));
    // tensor: 4 per layer and micro-batch, 2 layers to a stage, 4 micro-batches, 8 groups of 2
    CHECK(moved(program, "tensor") == Approx(8 * 4 * 2 * 4 * 2.0 * activations));
    // pipeline: both directions of 8 neighbours, 4 micro-batches
    CHECK(moved(program, "pipeline") == Approx(2 * 8 * 4 * activations));
}

TEST_CASE("half of an optimizer's exchange goes either way: sharding moves the same bytes", "[jobs]") {
    auto const on = parse_topology("leaf-spine:leaves=2,spines=2,hosts=4");
    training t;
    t.model = small_model();
    t.how.data = 8;
    t.global_batch = 8;
    job j;
    j.what = t;
    auto const whole = moved(program_of({j}, on), "data");
    t.sharded_optimizer = true;
    j.what = t;
    CHECK(moved(program_of({j}, on), "data") == Approx(whole));
}

TEST_CASE("skewed experts change who gets how much, not how much is sent", "[jobs]") {
    auto const load = expert_load(64, 8, 1.0, 3);
    CHECK(std::accumulate(load.begin(), load.end(), 0.0) == Approx(1));
    CHECK(*std::max_element(load.begin(), load.end()) > 1.5 / 8);
    auto const even = expert_load(64, 8, 0, 3);
    for (auto const each : even) CHECK(each == Approx(1.0 / 8));
    CHECK(expert_load(64, 8, 1.0, 3) == load);
}

TEST_CASE("keys and values go to as many ranks as share them", "[jobs]") {
    auto const on = parse_topology("leaf-spine:leaves=2,spines=2,hosts=8");
    transfer_job t;
    t.model = small_model();
    t.prefill = 8, t.decode = 4, t.prefill_tensor = 4, t.decode_tensor = 2, t.tokens = 100;
    job j;
    j.what = t;
    auto const program = program_of({j}, on);
    CHECK(moved(program, "transfer") == Approx(2 * t.model.kv_elements_per_token() * 100 * 2));
    CHECK((*program.activities.back().phases)[0].size() == 8);
}

TEST_CASE("jobs that do not fit are refused by name", "[jobs]") {
    auto const on = parse_topology("leaf-spine:leaves=2,spines=2,hosts=4");
    job j;
    j.name = "too large";
    j.what = checkpoint_job{8, 1, 100};
    CHECK_THROWS_WITH(program_of({j}, on), Catch::Contains("too large"));
    training t;
    t.how.data = 4;
    t.global_batch = 6;
    j.what = t;
    CHECK_THROWS_WITH(program_of({j}, on), Catch::Contains("multiple of data=4"));
}

TEST_CASE("what a job divides must be there, in equal parts", "[jobs]") {
    auto const read = [](std::string const& model, std::string const& parallel) {
        return parse_scenario("jobs.json", R"({"jobs": [{"kind": "training", "model": {"layers": 4, "hidden": 64, "heads": 8)" + model +
                                               R"(}, "parallel": {)" + parallel + R"(}, "global_batch": 16, "device_tflops": 100}]})");
    };
    auto const refused = [&](std::string const& model, std::string const& parallel, std::string const& why) {
        CHECK_THROWS_WITH(read(model, parallel), Catch::Contains("jobs.json: /jobs/0: " + why));
    };
    CHECK(read("", R"("tensor": 8)").warnings.empty());
    refused("", R"("tensor": 16)", "heads=8 should be a multiple of tensor=16");
    refused(R"(, "kv_heads": 3)", "", "heads=8 should be a multiple of kv_heads=3");
    refused(R"(, "kv_heads": 4)", R"("tensor": 2, "data": 3, "expert": 3)", "expert=3 divides experts, but the model has none");
    refused(R"(, "ffn": 100)", R"("tensor": 8)", "ffn=100 should be a multiple of tensor=8");
    refused(R"(, "sequence": 100)", R"("tensor": 8, "sequence": true)", "sequence=100 should be a multiple of tensor=8");
    refused("", R"("pipeline": 5)", "pipeline=5 stages are more than layers=4");
    for (auto const* experts : {"10", "4", "1"})
        refused(std::string(R"(, "experts": )") + experts, R"("data": 8, "expert": 8)", "experts=" + std::string(experts) + " should be a multiple of expert=8");
    auto const uneven = read("", R"("pipeline": 3)").warnings;
    REQUIRE(uneven.size() == 1);
    CHECK_THAT(uneven[0], Catch::Contains("jobs.json: /jobs/0: layers=4 do not divide among pipeline=3"));
}

TEST_CASE("experts hardly skewed cost what even ones cost", "[jobs]") {
    auto const on = parse_topology("leaf-spine:leaves=2,spines=2,hosts=4");
    auto const seconds = [&](double skew) {
        training t;
        t.model = small_model();
        t.model.experts = 16, t.model.top_k = 2, t.model.expert_ffn = 256;
        t.how.data = t.how.expert = 8;
        t.global_batch = 8;
        t.expert_skew = skew;
        job j;
        j.what = t;
        return sim::run(on, program_of({j}, on), ecmp{}).makespan;
    };
    CHECK(seconds(1e-9) == Approx(seconds(0)).epsilon(1e-3));
    CHECK(seconds(2) > seconds(0));
}

TEST_CASE("a pipeline fills and drains message after message", "[jobs]") {
    auto const on = parse_topology("leaf-spine:leaves=1,spines=1,hosts=4,rate=8G,latency=0ns"); // 1 GB/s
    for (auto const stages : {2, 4}) {
        training t;
        t.model = small_model();
        t.how.pipeline = stages;
        t.global_batch = stages - 1; // nothing goes on behind the computation
        job j;
        j.what = t;
        auto const program = program_of({j}, on);
        auto const record = sim::run(on, program, ecmp{});
        for (std::size_t a = 0; a < program.activities.size(); ++a)
            if (program.activities[a].name == "fill and drain") CHECK(record.activities[a].length() == Approx(2 * (stages - 1) * 128.0 * 64 * 2 / 1e9));
    }
}

TEST_CASE("a single rank has nothing to reduce, wherever that is done", "[jobs]") {
    auto const on = parse_topology("leaf-spine:leaves=1,spines=1,hosts=4");
    for (auto const* algorithm : {"in_network", "ring"}) {
        collective_job c;
        c.bytes = 1e6, c.ranks = 4, c.group = 1, c.algorithm = algorithm;
        job j;
        j.what = c;
        CHECK(sim::run(on, program_of({j}, on), ecmp{}).makespan == 0);
    }
}

TEST_CASE("a file of jobs is read, and what is wrong with one is told with its place", "[jobs]") {
    auto const read = [](std::string const& text) { return parse_scenario("jobs.json", text); };
    CHECK(read(good).jobs.size() == 2);
    CHECK(ranks_of(read(good).jobs[0]) == 8);
    CHECK_THROWS_WITH(read("{\n\"jobs\": [}"), Catch::Contains("jobs.json:2:"));
    CHECK_THROWS_WITH(read(replaced("\"layers\": 4", "\"layers\": 0")), Catch::Contains("/jobs/0/model/layers: should be a number from 1"));
    CHECK_THROWS_WITH(read(replaced("\"hidden\"", "\"hiden\"")), Catch::Contains("/jobs/0/model/hidden"));
    CHECK_THROWS_WITH(read(replaced("\"bytes\": 1000", "\"bytes\": \"many\"")), Catch::Contains("/jobs/1/bytes"));
    CHECK_THROWS_WITH(read(replaced("\"bytes\"", "\"byte\": 1, \"bytes\"")), Catch::Contains("/jobs/1/byte: there is no such key"));
    CHECK_THROWS_WITH(read(replaced("\"collective\", \"ranks\"", "\"training!\", \"ranks\"")), Catch::Contains("/jobs/1/kind"));
    CHECK_THROWS_WITH(read(replaced("\"bytes\"", "\"bytes\": 1, \"bytes\"")), Catch::Contains("jobs.json: the key \"bytes\" is there twice"));
    CHECK_THROWS_WITH(read(replaced("\"bytes\"", "\"hierarchy\": 2, \"bytes\"")), Catch::Contains("/jobs/1/hierarchy: should be left out"));
    CHECK_THROWS_WITH(read("[]"), Catch::Contains("an object"));
    CHECK_THROWS_WITH(read("{}"), Catch::Contains("/jobs"));
    CHECK_THROWS_AS(read_scenario("/nonexistent/file.json"), usage_error);
}

TEST_CASE("whatever bytes a file has, it is read or refused", "[jobs]") {
    auto const seed = chorus::testing::test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    std::mt19937_64 random(seed);
    auto const on = parse_topology("leaf-spine:leaves=2,spines=2,hosts=4");
    std::vector<std::string> const pieces{"0", "-1", "1e400", "null", "{}", "[]", "\"\"", "true", "9999999999999", "\"ring\"", "\"bruck:radix=1\"", ","};
    for (int round = 0; round < 4000; ++round) {
        auto text = good;
        for (auto changes = 1 + random() % 4; changes > 0; --changes) {
            auto const at = random() % text.size();
            switch (random() % 4) {
            case 0: text[at] = static_cast<char>(random() % 256); break;
            case 1: text.erase(at, 1 + random() % 5); break;
            case 2: text.insert(at, pieces[random() % pieces.size()]); break;
            default: // a value for another
                if (auto const colon = text.find(": ", at); colon != std::string::npos)
                    text.replace(colon + 2, std::min(text.find_first_of(",}", colon), text.size()) - colon - 2, pieces[random() % pieces.size()]);
            }
            if (text.empty()) text = "{";
        }
        try {
            auto const scenario = parse_scenario("fuzzed.json", text);
            if (ranks_of(scenario.jobs[0]) <= 64) program_of(scenario.jobs, on);
        } catch (usage_error const&) {
        }
    }
}
