/// Planned paths as transports read them.

#include "support/seed.hpp"

#include <chorus/core/path_table.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

TEST_CASE("a table of paths is read with names, parts and comments", "[core/path_table]") {
    auto const table = path_table::parse("# SOURCE DESTINATION TAG PART PORT FLOW_LABEL\n"
                                         "host0 host1 0 0 56513 7361\n"
                                         "\thost0 host1 0 1 61341 12189 # the second queue pair\r\n"
                                         "host0 host1 7 0 49152 0\n"
                                         "host2 pod3.edge1.host0 0 0 none none",
                                         "ports.txt");
    CHECK(table.lines() == 4);
    CHECK(table.size() == 2);
    CHECK(table.find("host0", "host1", 0)->label == 7361U); // the first line of a connection holds
    CHECK(table.find("host0", "host1", 1)->label == 12189U);
    CHECK(table.find("host0", "host1", 2) == nullptr);
    CHECK(table.find("host1", "host0", 0) == nullptr);
    CHECK(table.find("host2", "pod3.edge1.host0", 0) == nullptr);
}

TEST_CASE("further ports of a path are kept behind that of its label", "[core/path_table]") {
    auto const table = path_table::parse("a b 0 0 56513 7361 49152 65535 # two more\na b 0 1 56513 7361\n", "ports.txt");
    CHECK(table.find("a", "b", 0)->ports == std::vector<std::uint16_t>{56513, 49152, 65535});
    CHECK(table.find("a", "b", 1)->ports == std::vector<std::uint16_t>{56513});
    CHECK(table.find("b", "a", 0) == nullptr);
}

TEST_CASE("what is wrong in a table of paths is said with its line", "[core/path_table]") {
    auto const said = [](std::string const& text) -> std::string {
        try {
            path_table::parse(text, "ports.txt");
        } catch (usage_error const& e) {
            return e.what();
        }
        return "";
    };
    CHECK_THAT(said("\nhost0\n"), Catch::Contains("ports.txt:2: DESTINATION is missing"));
    CHECK_THAT(said("a b 0 0 56513\n"), Catch::Contains("ports.txt:1: FLOW_LABEL is missing"));
    CHECK_THAT(said("a b 0 x 56513 7361"), Catch::Contains("PART is a number, not 'x'"));
    CHECK_THAT(said("a b 0 0 56513 99999999"), Catch::Contains("FLOW_LABEL is at most 1048575"));
    CHECK_THAT(said("a b 0 0 56513 none"), Catch::Contains("both given, or both none"));
    CHECK_THAT(said("a b 0 0 56514 7361"), Catch::Contains("flow label 7361 makes port 56513, not 56514"));
    CHECK_THAT(said("a b 0 0 56513 7361 5"), Catch::Contains("no flow label makes a port below 49152"));
    CHECK_THAT(said("a b 0 0 56513 7361 none"), Catch::Contains("PORT is a number, not 'none'"));
    CHECK_THAT(said("a b 0 0 none none 56513"), Catch::Contains("PORT is none, and yet there are others"));
}

TEST_CASE("ports of flow labels are those of rdma-core", "[core/path_table]") {
    // ibv_flow_label_to_udp_sport: fl_low = fl & 0x3FFF; fl_low ^= (fl & 0xFC000) >> 14; fl_low | 0xC000
    for (std::uint32_t label = 0; label < 1U << 20; label += 37)
        REQUIRE(port_of_flow_label(label) == (((label & 0x3FFFU) ^ ((label & 0xFC000U) >> 14)) | 0xC000U));
}

TEST_CASE("whatever a table of paths consists of, it is read or refused", "[core/path_table]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    std::string const good = "host0 host1 0 0 56513 7361\nhost1 host0 0 1 none none\n# end\n", letters = "host01 \n\t#none56513-7361\r\0x";
    for (int round = 0; round < 5000; ++round) {
        auto text = good;
        for (auto changes = random() % 8; changes > 0; --changes) {
            auto const at = random() % (text.size() + 1);
            if (random() % 2 == 0 && at < text.size()) text.erase(at, random() % 9);
            else text.insert(at, 1, letters[random() % letters.size()]);
        }
        try {
            auto const table = path_table::parse(text, "fuzz");
            CHECK(table.size() <= table.lines());
        } catch (usage_error const& e) {
            CHECK_THAT(e.what(), Catch::StartsWith("chorus: fuzz:"));
        }
    }
}
