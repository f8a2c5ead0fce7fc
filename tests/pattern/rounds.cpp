#include <chorus/pattern/bruck.hpp>
#include <chorus/pattern/circulant.hpp>
#include <chorus/pattern/halving.hpp>
#include <chorus/pattern/hypercube.hpp>
#include <chorus/pattern/powers.hpp>
#include <chorus/pattern/ring.hpp>

#include <catch2/catch.hpp>

#include <cstddef>
#include <vector>

using namespace chorus;

namespace {

static_assert(ceil_log2(1) == 0 && ceil_log2(2) == 1 && ceil_log2(5) == 3 && ceil_log2(8) == 3 && ceil_log2(9) == 4);
static_assert(floor_log2(1) == 0 && floor_log2(7) == 2 && floor_log2(8) == 3 && floor_log2(0x7fffffff) == 30);
static_assert(ceil_log(1, 3) == 0 && ceil_log(9, 3) == 2 && ceil_log(10, 3) == 3 && ceil_log(0x7fffffff, 2) == 31);
static_assert(is_power_of_two(1) && is_power_of_two(64) && !is_power_of_two(12));

static_assert(place_on_ring(0, 3).next == 1 && place_on_ring(0, 3).prev == 2 && place_on_ring(0, 1).next == 0);

/// Corners are in rank order, partners are mutual, and every rank is a corner or folded onto one.
constexpr bool is_hypercube(int size) {
    auto const cube = folded_hypercube{size};
    for (int corner = 0; corner < cube.corners(); ++corner) {
        auto const rank = cube.rank_at(corner);
        if (cube.is_folded(rank) || cube.corner(rank) != corner) return false;
        if (corner > 0 && cube.rank_at(corner - 1) >= rank) return false;
        if (cube.has_folded(rank) && (!cube.is_folded(rank + 1) || cube.corner(rank + 1) != corner)) return false;
        for (int d = 0; d < cube.dimensions(); ++d) {
            if (cube.partner(cube.partner(rank, d), d) != rank) return false;
            if (cube.is_upper(rank, d) != (cube.partner(rank, d) < rank)) return false;
        }
    }
    int ranks = 0;
    for (int rank = 0; rank < size; ++rank) ranks += cube.is_folded(rank) ? 0 : 1;
    return ranks == cube.corners();
}
static_assert(is_hypercube(1) && is_hypercube(6) && is_hypercube(8) && is_hypercube(15));

/// Who is given by whom, and does every rank end with itself alone?
constexpr bool is_halving(int size) {
    int given = 0, taken = 0;
    for (int rank = 0; rank < size; ++rank) {
        auto const rounds = halving_rounds(rank, size);
        if (static_cast<int>(rounds.size()) > ceil_log2(size)) return false;
        int held = size;
        for (std::size_t k = 0; k < rounds.size(); ++k) {
            auto const& mine = rounds[k];
            if (mine.given() + mine.kept() != held) return false;
            held = mine.kept();
            ++given;
            for (auto const peer : mine.from) {
                auto const theirs = halving_rounds(peer, size)[k];
                if (theirs.to != rank || theirs.give_begin != mine.keep_begin || theirs.give_end != mine.keep_end)
                    return false;
                ++taken;
            }
        }
        if (held != 1 || (size > 1 && rounds.back().keep_begin != rank)) return false;
    }
    return given == taken;
}
static_assert(is_halving(1) && is_halving(3) && is_halving(6) && is_halving(8));

constexpr int blocks_in(std::vector<circulant_round> const& rounds) {
    int blocks = 0;
    for (auto const& each : rounds) blocks += each.count();
    return blocks;
}
static_assert(circulant_rounds(1).empty() && circulant_rounds(2) == std::vector<circulant_round>{{1, 2}});
static_assert(circulant_rounds(6) == std::vector<circulant_round>{{3, 6}, {2, 3}, {1, 2}});

/// Every distance is the sum of the rounds' distances in which it moves.
constexpr bool is_bruck(int size, int radix) {
    for (int distance = 1; distance < size; ++distance) {
        int travelled = 0;
        for (auto const& round : bruck_rounds(size, radix))
            if (moves_in(round, distance, radix)) travelled += round.distance;
        if (travelled != distance) return false;
    }
    return static_cast<int>(bruck_rounds(size, radix).size()) <= (radix - 1) * ceil_log(size, radix);
}
static_assert(is_bruck(1, 2) && is_bruck(7, 2) && is_bruck(10, 3) && is_bruck(5, 8));
static_assert(bruck_rounds(6, 3) == std::vector<bruck_round>{{1, 1, 1}, {1, 2, 2}, {3, 1, 3}});
static_assert(moving_in({3, 1, 3}, 6, 3) == std::vector{3, 4, 5});

} // namespace

TEST_CASE("folded hypercubes keep rank order for any size", "[pattern][hypercube]") {
    for (int size = 1; size <= 130; ++size) REQUIRE(is_hypercube(size));
}

TEST_CASE("recursive halving gives everything away once, for any size", "[pattern][halving]") {
    for (int size = 1; size <= 66; ++size) REQUIRE(is_halving(size));
}

TEST_CASE("circulant rounds are ceil(log2 p), and move p-1 blocks", "[pattern][circulant]") {
    for (int size = 1; size <= 300; ++size) {
        REQUIRE(static_cast<int>(circulant_rounds(size).size()) == ceil_log2(size));
        REQUIRE(blocks_in(circulant_rounds(size)) == size - 1);
        REQUIRE(longest_chain(circulant_reduce_scatter_rounds(size)) <= ceil_log2(size));
        REQUIRE(longest_chain(circulant_all_gather_rounds(size)) ==
                longest_chain(circulant_reduce_scatter_rounds(size)));
    }
}

TEST_CASE("messages chain where they carry what arrived, or share a channel", "[pattern][circulant]") {
    CHECK(longest_chain({}) == 0);
    CHECK(longest_chain({{1, 2, 0, 1}, {1, 2, 0, 1}}) == 1);
    CHECK(longest_chain({{1, 2, 0, 1}, {0, 1, 1, 2}}) == 2);
    CHECK(longest_chain({{1, 2, 0, 1, 3}, {1, 2, 0, 1, 3}}) == 2);
}

TEST_CASE("Bruck's digits add up to every distance", "[pattern][bruck]") {
    for (int size = 1; size <= 70; ++size)
        for (int radix = 2; radix <= 9; ++radix) REQUIRE(is_bruck(size, radix));
}
