#include <chorus/pattern/double_tree.hpp>
#include <chorus/pattern/tree.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace chorus;

namespace {

/// Each rank's subtree is an interval made of itself and its children's; parent and child name each other; children on
/// either side are adjacent to what came before them.
constexpr bool is_tree(int size, int root, int radix) {
    for (int rank = 0; rank < size; ++rank) {
        auto const here = place_in_tree(rank, size, root, radix);
        if ((here.parent < 0) != (rank == root)) return false;
        int begin = rank, end = rank + 1;
        for (auto const& child : here.children) {
            auto const there = place_in_tree(child.rank, size, root, radix);
            if (there.parent != rank || there.begin != child.begin || there.end != child.end) return false;
            if (child.end == begin)
                begin = child.begin;
            else if (child.begin == end)
                end = child.end;
            else
                return false;
        }
        if (begin != here.begin || end != here.end) return false;
        if (rank == root && (begin != 0 || end != size)) return false;
    }
    return true;
}

/// Walks a tree in order: below, rank, above must be an interval. Returns its end, or -1.
constexpr int in_order(int rank, int parent, int begin, int size, int tree) {
    if (rank < 0) return begin;
    auto const here = place_in_double_tree(rank, size, tree);
    if (here.parent != parent) return -1;
    if (in_order(here.below, rank, begin, size, tree) != rank) return -1;
    return in_order(here.above, rank, rank + 1, size, tree);
}

constexpr int depth(int rank, int size, int tree) {
    auto const here = place_in_double_tree(rank, size, tree);
    return here.parent < 0 ? 0 : 1 + depth(here.parent, size, tree);
}

constexpr bool is_double_tree(int size) {
    int deepest = 0;
    for (int tree = 0; tree < 2; ++tree)
        if (in_order(0, -1, 0, size, tree) != size) return false;
    for (int rank = 1; rank < size; ++rank) {
        int children = 0;
        for (int tree = 0; tree < 2; ++tree) {
            for (auto const child : place_in_double_tree(rank, size, tree).children()) children += child >= 0 ? 1 : 0;
            deepest = depth(rank, size, tree) > deepest ? depth(rank, size, tree) : deepest;
        }
        if (children > 2) return false; // sends and receives no more than others
    }
    return deepest == depth_of_double_tree(size);
}

static_assert(is_tree(1, 0, 2) && is_tree(6, 3, 2) && is_tree(8, 7, 2) && is_tree(10, 4, 3));
static_assert(is_double_tree(1) && is_double_tree(2) && is_double_tree(3) && is_double_tree(6) && is_double_tree(9));

} // namespace

TEST_CASE("binomial and k-nomial trees are made of intervals around any root", "[pattern][tree]") {
    for (int size = 1; size <= 40; ++size)
        for (int root = 0; root < size; ++root)
            for (int radix : {2, 3, 5}) {
                CAPTURE(size, root, radix);
                REQUIRE(is_tree(size, root, radix));
            }
}

TEST_CASE("a binomial tree of six ranks around rank 3", "[pattern][tree]") {
    auto const root = place_in_tree(3, 6, 3);
    CHECK(root.parent == -1);
    CHECK(root.children == std::vector<subtree>{{2, 2, 3}, {0, 0, 2}, {4, 4, 6}});
    auto const inner = place_in_tree(4, 6, 3);
    CHECK(inner.parent == 3);
    CHECK(inner.children == std::vector<subtree>{{5, 5, 6}});
}

TEST_CASE("a wide tree has a root and leaves", "[pattern][tree]") {
    CHECK(place_in_tree(1, 4, 1, 100).children == std::vector<subtree>{{0, 0, 1}, {2, 2, 3}, {3, 3, 4}});
    CHECK(place_in_tree(2, 4, 1, 100).parent == 1);
}

TEST_CASE("both trees of a double tree are in order, and nobody has children in both", "[pattern][double_tree]") {
    for (int size = 1; size <= 130; ++size) {
        CAPTURE(size);
        REQUIRE(is_double_tree(size));
    }
}

TEST_CASE("double trees of four and five ranks", "[pattern][double_tree]") {
    CHECK(place_in_double_tree(0, 4, 0) == binary_place{-1, -1, 2});
    CHECK(place_in_double_tree(2, 4, 0) == binary_place{0, 1, 3});
    CHECK(place_in_double_tree(0, 4, 1) == binary_place{-1, -1, 1});
    CHECK(place_in_double_tree(1, 4, 1) == binary_place{0, -1, 3});
    CHECK(place_in_double_tree(3, 4, 1) == binary_place{1, 2, -1});
    CHECK(place_in_double_tree(4, 5, 0) == binary_place{0, 2, -1});
    CHECK(place_in_double_tree(1, 5, 1) == binary_place{0, -1, 3}); // the mirror image
}
