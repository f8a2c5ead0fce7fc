/// The catalogue as a whole: complete, and every entry says all that it must.

#include <chorus/algorithm/catalogue.hpp>

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <utility>

namespace {

using namespace chorus;

bool has(collective what, std::string_view algorithm) { return find(entries_of(what), algorithm) != nullptr; }

} // namespace

TEST_CASE("the nine that everybody asks for are there", "[algorithm][catalogue]") {
    for (auto const what : {collective::all_reduce, collective::all_gather, collective::all_to_all})
        for (auto const* algorithm : {"ring", "tree", "hierarchical"}) CHECK(has(what, algorithm));
}

TEST_CASE("every collective has algorithms, point-to-point has none", "[algorithm][catalogue]") {
    std::size_t count = 0;
    for (auto const text : collective_names) {
        auto const what = *collective_named(text);
        CHECK(entries_of(what).empty() == (what == collective::send_recv));
        count += entries_of(what).size();
    }
    CHECK(all_entries.size() == count);
}

TEST_CASE("an entry is complete", "[algorithm][catalogue]") {
    std::set<std::pair<collective, std::string_view>> seen;
    for (auto const& entry : all_entries) {
        INFO(name(entry.what) << " " << entry.name);
        CHECK(seen.insert({entry.what, entry.name}).second);
        CHECK(find(entries_of(entry.what), entry.name)->record == entry.record);
        CHECK_FALSE(entry.cost.empty());
        CHECK_FALSE(entry.source.empty());
        CHECK((entry.record == nullptr) == (entry.name == "native"));
        if (entry.name == "hierarchical" || entry.name == "native")
            CHECK(entry.formula == nullptr);
        else
            CHECK(entry.formula != nullptr);
        if (!has_operator(entry.what)) CHECK(entry.keeps_order);
        if (entry.what != collective::all_to_all) CHECK_FALSE(entry.forwards_blocks);
    }
}

TEST_CASE("native comes last where there is one", "[algorithm][catalogue]") {
    for (auto const text : collective_names) {
        auto const entries = entries_of(*collective_named(text));
        for (std::size_t i = 0; i + 1 < entries.size(); ++i) CHECK(entries[i].name != "native");
    }
}

TEST_CASE("one rank alone costs nothing", "[algorithm][catalogue]") {
    for (auto const& entry : all_entries) {
        if (entry.formula == nullptr) continue;
        INFO(name(entry.what) << " " << entry.name);
        choice how;
        how.name = entry.name;
        auto const cost = entry.formula(1, how);
        CHECK(cost.rounds == 0);
        CHECK(cost.messages == 0);
        CHECK(cost.sent == 0);
        CHECK(cost.reduced == 0);
    }
}

TEST_CASE("the catalogue is known while compiling, its formulas at run time", "[algorithm][catalogue]") {
    STATIC_REQUIRE(find(entries_of(collective::all_gather), "ring") != nullptr);
    STATIC_REQUIRE(find(entries_of(collective::gather), "ring") == nullptr);
    CHECK(find(entries_of(collective::all_gather), "ring")->formula(8, {}).sent == 7);
    CHECK(find(entries_of(collective::all_to_all), "bruck")->formula(8, {}).sent == 12);
}
