// Traffic of other simulators.
#include "support/seed.hpp"

#include <chorus/paths/ecmp.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/network/policy.hpp>
#include <chorus/sim/timeline.hpp>
#include <chorus/traffic/import.hpp>
#include <chorus/traffic/jobs.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::traffic;

namespace {

std::string const matrix = "Nodes 4\nConnections 4\nTriggers 1\n0->1 id 1 start 0 size 2000000 send_done_trigger 1\n2->3 id 2 start 0 size 5\n"
                           "3->0 id 3 start 100 size 7\n1->2 id 4 trigger 1 size 9\ntrigger id 1 oneshot\n";
std::string const goal = R"(num_ranks 3
rank 0 {
l1: send 64b to 1 tag 7
l2: recv 32b from 2 tag 0 cpu 0
l3: calc 100
l4: send 8b to 1
l3 requires l2
l4 irequires l3
}
rank 1 {
l1: recv 64b from 0 tag 7
l2: send 16b to 2 tag 0
l3: recv 8b from 0
l2 requires l1
}
rank 2 {
l1: recv 16b from 1 tag 0
l2: send 32b to 0 tag 0
l2 requires l1
}
)";

imported read(std::string const& text) { return goal_reader("a.goal", text).run(); }
imported read_matrix(std::string const& text) { return connection_matrix_reader("a.cm", text).run(); }

std::vector<message> messages_of(activity const& of) { return of.phases ? of.phases->at(0).messages() : std::vector<message>{}; }

/// Seconds that it takes on a network of 50 GB/s without latency.
double seconds(imported const& what) {
    auto const on = parse_topology("leaf-spine:leaves=1,spines=1,hosts=8,rate=400G,latency=0ns");
    job one;
    one.what = message_job{what.ranks, what.activities};
    return sim::run(on, program_of({one}, on), any_policy(ecmp{})).makespan;
}

template <class Read>
void survives(std::string const& good, Read read_text) {
    auto const seed = chorus::testing::test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 5000; ++round) {
        auto text = good;
        for (auto changes = 1 + random() % 4; changes > 0 && !text.empty(); --changes) {
            auto const at = random() % text.size();
            if (random() % 2 == 0) text[at] = "0123456789:{}\n lb->x"[random() % 20];
            else text.erase(at, 1 + random() % 6);
        }
        try {
            read_text(text);
        } catch (usage_error const&) {
        }
    }
}

} // namespace

TEST_CASE("flows of a connection matrix begin at their times, beside others", "[import]") {
    auto const found = read_matrix("Nodes 4\nConnections 3\n0->1 id 1 start 0.000000 size 50000\n2->3 id 2 start 0 size 5\n3->0 id 3 start 500000 size 50000\n");
    CHECK(found.ranks == 4);
    REQUIRE(found.activities.size() == 3);
    CHECK(messages_of(found.activities[0]) == std::vector<message>{{0, 1, 50000}, {2, 3, 5}});
    CHECK(found.activities[1].seconds == Approx(5e-7));
    CHECK(messages_of(found.activities[2]) == std::vector<message>{{3, 0, 50000}});
    CHECK(found.activities[2].after == std::vector<std::uint32_t>{1});
    CHECK(found.activities[0].strand != found.activities[2].strand);
    CHECK(seconds(found) == Approx(1.5e-6)); // not 2 us, one after the other
}

TEST_CASE("triggers of a connection matrix start flows after flows", "[import]") {
    auto const flow = [](std::string const& ends, std::string const& words) { return ends + " size 50000 " + words + "\n"; }; // 1 us alone
    auto const once = "Nodes 8\n" + flow("0->1", "id 1 start 0 send_done_trigger 1") + flow("1->2", "id 2 trigger 1") + flow("3->4", "id 3 trigger 1");
    CHECK(seconds(read_matrix(once + "trigger id 1 oneshot\n")) == Approx(2e-6));
    CHECK(seconds(read_matrix(once + "trigger id 1 barrier count 1\n")) == Approx(2e-6));
    auto const chain = "Nodes 8\n" + flow("0->1", "id 1 start 0 recv_done_trigger 7") + flow("1->2", "id 2 trigger 7 recv_done_trigger 7") + flow("3->4", "id 3 trigger 7");
    CHECK(seconds(read_matrix(chain + "trigger id 7 multishot\n")) == Approx(3e-6));
    auto const meet = "Nodes 8\n" + flow("0->1", "start 0 send_done_trigger 2") + flow("2->3", "start 4000000 send_done_trigger 2") + flow("4->5", "trigger 2");
    CHECK(seconds(read_matrix(meet + "trigger id 2 barrier count 2\n")) == Approx(6e-6));

    CHECK_THROWS_WITH(read_matrix(once), Catch::Contains("a.cm:2") && Catch::Contains("trigger id 1"));
    CHECK_THROWS_WITH(read_matrix(once + "trigger id 1 barrier count 2\n"), Catch::Contains("a.cm:5: trigger 1 waits for 2 flows, but 1"));
    CHECK_THROWS_WITH(read_matrix(once + "trigger id 1 multishot\n"), Catch::Contains("a.cm:4: this flow never begins"));
    CHECK_THROWS_WITH(read_matrix(meet + "trigger id 2 oneshot\n"), Catch::Contains("waits for 1 flows, but 2"));
    CHECK_THROWS_WITH(read_matrix(meet + "trigger id 2 multishot\n"), Catch::Contains("only a run can say"));
    CHECK_THROWS_WITH(read_matrix("Nodes 2\n0->1 size 1 trigger 1 send_done_trigger 1\ntrigger id 1 oneshot\n"), Catch::Contains("waits for itself"));
    CHECK_THROWS_WITH(read_matrix("Nodes 2\n0->1 size 1 trigger 1\ntrigger id 1 oneshot\n"), Catch::Contains("a.cm:3: trigger 1 never fires"));
}

TEST_CASE("nothing in a connection matrix is passed over", "[import]") {
    auto const refused = [](std::string const& text, std::string const& why) { CHECK_THROWS_WITH(read_matrix(text), Catch::Contains(why)); };
    refused("Nodes 4\n0->4 size 1\n", "a.cm:2: the destination");
    refused("0->1 size 1\n", "Nodes N");
    refused("Nodes 4\n0->1 start 3\n", "a.cm:2: a flow should have its 'size");
    refused("Nodes 4\n0->1 start size 3\n", "a.cm:2: the start should be a number");
    refused("Nodes 4\n0->1 size\n", "the size is missing");
    refused("Nodes 4\n0->1 size 1 start -1\n", "the start should be");
    refused("Nodes 4\n0->1 size 1 start nan\n", "the start should be");
    refused("Nodes 4\n0->1 size 1 start 1e300\n", "the start should be");
    refused("Nodes 4\n0->1 size 1 begin 3\n", "'begin' is not known");
    refused("Nodes 4\n0->1 size 1 addon\n", "'addon' is not known");
    refused("Nodes 4\n0->1 size 1 size 2\n", "'size' is there twice");
    refused("Nodes 4\n0->1 size 1 start 1 trigger 2\n", "not both");
    refused("Nodes 4\n0->1 id 1 size 1\n0->1 id 1 size 1\n", "a.cm:3: the id 1 is there twice");
    refused("Nodes 4\n0 -> 1 size 1\n", "a.cm:2: '0' is not known");
    refused("Nodes 4\nConnections 40\n0->1 size 1\n", "said to be 40, but there are 1");
    refused("Nodes 4\nTriggers 1\n0->1 size 1\n", "said to be 1, but there are 0");
    refused("Nodes 4\nNodes 5\n", "'Nodes' is there twice");
    refused("Nodes 4\nFailures 1\n", "a.cm:2: failures of links belong");
    refused("Nodes 4\nfailure switch_type AGG switch_id 0 link_id 0\n", "a.cm:2: failures of links belong");
    CHECK(read_matrix("Nodes 4\nFailures 0\n0->1 size 1 prio 3\n1->2 size 1 prio 4\n").warnings.size() == 1);
}

TEST_CASE("a GOAL schedule is exchanges by what waits for what", "[import]") {
    auto const found = read(goal);
    std::vector<std::vector<message>> sent;
    for (auto const& each : found.activities)
        if (each.phases) sent.push_back(messages_of(each));
    CHECK(sent == std::vector<std::vector<message>>{{{0, 1, 64}}, {{1, 2, 16}}, {{2, 0, 32}}, {{0, 1, 8}}});
    CHECK(seconds(found) == Approx(1e-7 + 112 / 50e9)); // the calculation, and the messages but for the last, which goes on beside it
    CHECK_THROWS_WITH(read("rank 0 {\n}\n"), Catch::Contains("num_ranks"));
    CHECK_THROWS_WITH(read("num_ranks 2\nrank 0 {\nl1: send 4b to 2\n}\n"), Catch::Contains("a.goal:3: the peer"));
    CHECK_THROWS_WITH(read("num_ranks 2\nrank 0 {\nl1: send 4b to 1\n}\n"), Catch::Contains("expects 0"));
    CHECK_THROWS_WITH(read("num_ranks 1\nrank 0 {\nl1: calc 4\nl1 requires l9\n}\n"), Catch::Contains("a.goal:4: the rank has no label 'l9'"));
    CHECK_THROWS_WITH(read("num_ranks 1\nrank 0 {\nl1: calc 4\nl2: calc 4\nl1 requires l2\nl2 requires l1\n}\n"), Catch::Contains("wait for each other"));
}

TEST_CASE("calculations of GOAL take their time beside messages", "[import]") {
    auto const pair = [](std::string const& first, std::string const& second) { return seconds(read("num_ranks 4\nrank 0 {\n" + first + "}\nrank 1 {\n" + second + "}\n")); };
    auto const sent = "d: send 50000b to 1\n", received = "e: recv 50000b from 0\n"; // 1 us
    CHECK(pair("a: calc 5000\n" + std::string(sent), received) == Approx(5e-6));
    CHECK(pair("a: calc 5000\n" + std::string(sent) + "d requires a\n", received) == Approx(6e-6));
    CHECK(pair("a: calc 5000\nb: calc 7000\n" + std::string(sent) + "b requires a\nd requires b\n", std::string(received) + "f: calc 3000\nf requires e\n") == Approx(16e-6));
    CHECK(pair("a: calc 1000\nb: calc 1000\nc: calc 1000 cpu 0\n", "") == Approx(3e-6)); // one processor
    CHECK(pair("a: calc 1000\nb: calc 1000 cpu 1\n", "c: calc 1000\n") == Approx(1e-6)); // three
    CHECK(pair("a: calc 5000\n" + std::string(sent) + "d irequires a\n", received) == Approx(5e-6));
    // Ranks that have nothing to do with each other do not wait for each other.
    CHECK(seconds(read("num_ranks 4\nrank 0 {\na: calc 5000\nb: send 50000b to 1\nb requires a\n}\nrank 1 {\na: recv 50000b from 0\n}\n"
                       "rank 2 {\na: send 50000b to 3\n}\nrank 3 {\na: recv 50000b from 2\nb: calc 5000\nb requires a\n}\n")) == Approx(6e-6));
}

TEST_CASE("nothing in a GOAL schedule is passed over", "[import]") {
    auto const one = [](std::string const& line) { return "num_ranks 2\nrank 0 {\n" + line + "\n}\n"; };
    auto const refused = [](std::string const& text, std::string const& why) { CHECK_THROWS_WITH(read(text), Catch::Contains(why)); };
    refused(one("a: recv 8b from -1"), "a.goal:3: the peer -1");
    refused(one("a: recv 8b from 1 tag -1"), "a.goal:3: the tag -1");
    refused(one("a: calc 1 speed 3"), "a.goal:3: 'speed'");
    refused(one("a: calc 1 tag 3"), "a.goal:3: 'tag'");
    refused(one("a: send 8b to 1 nic 1"), "the NIC");
    refused(one("a: send 8b to 1 tag"), "the tag is missing");
    refused(one("a: send 8b to 1 tag 1 tag 2"), "'tag' is there twice");
    refused(one("a: calc 1\na: calc 2"), "a.goal:4: the label 'a' is there twice");
    refused(one("a: calc 1\nb: calc 1\na requires b c"), "a.goal:5: 'c'");
    refused("num_ranks 2\nrank 0 {\n}\nrank 0 {\n}\n", "a.goal:4: rank 0 is there twice");
    refused("num_ranks 2 3\n", "'3' is not known");
    refused("num_ranks 2\n/* never\nends", "a.goal:2: the comment");
    refused("num_ranks 2\nrank 0 {\na: send 8b to 1\n}\nrank 1 {\na: recv 9b from 0\n}\n", "rank 0 sends 8");
    auto const tagged = read("num_ranks 2 // two\n/* all\n of them */ rank 0 { # here\na: send 8b to 1 tag 4000000000\nb: send 9b to 1 tag 1\n}\n"
                             "rank 1 {\na: recv 9b from 0 tag 1\nb: recv 8b from 0 tag 4000000000\n}\n");
    CHECK(tagged.activities.size() == 1);
}

TEST_CASE("imported files are read or refused, whatever they hold", "[import]") {
    survives(matrix, [](std::string const& text) { read_matrix(text); });
    survives(goal, [](std::string const& text) { read(text); });
}
