#include <chorus/algorithm/all_reduce/ring.hpp>
#include <chorus/algorithm/parse.hpp>
#include <chorus/algorithm/record.hpp>
#include <chorus/algorithm/tags.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace chorus;

namespace {

template <algorithm_tag... Tags>
void check_names() {
    auto const known = [](std::string_view name) {
        return std::find(algorithm_names.begin(), algorithm_names.end(), name) != algorithm_names.end();
    };
    for (auto const name : {Tags::name...}) CHECK(known(name));
    CHECK(std::vector{choice(Tags{}).name...} == std::vector{Tags::name...});
    CHECK(sizeof...(Tags) == algorithm_names.size());
}

std::string round_trip(std::string_view text, int ranks = 0) { return to_string(parse_choice(text, ranks)); }

std::string complaint(std::string_view text, int ranks = 5) {
    try {
        parse_choice(text, ranks);
    } catch (usage_error const& wrong) {
        return wrong.what();
    }
    return "none";
}

struct my_ring {
    static constexpr std::string_view name = "my_ring";
    void operator()(auto& sink, slice_list const& data) const { ring_all_reduce(sink, data); }
};

struct with_state {
    int state = 0;
    void operator()(auto&, slice_list const&) const {}
};

static_assert(algorithm_tag<ring> && algorithm_tag<bruck> && algorithm_tag<hierarchical> && algorithm_tag<automatic>);
static_assert(!algorithm_tag<choice> && !algorithm_tag<int>);
static_assert(custom_algorithm<my_ring, collective::all_reduce>);
static_assert(!custom_algorithm<my_ring, collective::broadcast>, "a broadcast has a root, too");
static_assert(!custom_algorithm<with_state, collective::all_reduce>);
static_assert(!custom_algorithm<ring, collective::all_reduce>);

} // namespace

TEST_CASE("every name has a tag and every tag a name", "[algorithm][tags]") {
    check_names<ring, tree, recursive_doubling, rabenseifner, double_tree, circulant, one_shot, two_shot,
                recursive_halving, pairwise, direct, neighbour_exchange, binomial, chain, scatter_all_gather, doubling,
                dissemination, bruck, hierarchical, native>();
    CHECK(choice(automatic{}).automatic());
}

TEST_CASE("tags carry their options into the choice", "[algorithm][tags]") {
    CHECK(to_string(ring{}) == "ring");
    CHECK(to_string(chain{.segments = 8}) == "chain:segments=8");
    CHECK(to_string(bruck{.radix = 4}) == "bruck:radix=4");
    CHECK(to_string(automatic{}) == "auto");
    CHECK(choice(hierarchical{{2, 3}, ring{}, tree{}}).levels->group_of == std::vector{0, 0, 1, 1, 1});
    CHECK(to_string(hierarchical::by_group({1, 0, 1}, ring{})) == "hierarchical:group_of=1+0+1,inside=(ring)");
    CHECK(to_string(hierarchical{}) == "hierarchical");
    CHECK_THROWS_AS(hierarchical({2, 0}), usage_error);
}

TEST_CASE("a choice can be read from text", "[algorithm][tags]") {
    CHECK(parse_choice("auto", 4).automatic());
    CHECK(parse_choice("ring", 4) == choice(ring{}));
    CHECK(parse_choice("bruck:radix=4,segments=2", 4) == choice(bruck{.radix = 4, .segments = 2}));
    CHECK(parse_choice("hierarchical:groups=2+3,inside=(ring),between=tree", 5) ==
          choice(hierarchical{{2, 3}, ring{}, tree{}}));
    CHECK(parse_choice("hierarchical:group_of=1+0+1", 3) == choice(hierarchical::by_group({1, 0, 1})));

    auto const inner = hierarchical{{1, 1}, tree{}, chain{.segments = 3}};
    CHECK(parse_choice(
              "hierarchical:groups=2+3,between=(hierarchical:groups=1+1,inside=(tree),between=(chain:segments=3))",
              5) == choice(hierarchical{{2, 3}, automatic{}, inner}));
}

TEST_CASE("what is printed can be read again", "[algorithm][tags]") {
    for (auto const text : {"ring", "auto", "bruck:radix=3", "chain:segments=8", "hierarchical", "native",
                            "hierarchical:group_of=0+0+1,inside=(bruck:radix=4,segments=2),between=(hierarchical:group_"
                            "of=0+1,inside=(tree))"})
        CHECK(round_trip(text) == text);
    CHECK(round_trip("hierarchical:groups=1+2") == "hierarchical:group_of=0+1+1");
}

TEST_CASE("a name that was read refers to memory that stays", "[algorithm][tags]") {
    choice how;
    {
        auto const text = std::string("recursive_doubling") + ":segments=2";
        how = parse_choice(text, 4);
    }
    CHECK(how.name == "recursive_doubling");
}

TEST_CASE("text that is no choice meets one line that says what is allowed", "[algorithm][tags]") {
    using Catch::Contains;
    using Catch::Equals;
    CHECK_THAT(complaint("rings"), Contains("no algorithm 'rings'") && Contains("allowed are auto, ring, tree"));
    CHECK_THAT(complaint(""), Contains("no algorithm ''"));
    CHECK_THAT(complaint("ring:radix=4"), Contains("no option 'radix' here; allowed are segments=1 or more"));
    CHECK_THAT(complaint("ring:"), Contains("no option ''"));
    CHECK_THAT(complaint("native:segments=2"), Contains("allowed are none"));
    CHECK_THAT(complaint("auto:segments=2"), Contains("allowed are none"));
    CHECK_THAT(complaint("bruck:radix=1"), Contains("numbers from 2 to 1000000, not '1'"));
    CHECK_THAT(complaint("bruck:radix"), Contains("not ''"));
    CHECK_THAT(complaint("bruck:radix=-4"), Contains("not '-4'"));
    CHECK_THAT(complaint("bruck:radix=99999999999999999999"), Contains("not '99999999999999999999'"));
    CHECK_THAT(complaint("hierarchical:groups=2+2"), Contains("its groups have 4 ranks in all, allowed are 5"));
    CHECK_THAT(complaint("hierarchical:groups=1000000+1000000", 0), Contains("allowed are up to 1000000"));
    CHECK_THAT(complaint("hierarchical:groups=2+0+3"), Contains("option 'groups'"));
    CHECK_THAT(complaint("hierarchical:group_of=0+1"), Contains("its groups have 2 ranks in all"));
    CHECK_THAT(complaint("hierarchical:groups=2+3,between=(hierarchical:groups=3)"), Contains("allowed are 2"));
    CHECK_THAT(complaint("hierarchical:inside=(ring"), Contains("a '(' without its ')'"));
    CHECK_THAT(complaint("hierarchical:inside=ring)"), Contains("a ')' without its '('"));
    CHECK_THAT(complaint("hierarchical:segments=2"), Contains("no option 'segments'") && Contains("inside=(...)"));
    CHECK(complaint("rings").find('\n') == std::string::npos);
}

TEST_CASE("an algorithm of one's own is recorded like one of the catalogue", "[algorithm][tags]") {
    call_shape const shape{.what = collective::all_reduce, .rank = 1, .ranks = 3};
    auto const mine = custom_choice<collective::all_reduce, my_ring>();
    auto const recorded = record(shape, mine.custom, mine);
    CHECK(recorded.algorithm == "my_ring");
    CHECK(recorded.steps.size() == 8);

    auto const nameless = custom_choice<collective::broadcast>([](auto& sink, slice_list const& data, int root) {
        if (sink.rank() != root) return sink.recv(root, data);
        for (int peer = 0; peer < sink.size(); ++peer)
            if (peer != root) sink.send(peer, data);
    });
    CHECK(nameless.name == "custom");
    CHECK(record({.what = collective::broadcast, .ranks = 4}, nameless.custom, nameless).steps.size() == 3);
}

TEST_CASE("every collective calls an algorithm of one's own with its own arguments", "[algorithm][tags]") {
    auto const calls = [](choice const& how, collective what) {
        return record({.what = what, .rank = 0, .ranks = 2}, how.custom, how).steps.size() > 0;
    };
    auto const on_data = [](auto& sink, slice_list const& data) { sink.send(1, data); };
    auto const on_data_from = [](auto& sink, slice_list const& data, int root) { sink.send(root + 1, data); };
    auto const on_blocks = [](auto& sink, block_list const& blocks) { sink.send(1, blocks[0]); };
    auto const on_blocks_from = [](auto& sink, block_list const& blocks, int root) { sink.send(root + 1, blocks[0]); };
    auto const on_two = [](auto& sink, slice_list const& data, slice_list const&) { sink.send(1, data); };
    auto const on_all = [](auto& sink, block_list const& outgoing, block_list const&, auto const& transit) {
        sink.copy(outgoing[1], transit(0, 1));
        sink.send(1, outgoing[1]);
    };
    using enum collective;
    CHECK(calls(custom_choice<all_reduce>(on_data), all_reduce));
    CHECK(calls(custom_choice<scan>(on_data), scan));
    CHECK(calls(custom_choice<exclusive_scan>(on_two), exclusive_scan));
    CHECK(calls(custom_choice<broadcast>(on_data_from), broadcast));
    CHECK(calls(custom_choice<chorus::collective::reduce>(on_data_from), collective::reduce));
    CHECK(calls(custom_choice<all_gather>(on_blocks), all_gather));
    CHECK(calls(custom_choice<reduce_scatter>(on_blocks), reduce_scatter));
    CHECK(calls(custom_choice<barrier>(on_blocks), barrier));
    CHECK(calls(custom_choice<gather>(on_blocks_from), gather));
    CHECK(calls(custom_choice<scatter>(on_blocks_from), scatter));
    CHECK(calls(custom_choice<all_to_all>(on_all), all_to_all));
}

TEST_CASE("what a choice nests without end is refused", "[algorithm/parse]") {
    std::string text = "ring";
    for (int level = 0; level < 3000; ++level) text = "hierarchical:inside=(" + std::move(text) + ")";
    CHECK_THROWS_WITH(parse_choice(text, 4), Catch::Contains("more than 32 levels"));
}
TEST_CASE("lanes that no message can name are refused", "[algorithm/custom]") {
    auto const refused = [](choice const& how) {
        CHECK_THROWS_WITH(record({.what = collective::all_reduce, .rank = 0, .ranks = 2}, how.custom, how), Catch::Contains("lanes are 0 to 3"));
    };
    refused(custom_choice<collective::all_reduce>([](auto& sink, slice_list const& data) { sink.on_lane(4).send(1, data); }));
    refused(custom_choice<collective::all_reduce>([](auto& sink, slice_list const& data) { sink.on_lane(-1).send(1, data); }));
    refused(custom_choice<collective::all_reduce>([](auto& sink, slice_list const& data) { sink.on_lane(256).send(1, data); }));
}
