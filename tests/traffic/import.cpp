// Traffic of other simulators.
#include "support/seed.hpp"

#include <chorus/traffic/import.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::traffic;

namespace {

std::string const matrix = "Nodes 4\nConnections 3\n0->1 id 1 start 0 size 2000000\n2->3 id 2 start 0 size 5\n3->0 id 3 start 100 size 7 trigger 1\n";
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

TEST_CASE("a connection matrix of htsim is phases of equal starts", "[import]") {
    auto const found = parse_connection_matrix("a.cm", matrix);
    CHECK(found.ranks == 4);
    REQUIRE(found.phases.size() == 2);
    CHECK(found.phases[0].messages() == std::vector<message>{{0, 1, 2000000}, {2, 3, 5}});
    CHECK(found.phases[1].messages() == std::vector<message>{{3, 0, 7}});
    CHECK_THROWS_WITH(parse_connection_matrix("a.cm", "Nodes 4\n0->4 size 1\n"), Catch::Contains("a.cm:2: the destination"));
    CHECK_THROWS_WITH(parse_connection_matrix("a.cm", "0->1 size 1\n"), Catch::Contains("Nodes N"));
    CHECK_THROWS_WITH(parse_connection_matrix("a.cm", "Nodes 4\n0->1 start 3\n"), Catch::Contains("size"));
}

TEST_CASE("a GOAL schedule is phases by what waits for what", "[import]") {
    auto const found = read(goal);
    REQUIRE(found.phases.size() == 4);
    CHECK(found.phases[0].messages() == std::vector<message>{{0, 1, 64}});
    CHECK(found.phases[1].messages() == std::vector<message>{{1, 2, 16}});
    CHECK(found.phases[2].messages() == std::vector<message>{{2, 0, 32}});
    CHECK(found.phases[3].messages() == std::vector<message>{{0, 1, 8}});
    REQUIRE(found.compute.size() == 5); // 100 ns before the last phase, nothing elsewhere
    for (std::size_t i = 0; i < 5; ++i) CHECK(found.compute[i] == Approx(i == 3 ? 1e-7 : 0.0));
    CHECK_THROWS_WITH(read("rank 0 {\n}\n"), Catch::Contains("num_ranks"));
    CHECK_THROWS_WITH(read("num_ranks 2\nrank 0 {\nl1: send 4b to 2\n}\n"), Catch::Contains("a.goal:3: the peer"));
    CHECK_THROWS_WITH(read("num_ranks 2\nrank 0 {\nl1: send 4b to 1\n}\n"), Catch::Contains("expects 0"));
    CHECK_THROWS_WITH(read("num_ranks 2\nrank 0 {\nl1: calc 4\nl1 requires l9\n}\n"), Catch::Contains("l9"));
    CHECK_THROWS_WITH(read("num_ranks 1\nrank 0 {\nl1: calc 4\nl2: calc 4\nl1 requires l2\nl2 requires l1\n}\n"), Catch::Contains("wait for each other"));
}

TEST_CASE("calculations of GOAL count where messages wait for them", "[import]") {
    // 5 us and then 7 us before the message; 90 us beside it, for nobody; 3 us after it on the other side.
    auto const found = read("num_ranks 2\nrank 0 {\na: calc 5000\nb: calc 7000\nc: calc 90000\nd: send 8b to 1\nb requires a\nd requires b\n}\n"
                            "rank 1 {\ne: recv 8b from 0\nf: calc 3000\nf requires e\n}\n");
    REQUIRE(found.phases.size() == 1);
    REQUIRE(found.compute.size() == 2);
    CHECK(found.compute[0] == Approx(12e-6));
    CHECK(found.compute[1] == Approx(3e-6));
    CHECK(read("num_ranks 1\nrank 0 {\na: calc 5000\n}\n").compute == std::vector{5000 * 1e-9});
    CHECK(read("num_ranks 2\nrank 0 {\na: send 8b to 1\n}\nrank 1 {\nb: recv 8b from 0\n}\n").compute.empty());
}

TEST_CASE("imported files are read or refused, whatever they hold", "[import]") {
    survives(matrix, [](std::string const& text) { parse_connection_matrix("fuzzed.cm", text); });
    survives(goal, [](std::string const& text) { read(text); });
}
