#include <chorus/pattern/groups.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace chorus;

static_assert(group_of_sizes({2, 3}) == std::vector{0, 0, 1, 1, 1});
static_assert(group_of_equal(5, 2) == std::vector{0, 0, 1, 1, 2});
static_assert(members_of({7, 3, 7, 7}).size() == 2);
static_assert(members_of({}).empty());

TEST_CASE("a group has at least one rank", "[pattern][groups]") {
    CHECK_THROWS_AS(group_of_sizes({2, 0}), usage_error);
    CHECK_THROWS_AS(group_of_sizes({-1}), usage_error);
    CHECK(group_of_sizes({}).empty());
}

TEST_CASE("sizes and members are two views of one grouping", "[pattern][groups]") {
    CHECK(members_of(group_of_sizes({2, 1, 3})) == group_members{{0, 1}, {2}, {3, 4, 5}});
}

TEST_CASE("group numbers are labels, groups come in the order of their first members", "[pattern][groups]") {
    CHECK(members_of({7, 3, 7, 7}) == group_members{{0, 2, 3}, {1}});
}

TEST_CASE("groups know their members and leaders", "[pattern][groups]") {
    group_members const groups{{0, 2}, {1, 3}};
    CHECK(group_with(groups, 3) == 1);
    CHECK(group_with(groups, 4) == -1);
    CHECK(leaders_of(groups) == std::vector{0, 1});
    CHECK(leaders_of(groups, 3) == std::vector{0, 3});
    CHECK_FALSE(are_contiguous(groups));
    CHECK(are_contiguous({{0, 1}, {2}}));
}
