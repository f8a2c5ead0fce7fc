#include "verify/algorithms.hpp"

#include <chorus/verify/counts.hpp>
#include <chorus/verify/verify.hpp>

#include <catch2/catch.hpp>

using namespace verify_test;

TEST_CASE("right algorithms are proven right, for all ranks, roots, places and segments", "[verify]") {
    for (auto const& algorithm : right_ones)
        for (int p = 1; p <= 9; ++p)
            for (int root = 0; root < (has_root(algorithm.what) ? p : 1); ++root)
                for (auto const in_place : {false, true})
                    for (auto const segments : {1, 3}) {
                        call_shape shape{algorithm.what, 0, p, root, in_place, false, segments};
                        CAPTURE(algorithm.name, p, root, in_place, segments);
                        auto const ranks = record_all(shape, algorithm.record);
                        auto const found = verify(ranks, {.keeps_order = algorithm.keeps_order});
                        CHECK(found.explanation == "");
                        CHECK(found.correct);
                        CHECK(found.faulty_rank == -1);
                        CHECK(found.faulty_step == -1);
                        auto const counts = check_counts(ranks, typical_lengths(ranks));
                        CHECK(counts.value_or("") == "");
                    }
}

TEST_CASE("costs, roundings and determinism are counted", "[verify]") {
    SECTION("ring all_reduce") {
        for (int p = 3; p <= 9; ++p) {
            auto const found = verify(record_all(collective::all_reduce, p, ring_all_reduce));
            CHECK(found.cost.rounds == 2 * (p - 1));
            CHECK(found.cost.messages == 2 * (p - 1));
            CHECK(found.cost.sent == Approx(2.0 * (p - 1) / p));
            CHECK(found.cost.reduced == Approx(1.0 * (p - 1) / p));
            CHECK(found.roundings == p - 1);
            CHECK(found.determinism_level == 2);
            CHECK_FALSE(found.keeps_order);
        }
    }
    SECTION("recursive doubling folds along one fixed tree where p is a power of two") {
        auto const eight = verify(record_all(collective::all_reduce, 8, doubling_all_reduce));
        CHECK(eight.cost.rounds == 3);
        CHECK(eight.cost.sent == 3);
        CHECK(eight.cost.reduced == 3);
        CHECK(eight.roundings == 3);
        CHECK(eight.determinism_level == 3);
        CHECK(eight.keeps_order);
        auto const seven = verify(record_all(collective::all_reduce, 7, doubling_all_reduce));
        CHECK(seven.cost.rounds == 4);
        CHECK(verify(record_all(collective::all_reduce, 5, doubling_all_reduce)).determinism_level == 2);
    }
    SECTION("moving data rounds nothing") {
        auto const found = verify(record_all(collective::all_to_all, 8, verify_test::bruck_all_to_all));
        CHECK(found.cost.rounds == 3);
        CHECK(found.cost.messages == 3);
        CHECK(found.cost.sent == 12);
        CHECK(found.cost.reduced == 0);
        CHECK(found.roundings == 0);
        CHECK(found.determinism_level == 4);
    }
    SECTION("each rank folding in its own order ends up with its own bits") {
        auto const found = verify(record_all(collective::all_reduce, 4, [](record_sink& sink, arguments const& args) {
            for (int i = 1; i < sink.size(); ++i) sink.send(mod(sink.rank() + i, sink.size()), args.data);
            for (int i = 1; i < sink.size(); ++i) sink.recv_reduce(mod(sink.rank() + i, sink.size()), args.data);
        }));
        CHECK(found.correct);
        CHECK(found.cost.rounds == 1);
        CHECK(found.cost.messages == 3);
        CHECK(found.determinism_level == 0);
    }
    SECTION("a barrier moves nothing") {
        auto const found = verify(record_all(collective::barrier, 8, dissemination_barrier));
        CHECK(found.cost.rounds == 3);
        CHECK(found.cost.sent == 0);
    }
}

TEST_CASE("the operator's last step is applied once, at the end, or not at all", "[verify]") {
    call_shape shape;
    shape.ranks = 5;
    shape.finishes = true;
    for (auto const what : {collective::all_reduce, collective::reduce_scatter, collective::reduce}) {
        shape.what = what;
        auto const algorithm = what == collective::all_reduce       ? ring_all_reduce
                               : what == collective::reduce_scatter ? pairwise_reduce_scatter
                                                                    : direct_reduce;
        auto const found = verify(record_all(shape, algorithm));
        CHECK(found.explanation == "");
        CHECK(found.roundings == 5);
    }
}

TEST_CASE("operands need not be folded where they arrive", "[verify]") {
    auto const gathered_first = [](record_sink& sink, arguments const& args) { // receive all, then fold
        std::vector<slice_list> arrived;
        for (int peer = 0; peer < sink.size(); ++peer) {
            if (peer == sink.rank()) continue;
            sink.send(peer, args.data);
            arrived.push_back(sink.scratch(args.data));
            sink.recv(peer, arrived.back());
        }
        for (int peer = sink.rank() + 1; peer < sink.size(); ++peer)
            sink.reduce(arrived[static_cast<std::size_t>(peer - 1)], args.data, side::right);
        for (int peer = sink.rank() - 1; peer >= 0; --peer)
            sink.reduce(arrived[static_cast<std::size_t>(peer)], args.data, side::left);
    };
    auto const found = verify(record_all(collective::all_reduce, 5, gathered_first), {.keeps_order = true});
    CHECK(found.explanation == "");
    CHECK(found.cost.rounds == 1);
    CHECK(found.cost.reduced == 4);
}

TEST_CASE("the two ends of a message may cut the same data differently", "[verify]") {
    auto const halves = [](record_sink& sink, arguments const& args) {
        if (sink.rank() == 0)
            sink.send(1, args.data);
        else
            sink.recv(0, args.data.part(0, 3) + args.data.part(1, 3) + args.data.part(2, 3));
    };
    CHECK(verify(record_all(collective::broadcast, 2, halves)).explanation == "");
}

TEST_CASE("lanes are channels of their own", "[verify]") {
    auto const crossed = [](record_sink& sink, arguments const& args) { // 0 sends lane 0 first, 1 expects lane 1 first
        auto const low = args.data.part(0, 2), high = args.data.part(1, 2);
        if (sink.rank() == 0) {
            sink.send(1, low);
            sink.on_lane(1).send(1, high);
        } else {
            sink.on_lane(1).recv(0, high);
            sink.recv(0, low);
        }
    };
    auto const found = verify(record_all(collective::broadcast, 2, crossed));
    CHECK(found.explanation == "");
    CHECK(found.cost.rounds == 1);
}

TEST_CASE("more than 64 ranks are as good as few", "[verify]") {
    CHECK(verify(record_all(collective::all_reduce, 67, ring_all_reduce)).explanation == "");
    CHECK(verify(record_all(collective::all_reduce, 131, doubling_all_reduce), {.keeps_order = true}).explanation ==
          "");
    CHECK(verify(record_all(collective::barrier, 130, dissemination_barrier)).explanation == "");
    auto const last_forgotten = [](record_sink& sink, arguments const& args) {
        if (sink.rank() == 99) return;
        if (sink.rank() != args.root) return sink.send(args.root, args.data);
        for (int peer = 1; peer < 99; ++peer) sink.recv_reduce(peer, args.data);
        sink.recv_reduce(98, args.data);
    };
    auto ranks = record_all(collective::reduce, 100, last_forgotten);
    ranks[98].steps.push_back(ranks[98].steps.back()); // rank 98 in place of rank 99
    depend_again(ranks[98]);
    auto const found = verify(ranks);
    CHECK_THAT(found.explanation,
               Catch::Matchers::Contains("the contribution of rank 98 to the vector is counted twice at rank 0"));
    CHECK(found.faulty_step == 98);
}
