/// The recorder: mirrors, segments, scratch and subsets, by example and against a sink that does nothing clever.

#include "schedule/programs.hpp"
#include "schedule/samples.hpp"

#include <catch2/catch.hpp>
#include <chorus/schedule/print/table.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace chorus;
using programs::pick;

namespace {

/// "send part 0/2 to 1": what the steps are, in words.
std::vector<std::string> words(schedule const& of) {
    std::vector<std::string> result;
    for (auto const& each : of.steps) result.push_back(print::describe(of, each));
    return result;
}
using strings = std::vector<std::string>;

recorder vector_of(int rank, int ranks, int segments = 1) {
    return recorder(collective::all_reduce, rank, ranks, {0}, {0}, segments);
}

} // namespace

TEST_CASE("random programs give what they give without the recorder's tricks", "[schedule][recorder]") {
    auto const seed = std::random_device{}();
    INFO("seed " << seed);
    programs::random_source random(seed);
    for (int round = 0; round < 400; ++round) {
        auto const program = programs::random_program(random);
        auto const segments = pick(random, 1, 4);
        INFO("round " << round << ", " << segments << " segments");
        std::vector<std::size_t> lengths(program.blocks.size());
        for (auto& each : lengths) each = std::size_t(pick(random, 0, 13));

        auto const plain = program.spoken(), recorded = program.recorded(segments);
        programs::machine expected(plain, lengths, seed), actual(recorded, lengths, seed);
        auto const untouched = actual;
        REQUIRE(expected.run(random));
        REQUIRE(actual.run(random));
        for (std::size_t rank = 0; rank < recorded.size(); ++rank) {
            INFO("rank " << rank << "\n" << print::table(recorded));
            REQUIRE(actual.output(rank) == expected.output(rank));
            REQUIRE(actual.input(rank) == untouched.input(rank));
        }
    }
}

TEST_CASE("touched scratch is kept, the rest has no memory", "[schedule][recorder]") {
    auto const seed = std::random_device{}();
    INFO("seed " << seed);
    programs::random_source random(seed);
    for (int round = 0; round < 100; ++round)
        for (auto const& each : programs::random_program(random).recorded(pick(random, 1, 3))) {
            std::vector<bool> touched(each.buffers.size(), false), first(touched), last(touched);
            auto inside = true;
            auto const look = [&](slice const& s) {
                auto const id = std::size_t(s.buffer);
                auto const& shape = each.buffers[id];
                inside = inside && shape.begin <= s.begin && s.end <= shape.end;
                touched[id] = true;
                first[id] = first[id] || s.begin == shape.begin;
                last[id] = last[id] || s.end == shape.end;
            };
            for (auto const& s : each.steps) {
                std::for_each(s.source.begin(), s.source.end(), look);
                std::for_each(s.target.begin(), s.target.end(), look);
            }
            REQUIRE(inside);
            for (std::size_t id = first_scratch_buffer; id < each.buffers.size(); ++id) {
                if (touched[id])
                    REQUIRE((first[id] && last[id]));
                else
                    REQUIRE(each.buffers[id].begin == each.buffers[id].end);
            }
        }
}

TEST_CASE("out of place, a ring copies nothing and folds straight from the input", "[schedule][recorder][mirror]") {
    auto const ranks = samples::all_ranks(collective::all_reduce, samples::ring_all_reduce, "ring", 2);
    CHECK(words(ranks[0]) == strings{"send input part 0/2 to 1", "recv_reduce part 1/2 from 1", "send part 1/2 to 1",
                                     "recv part 0/2 from 1"});
    CHECK(print::describe(ranks[0], ranks[0].steps[1].source) == "input part 1/2");
}

TEST_CASE("what nobody overwrites of a copied input is copied at the end", "[schedule][recorder][mirror]") {
    auto into = vector_of(0, 2);
    record_sink sink(into);
    auto const output = into.whole(output_buffer);
    sink.copy(into.whole(input_buffer), output);
    sink.recv(1, output.part(1, 3));
    sink.send(1, output);
    auto const done = std::move(into).finish();
    CHECK(words(done) == strings{"recv part 1/3 from 1", "send input part 0/3 + part 1/3 + input part 2/3 to 1",
                                 "copy input part 0/3 to part 0/3", "copy input part 2/3 to part 2/3"});
    CHECK(done.predecessors == std::vector<std::vector<std::int32_t>>{{}, {0}, {}, {}});
}

TEST_CASE("a local fold into a copied input makes the copy first", "[schedule][recorder][mirror]") {
    auto into = vector_of(0, 2);
    record_sink sink(into);
    auto const output = into.whole(output_buffer);
    auto const extra = sink.scratch(output);
    sink.copy(into.whole(input_buffer), output);
    sink.recv(1, extra);
    sink.reduce(extra.part(0, 2), output.part(0, 2), side::left);
    CHECK(words(std::move(into).finish()) == strings{"recv scratch 0 all from 1", "copy input part 0/2 to part 0/2",
                                                     "reduce scratch 0 part 0/2 into part 0/2",
                                                     "copy input part 1/2 to part 1/2"});
}

TEST_CASE("an input copied to scratch costs nothing", "[schedule][recorder][mirror]") {
    auto into = vector_of(0, 2);
    record_sink sink(into);
    auto const scratch = sink.scratch(into.whole(output_buffer));
    sink.copy(into.whole(input_buffer), scratch);
    sink.send(1, scratch);
    auto const done = std::move(into).finish();
    CHECK(words(done) == strings{"send input all to 1"});
    CHECK(done.buffers[first_scratch_buffer].begin == done.buffers[first_scratch_buffer].end);
}

TEST_CASE("scratch shrinks to what is touched", "[schedule][recorder]") {
    auto into = vector_of(0, 2);
    record_sink sink(into);
    auto const scratch = sink.scratch(into.whole(output_buffer));
    sink.recv(1, scratch.part(1, 4));
    sink.send(1, scratch.part(2, 4));
    auto const done = std::move(into).finish();
    CHECK(done.buffers[first_scratch_buffer].begin == position{0, 1, 4});
    CHECK(done.buffers[first_scratch_buffer].end == position{0, 3, 4});
}

TEST_CASE("segments cut every message alike at both ends", "[schedule][recorder][segments]") {
    auto const ranks = samples::all_ranks(collective::broadcast, samples::chain_broadcast, "chain", 3, 4);
    CHECK(words(ranks[0]) ==
          strings{"send part 0/4 to 1", "send part 1/4 to 1", "send part 2/4 to 1", "send part 3/4 to 1"});
    CHECK(words(ranks[1])[4] == "send part 0/4 to 2");
    for (int k = 0; k < 4; ++k) {
        auto const& sent = ranks[1].steps[std::size_t(4 + k)];
        CHECK(sent.index == 1);
        CHECK(sent.segment == k);
        CHECK(ranks[1].predecessors[std::size_t(4 + k)] == std::vector<std::int32_t>{k}); // its own segment only
    }
}

TEST_CASE("a message of many blocks is cut between blocks", "[schedule][recorder][segments]") {
    recorder into(collective::all_gather, 0, 2, {0}, {0, 1, 2, 3, 4}, 2);
    record_sink sink(into);
    auto const output = into.whole(output_buffer);
    slice_list every;
    for (int i = 0; i < 5; ++i) every += output.block(i);
    sink.send(1, every);
    sink.send(1, output.block(3));
    CHECK(words(std::move(into).finish()) == strings{"send blocks 0-1 to 1", "send blocks 2-4 to 1",
                                                     "send block 3 part 0/2 to 1", "send block 3 part 1/2 to 1"});
}

TEST_CASE("empty messages are not multiplied by segments", "[schedule][recorder][segments]") {
    auto into = vector_of(0, 2, 4);
    record_sink sink(into);
    sink.send(1, slice_list());
    CHECK(std::move(into).finish().steps.size() == 1);
}

TEST_CASE("a subset speaks in its own numbers", "[schedule][recorder][subset]") {
    auto into = vector_of(5, 8);
    record_sink sink(into);
    auto const output = into.whole(output_buffer);
    auto const odd = sink.subset({1, 3, 5, 7});
    CHECK(odd.rank() == 2);
    CHECK(odd.size() == 4);
    auto upper = odd.on_lane(1).subset({3, 2});
    CHECK(upper.rank() == 1);
    CHECK(upper.size() == 2);
    upper.send(0, output);
    auto const done = std::move(into).finish();
    REQUIRE(done.steps.size() == 1);
    CHECK(done.steps[0].peer == 7);
    CHECK(done.steps[0].lane == 1);
}

TEST_CASE("impossible peers and members are refused", "[schedule][recorder][subset]") {
    auto into = vector_of(1, 4);
    record_sink sink(into);
    auto const output = into.whole(output_buffer);
    CHECK_THROWS_AS(sink.send(1, output), usage_error);
    CHECK_THROWS_AS(sink.send(4, output), usage_error);
    CHECK_THROWS_AS(sink.recv(-1, output), usage_error);
    CHECK_THROWS_AS(sink.subset({0, 2}), usage_error);
    CHECK_THROWS_AS(sink.subset({1, 4}), usage_error);
    CHECK_THROWS_AS(sink.subset({0, 1}).send(2, output), usage_error);
}
