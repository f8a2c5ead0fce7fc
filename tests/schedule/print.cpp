/// Table, Graphviz and JSON: exact text for small schedules, and everything that must hold for larger ones.

#include "schedule/samples.hpp"

#include <catch2/catch.hpp>
#include <chorus/schedule/print.hpp>

#include <algorithm>
#include <string>
#include <vector>

#if __has_include(<nlohmann/json.hpp>)
#include <nlohmann/json.hpp>
#endif

using namespace chorus;
using samples::all_ranks;
using schedules = std::vector<schedule>;

namespace {

slice const vector_whole{output_buffer, {0, 0, 1}, {1, 0, 1}};

schedules ring(int p) { return all_ranks(collective::all_reduce, samples::ring_all_reduce, "ring", p); }

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("a vector is described by its parts, numbered as in the algorithms", "[schedule][print][words]") {
    schedule of;
    of.buffers = {{{0}, {}, {1, 0, 1}}, {{0}, {}, {1, 0, 1}}, {{0}, {}, {1, 0, 1}}};
    auto const input = slice{input_buffer, {0, 0, 1}, {1, 0, 1}};
    auto const scratch = slice{first_scratch_buffer, {0, 0, 1}, {1, 0, 1}};
    CHECK(print::describe(of, vector_whole) == "all");
    CHECK(print::describe(of, vector_whole.part(1, 4)) == "part 1/4");
    CHECK(print::describe(of, vector_whole.part(2, 4)) == "part 2/4");
    CHECK(print::describe(of, slice{output_buffer, {0, 1, 4}, {0, 3, 4}}) == "parts 1-2/4");
    CHECK(print::describe(of, input.part(2, 5)) == "input part 2/5");
    CHECK(print::describe(of, scratch.part(0, 3)) == "scratch 0 part 0/3");
    CHECK(print::describe(of, slice_list(vector_whole.part(0, 4)) + vector_whole.part(2, 4)) == "parts 0/4, 2/4");
    CHECK(print::describe(of, slice_list(input.part(0, 2)) + vector_whole.part(1, 2)) == "input part 0/2 + part 1/2");
    CHECK(print::describe(of, slice_list()) == "nothing");
    CHECK(print::brief(of, vector_whole.part(1, 4)) == "1/4");
    CHECK(print::brief(of, slice{output_buffer, {0, 9, 16}, {0, 16, 16}}) == "9-15/16");
    CHECK(print::brief(of, slice_list(slice{output_buffer, {0, 9, 16}, {1, 0, 1}}) + vector_whole.part(0, 16)) == "8 parts");
    CHECK(print::brief(of, slice_list(vector_whole.part(0, 2)) + vector_whole.part(5, 8) + vector_whole.part(7, 8)) == "6 parts");
}

TEST_CASE("blocks are described by the collective's numbers", "[schedule][print][words]") {
    schedule of;
    of.what = collective::all_gather;
    of.buffers = {{{2}, {}, {1, 0, 1}}, {{0, 1, 2, 3, 4, 5}, {}, {6, 0, 1}}};
    slice const whole{output_buffer, {}, {6, 0, 1}};
    CHECK(print::describe(of, slice{input_buffer, {}, {1, 0, 1}}) == "input block 2");
    CHECK(print::describe(of, whole.blocks(0, 4)) == "blocks 0-3");
    CHECK(print::describe(of, slice_list(whole.blocks(4, 2)) + whole.block(0)) == "blocks 4-5, 0");
    CHECK(print::describe(of, whole.block(3).part(0, 2)) == "block 3 part 0/2");
    CHECK(print::brief(of, slice_list(whole.block(0)) + whole.block(2) + whole.block(4)) == "0,2,4");
    CHECK(print::brief(of, slice_list(whole.block(0)) + whole.block(2) + whole.block(4), 3) == "3 blocks");

    of.what = collective::all_to_all;
    of.rank = 1;
    of.ranks = 3;
    of.buffers = {{{3, 4, 5}, {}, {3, 0, 1}}, {{1, 4, 7}, {}, {3, 0, 1}}};
    CHECK(print::describe(of, slice{input_buffer, {2, 0, 1}, {3, 0, 1}}) == "input block 1→2");
    CHECK(print::describe(of, slice{input_buffer, {}, {3, 0, 1}}) == "input blocks 1→0-2");
    CHECK(print::describe(of, slice{output_buffer, {}, {3, 0, 1}}) == "blocks 0-2→1");
}

TEST_CASE("decimals are short", "[schedule][print][words]") {
    CHECK(print::decimal(1.6) == "1.6");
    CHECK(print::decimal(3) == "3");
    CHECK(print::decimal(0.0625) == "0.063");
    CHECK(print::decimal(-12.05, 1) == "-12.1");
    CHECK(print::decimal(-0.01, 1) == "0");
}

TEST_CASE("the table of a ring of two", "[schedule][print][table]") {
    CHECK(print::table(ring(2)) == "all_reduce, ring, 2 ranks\n"
                                   "2 rounds, at most 2 messages and 1 vector sent, 0.5 vectors folded per rank\n"
                                   "\n"
                                   "rank 0\n"
                                   "  step  kind         peer    what                                   waits for\n"
                                   "     0  send         to 1    input part 0/2                         -\n"
                                   "     1  recv_reduce  from 1  part 1/2 = input part 1/2 op received  -\n"
                                   "     2  send         to 1    part 1/2                               1\n"
                                   "     3  recv         from 1  part 0/2                               -\n"
                                   "\n"
                                   "rank 1\n"
                                   "  step  kind         peer    what                                   waits for\n"
                                   "     0  send         to 0    input part 1/2                         -\n"
                                   "     1  recv_reduce  from 0  part 0/2 = input part 0/2 op received  -\n"
                                   "     2  send         to 0    part 0/2                               1\n"
                                   "     3  recv         from 0  part 1/2                               -\n");
}

TEST_CASE("the table shows operand order, lanes and segments where there are any", "[schedule][print][table]") {
    auto const doubling =
        print::table(all_ranks(collective::all_reduce, samples::recursive_doubling, "doubling", 2, 1, true));
    CHECK(contains(doubling, "all = all op received"));
    CHECK(contains(doubling, "all = received op all"));
    CHECK(!contains(doubling, "lane"));
    auto const trees = print::table(all_ranks(collective::all_reduce, samples::two_trees, "trees", 4, 2));
    CHECK(contains(trees, "  lane  segment  what"));
    CHECK(contains(print::table(all_ranks(collective::broadcast, samples::binomial_broadcast, "binomial", 1)),
                   "nothing to do"));
}

TEST_CASE("the graph of a chain of two", "[schedule][print][dot]") {
    auto const text = print::dot(all_ranks(collective::broadcast, samples::chain_broadcast, "chain", 2));
    CHECK(contains(text, "subgraph cluster_0 {\n    label=\"rank 0\""));
    CHECK(contains(text, "r0s0 [label=\"0: send all to 1\""));
    CHECK(contains(text, "r1s0 [label=\"0: recv all from 0\""));
    CHECK(contains(text, "  r0s0 -> r1s0 [label=\"all\""));
    auto const edges = print::dot(ring(3));
    CHECK(contains(edges, "    r0s1 -> r0s2 [color"));
    CHECK(std::count(edges.begin(), edges.end(), '{') == std::count(edges.begin(), edges.end(), '}'));
}

TEST_CASE("quotes, backslashes and control characters are escaped", "[schedule][print]") {
    CHECK(print::detail::quoted("a\"b\\c\nd\x01") == "\"a\\\"b\\\\c\\nd\\u0001\"");
    auto ranks = ring(2);
    ranks[0].algorithm = "my \"ring\" <&>";
    CHECK(contains(print::json(ranks), "\"algorithm\":\"my \\\"ring\\\" <&>\""));
    CHECK(contains(print::dot(ranks), "my \\\"ring\\\" <&>"));
    CHECK(contains(print::space_time_svg(ranks), "my &quot;ring&quot; &lt;&amp;&gt;"));
}

TEST_CASE("only all ranks in order can be printed", "[schedule][print]") {
    auto swapped = ring(3);
    std::swap(swapped[0], swapped[1]);
    auto few = ring(3);
    few.pop_back();
    for (auto const& wrong : {schedules{}, swapped, few}) {
        CHECK_THROWS_AS(print::table(wrong), usage_error);
        CHECK_THROWS_AS(print::dot(wrong), usage_error);
        CHECK_THROWS_AS(print::json(wrong), usage_error);
        CHECK_THROWS_AS(print::space_time_svg(wrong), usage_error);
        CHECK_THROWS_AS(print::space_time_text(wrong), usage_error);
    }
}

#if __has_include(<nlohmann/json.hpp>)
namespace {

using nlohmann::json;

position position_of(json const& at) { return {at.at(0), at.at(1), at.at(2)}; }
slice_list slices_of(json const& list) {
    slice_list result;
    for (auto const& each : list)
        result += slice{each.at(0).get<buffer_id>(), position_of(each.at(1)), position_of(each.at(2))};
    return result;
}

/// The step, from what the schema in json.hpp promises.
step step_of(json const& from) {
    step s;
    auto const* const kind =
        std::find(step_kind_names.begin(), step_kind_names.end(), from.at("kind").get<std::string>());
    s.kind = static_cast<step_kind>(kind - step_kind_names.begin());
    if (!from.at("peer").is_null()) s.peer = from.at("peer");
    if (!from.at("lane").is_null()) s.lane = from.at("lane");
    if (!from.at("received").is_null()) s.received = from.at("received") == "left" ? side::left : side::right;
    s.index = from.at("index");
    s.segment = from.at("segment");
    s.source = slices_of(from.at("source"));
    s.target = slices_of(from.at("target"));
    return s;
}

bool same(step const& a, step const& b) {
    return a.kind == b.kind && a.peer == b.peer && a.lane == b.lane && a.received == b.received && a.index == b.index &&
           a.segment == b.segment && a.source == b.source && a.target == b.target;
}

void check_round_trip(schedules const& ranks) {
    auto const all = json::parse(print::json(ranks));
    CHECK(all.at("collective") == std::string(name(ranks[0].what)));
    CHECK(all.at("algorithm") == ranks[0].algorithm);
    CHECK(all.at("ranks") == ranks[0].ranks);
    CHECK(all.at("segments") == ranks[0].segments);
    CHECK(all.at("synchronises") == ranks[0].synchronises);
    CHECK(all.at("root") == (ranks[0].root < 0 ? json() : json(ranks[0].root)));
    REQUIRE(all.at("schedules").size() == ranks.size());
    for (std::size_t r = 0; r < ranks.size(); ++r) {
        auto const& one = all.at("schedules").at(r);
        CHECK(one.at("rank") == ranks[r].rank);
        REQUIRE(one.at("buffers").size() == ranks[r].buffers.size());
        for (std::size_t b = 0; b < ranks[r].buffers.size(); ++b) {
            auto const& shape = one.at("buffers").at(b);
            CHECK(shape.at("blocks") == ranks[r].buffers[b].blocks);
            CHECK(position_of(shape.at("begin")) == ranks[r].buffers[b].begin);
            CHECK(position_of(shape.at("end")) == ranks[r].buffers[b].end);
        }
        REQUIRE(one.at("steps").size() == ranks[r].steps.size());
        for (std::size_t i = 0; i < ranks[r].steps.size(); ++i) {
            CHECK(same(step_of(one.at("steps").at(i)), ranks[r].steps[i]));
            CHECK(one.at("steps").at(i).at("waits_for") == ranks[r].predecessors[i]);
        }
    }
}

} // namespace

TEST_CASE("JSON leaves nothing out", "[schedule][print][json]") {
    check_round_trip(ring(5));
    check_round_trip(all_ranks(collective::all_reduce, samples::recursive_doubling, "doubling", 4));
    check_round_trip(all_ranks(collective::all_reduce, samples::two_trees, "trees", 6, 3, false, 0, true));
    check_round_trip(all_ranks(collective::broadcast, samples::binomial_broadcast, "binomial", 5, 1, false, 2));
    check_round_trip(all_ranks(collective::all_to_all, samples::direct_all_to_all, "direct", 4, 1, true));
    check_round_trip(all_ranks(collective::barrier, samples::dissemination, "dissemination", 6));
}
#endif
