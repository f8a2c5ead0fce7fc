/// Wrong algorithms, and what the verifier says of them: the words that a student needs, and the step to look at.
#include "verify/algorithms.hpp"

#include <chorus/verify/counts.hpp>
#include <chorus/verify/verify.hpp>

#include <catch2/catch.hpp>

using namespace verify_test;
using Catch::Matchers::Contains;

namespace {

step const& faulty(std::vector<schedule> const& ranks, verdict const& found) {
    REQUIRE(found.faulty_rank >= 0);
    REQUIRE(found.faulty_step >= 0);
    return ranks[static_cast<std::size_t>(found.faulty_rank)].steps[static_cast<std::size_t>(found.faulty_step)];
}

} // namespace

TEST_CASE("a ring that stops one step early leaves ranks without a part", "[verify]") {
    auto const ranks = record_all(collective::all_gather, 4, [](record_sink& sink, arguments const& args) {
        auto const rank = sink.rank(), size = sink.size();
        for (int step = 0; step < size - 2; ++step) {
            sink.send(mod(rank + 1, size), args.blocks[rank - step]);
            sink.recv(mod(rank - 1, size), args.blocks[rank - step - 1]);
        }
    });
    auto const found = verify(ranks);
    CHECK_FALSE(found.correct);
    CHECK_THAT(found.explanation, Contains("rank 0 never gets block 1"));
    CHECK(found.faulty_rank == 0);
    CHECK(found.faulty_step == -1);
}

TEST_CASE("a forgotten contribution is named with the step that wrote last", "[verify]") {
    auto const ranks = record_all(collective::all_reduce, 4, [](record_sink& sink, arguments const& args) {
        auto const peer = sink.rank() ^ 1; // half of a recursive doubling
        sink.send(peer, args.data);
        sink.recv_reduce(peer, args.data);
    });
    auto const found = verify(ranks);
    CHECK_THAT(found.explanation, Contains("rank 0 never gets the contribution of rank 2 to the vector"));
    CHECK(faulty(ranks, found).kind == step_kind::recv_reduce);
}

TEST_CASE("a contribution that is folded twice is named with the step that folded it again", "[verify]") {
    auto const ranks = record_all(collective::all_reduce, 4, [](record_sink& sink, arguments const& args) {
        for (int i = 0; i < 2; ++i) // should be 1, 2: both rounds go to the same peer
            for (int peer : {sink.rank() ^ 1}) {
                sink.send(peer, args.data);
                sink.recv_reduce(peer, args.data);
            }
        sink.send(sink.rank() ^ 2, args.data);
        sink.recv_reduce(sink.rank() ^ 2, args.data);
    });
    auto const found = verify(ranks);
    CHECK_THAT(found.explanation,
               Contains("the contribution of rank 0 to the vector is counted twice at rank 0 in step 3 (recv_reduce"));
    CHECK(found.faulty_step == 3);
}

TEST_CASE("a part is named where only a part is wrong", "[verify]") {
    auto const ranks = record_all(collective::all_reduce, 2, [](record_sink& sink, arguments const& args) {
        auto const peer = 1 - sink.rank();
        sink.send(peer, args.data.part(0, 3));
        sink.recv_reduce(peer, args.data.part(0, 3));
        sink.send(peer, args.data.part(2, 3));
        sink.recv_reduce(peer, args.data.part(2, 3));
    });
    auto const found = verify(ranks);
    CHECK_THAT(found.explanation, Contains("rank 0 never gets the contribution of rank 1 to part 1/3..2/3"));
}

TEST_CASE("a message to the wrong peer names both ends", "[verify]") {
    auto const ranks = record_all(collective::all_gather, 3, [](record_sink& sink, arguments const& args) {
        auto const rank = sink.rank(), size = sink.size();
        for (int step = 0; step < size - 1; ++step) {
            auto const next = rank == 1 && step == 1 ? mod(rank - 1, size) : mod(rank + 1, size);
            sink.send(next, args.blocks[rank - step]);
            sink.recv(mod(rank - 1, size), args.blocks[rank - step - 1]);
        }
    });
    auto const found = verify(ranks);
    CHECK_FALSE(found.correct);
    CHECK_THAT(found.explanation, Contains("rank 1, step 2 (send of block 0 to rank 0): rank 0 never receives this"));
    CHECK(found.faulty_rank == 1);
    CHECK(found.faulty_step == 2);
}

TEST_CASE("a receive without a send names both ends", "[verify]") {
    auto const ranks = record_all(collective::broadcast, 3, [](record_sink& sink, arguments const& args) {
        if (sink.rank() == 0)
            sink.send(1, args.data);
        else
            sink.recv(0, args.data);
    });
    auto const found = verify(ranks);
    CHECK_THAT(found.explanation, Contains("rank 2, step 0 (recv of the vector from rank 0): rank 0 never sends this"));
}

TEST_CASE("messages of different parts do not fit, even where their lengths may agree", "[verify]") {
    auto const ranks = record_all(collective::all_reduce, 2, [](record_sink& sink, arguments const& args) {
        auto const peer = 1 - sink.rank();
        sink.send(peer, args.data.part(sink.rank(), 2));
        sink.recv_reduce(peer, args.data.part(sink.rank(), 2));
    });
    auto const found = verify(ranks);
    CHECK_THAT(found.explanation,
               Contains("recv_reduce of part 0..1/2 from rank 1") && Contains("send of part 1/2..1 to rank 0"));
    CHECK(faulty(ranks, found).receives());
    CHECK_THAT(check_counts(ranks, counts_of_blocks{3}).value_or(""), Contains("not of the same size"));
}

TEST_CASE("operand order is only asked for where the operator needs it", "[verify]") {
    auto const ranks = record_all(collective::all_reduce, 4, [](record_sink& sink, arguments const& args) {
        for (int distance = 2; distance >= 1; distance /= 2) { // 0 2, then 0 2 1 3
            auto const peer = sink.rank() ^ distance;
            sink.send(peer, args.data);
            sink.recv_reduce(peer, args.data, peer < sink.rank() ? side::left : side::right);
        }
    });
    CHECK(verify(ranks, {.keeps_order = false}).correct);
    auto const found = verify(ranks, {.keeps_order = true});
    CHECK_FALSE(found.correct);
    CHECK_THAT(found.explanation, Contains("operand order") &&
                                      Contains("at rank 0 the result in the vector is 0 2 1 3") &&
                                      Contains("does not commute"));
    CHECK(found.faulty_rank == 0);
    CHECK(found.faulty_step == 1); // the first fold, of 0 and 2
}

TEST_CASE("a wrong side is found at the fold where it was wrong", "[verify]") {
    auto const ranks = record_all(collective::scan, 4, [](record_sink& sink, arguments const& args) {
        for (int distance = 1; distance < sink.size(); distance *= 2) {
            if (sink.rank() + distance < sink.size()) sink.send(sink.rank() + distance, args.data);
            auto const where = distance == 2 ? side::right : side::left;
            if (sink.rank() >= distance) sink.recv_reduce(sink.rank() - distance, args.data, where);
        }
    });
    auto const found = verify(ranks, {.keeps_order = true});
    CHECK_THAT(found.explanation, Contains("operand order: at rank 2 the result in the vector is 1 2 0"));
    CHECK(found.faulty_rank == 2);
    CHECK(faulty(ranks, found).peer == 0);
}

TEST_CASE("an exchange in place waits for itself, and the cycle is shown", "[verify]") {
    auto const exchange = [](record_sink& sink, arguments const& args) {
        auto const peer = 1 - sink.rank();
        sink.send(peer, args.blocks[sink.rank()]);
        sink.recv(peer, args.blocks[peer]); // fine so far: now the same once more, over one and the same block
        sink.send(peer, args.blocks[0]);
        sink.recv(peer, args.blocks[0]);
    };
    call_shape shape;
    shape.what = collective::all_gather;
    shape.ranks = 2;
    auto const out_of_place = record_all(shape, exchange); // rank 0 sends its block from the input
    CHECK(verify(out_of_place).correct);
    shape.in_place = true;
    auto const ranks = record_all(shape, exchange);
    auto const found = verify(ranks);
    CHECK_FALSE(found.correct);
    CHECK_THAT(found.explanation,
               Contains("deadlock") &&
                   Contains("rank 0, step 2 (send of block 0 to rank 1), waits for rank 1 to post step 3 (recv") &&
                   Contains("which waits for its own step 2 (send") &&
                   Contains("which waits for rank 0 to post step 3") &&
                   Contains("which waits for its own step 2: a cycle"));
}

TEST_CASE("a recv_reduce is posted at once, so that an exchange in place with it goes on", "[verify]") {
    auto const ranks = record_all(collective::all_reduce, 2, doubling_all_reduce);
    CHECK(verify(ranks).correct);
}

TEST_CASE("waiting in a circle is found over several ranks", "[verify]") {
    auto const ranks = record_all(collective::broadcast, 3, [](record_sink& sink, arguments const& args) {
        sink.recv(mod(sink.rank() - 1, 3), args.data); // nobody begins
        sink.send(mod(sink.rank() + 1, 3), args.data);
    });
    auto const found = verify(ranks);
    CHECK_THAT(found.explanation, Contains("deadlock") && Contains("rank 0") && Contains("rank 1") &&
                                      Contains("rank 2") && Contains("a cycle"));
}

TEST_CASE("scratch that was never written must not be read", "[verify]") {
    auto const ranks = record_all(collective::all_reduce, 2, [](record_sink& sink, arguments const& args) {
        auto const peer = 1 - sink.rank();
        auto const arrived = sink.scratch(args.data);
        sink.send(peer, args.data);
        sink.recv(peer, arrived.part(0, 2)); // and the other half?
        sink.send(peer, args.data.part(0, 2));
        sink.reduce(arrived, args.data);
    });
    CHECK_FALSE(verify(ranks).correct); // sizes
    auto const read = record_all(collective::all_reduce, 2, [](record_sink& sink, arguments const& args) {
        auto const peer = 1 - sink.rank();
        auto const arrived = sink.scratch(args.data);
        sink.send(peer, args.data.part(0, 2));
        sink.recv(peer, arrived.part(0, 2)); // and the other half?
        sink.reduce(arrived, args.data);
    });
    auto const found = verify(read);
    CHECK_THAT(found.explanation, Contains("step 3 (reduce of the vector)") &&
                                      Contains("reads part 1/2..1 of scratch 0, which was never written"));
    CHECK(faulty(read, found).kind == step_kind::reduce);
}

TEST_CASE("an output that nobody fills is named", "[verify]") {
    auto const ranks = record_all(collective::broadcast, 2, [](record_sink&, arguments const&) {});
    auto const found = verify(ranks);
    CHECK_THAT(found.explanation,
               Contains("rank 1 never gets the vector of rank 0") && Contains("no step writes there"));
}

TEST_CASE("what was not received cannot be passed on", "[verify]") {
    auto const ranks = record_all(collective::broadcast, 3, [](record_sink& sink, arguments const& args) {
        if (sink.rank() > 0 && sink.rank() != 1) sink.recv(sink.rank() - 1, args.data);
        if (sink.rank() + 1 < sink.size() && sink.rank() != 0) sink.send(sink.rank() + 1, args.data);
    });
    auto const found = verify(ranks);
    CHECK_THAT(found.explanation,
               Contains("rank 1, step 0 (send of the vector to rank 2): reads the vector, which was never written"));
}

TEST_CASE("a barrier that lets a rank leave early is none", "[verify]") {
    SECTION("one round too few") {
        auto const ranks = record_all(collective::barrier, 4, [](record_sink& sink, arguments const& args) {
            sink.send(mod(sink.rank() + 1, sink.size()), args.blocks[0]);
            sink.recv(mod(sink.rank() - 1, sink.size()), args.blocks[1]);
        });
        auto const found = verify(ranks);
        CHECK_FALSE(found.correct);
        CHECK_THAT(found.explanation, Contains("rank 0 may leave the barrier before rank 1 has entered"));
    }
    SECTION("rounds that do not wait for those before") {
        auto const ranks = record_all(collective::barrier, 8, [](record_sink& sink, arguments const& args) {
            int round = 0;
            for (int distance = 1; distance < sink.size(); distance *= 2) {
                sink.send(mod(sink.rank() + distance, sink.size()), args.blocks[round]);
                sink.recv(mod(sink.rank() - distance, sink.size()), args.blocks[++round]);
            }
        });
        CHECK_THAT(verify(ranks).explanation, Contains("no chain of messages"));
    }
}

TEST_CASE("the operator's last step can be missing, doubled or too early", "[verify]") {
    SECTION("missing at a rank") {
        auto const ranks = record_all(collective::all_reduce, 2, [](record_sink& sink, arguments const& args) {
            doubling_all_reduce(sink, args);
            if (sink.rank() == 0) sink.finish(args.data);
        });
        auto const found = verify(ranks);
        CHECK_THAT(found.explanation, Contains("the operator's last step is missing at rank 1"));
    }
    SECTION("twice") {
        auto const ranks = record_all(collective::all_reduce, 2, [](record_sink& sink, arguments const& args) {
            doubling_all_reduce(sink, args);
            sink.finish(args.data);
            sink.finish(args.data);
        });
        auto const found = verify(ranks);
        CHECK_THAT(found.explanation, Contains("applied twice"));
        CHECK(found.faulty_step == 3);
    }
    SECTION("before the end") {
        auto const ranks = record_all(collective::all_reduce, 2, [](record_sink& sink, arguments const& args) {
            sink.finish(args.data);
            doubling_all_reduce(sink, args);
        });
        CHECK_THAT(verify(ranks).explanation, Contains("folded after the operator's last step"));
    }
}

TEST_CASE("steps that share data must wait for each other", "[verify]") {
    auto ranks = record_all(collective::all_reduce, 3, ring_all_reduce);
    REQUIRE(verify(ranks).correct);
    for (auto& in : ranks)
        for (std::size_t i = 0; i < in.steps.size(); ++i) {
            if (in.predecessors[i].empty()) continue;
            auto const kept = std::exchange(in.predecessors[i], {});
            auto const found = verify(ranks);
            CAPTURE(in.rank, i);
            CHECK_THAT(found.explanation, Contains("does not wait for step"));
            CHECK(found.faulty_rank == in.rank);
            in.predecessors[i] = kept;
        }
}

TEST_CASE("the input is not written and buffers are not left", "[verify]") {
    auto ranks = record_all(collective::all_reduce, 2, ring_all_reduce);
    SECTION("input") {
        for (auto& each : ranks[1].steps)
            if (each.receives()) each.target = slice{input_buffer, {0, 1, 2}, {1, 0, 1}};
        CHECK_THAT(verify(ranks).explanation, Contains("rank 1, step ") && Contains("writes to the caller's input"));
    }
    SECTION("beyond the end") {
        ranks[0].steps[0].source = slice{input_buffer, {0, 1, 2}, {1, 1, 2}};
        CHECK_THAT(verify(ranks).explanation, Contains("rank 0, step 0 (send): reads beyond the end of a buffer"));
        CHECK(check_counts(ranks, counts_of_blocks{4}).has_value());
    }
    SECTION("no such peer") {
        ranks[0].steps[0].peer = 2;
        CHECK_THAT(verify(ranks).explanation, Contains("the peer is no other rank"));
    }
    SECTION("a missing rank") {
        ranks.pop_back();
        CHECK_THAT(verify(ranks).explanation, Contains("recorded for 2 ranks of 1"));
    }
    SECTION("none") { CHECK_FALSE(verify(std::span<schedule const>()).correct); }
}

TEST_CASE("blocks end up where they belong", "[verify]") {
    auto const ranks = record_all(collective::all_to_all, 3, [](record_sink& sink, arguments const& args) {
        auto const rank = sink.rank(), size = sink.size();
        sink.copy(args.outgoing[rank], args.incoming[rank]);
        for (int i = 1; i < size; ++i) {
            sink.send(mod(rank + i, size), args.outgoing[rank - i]); // the block for somebody else
            sink.recv(mod(rank - i, size), args.incoming[rank - i]);
        }
    });
    auto const found = verify(ranks);
    CHECK_THAT(found.explanation,
               Contains("recv of block 2 -> 0 from rank 2") && Contains("send of block 2 -> 1 to rank 0"));

    call_shape shape;
    shape.what = collective::all_to_all;
    shape.ranks = 3;
    shape.in_place = true; // all blocks are of one length: sizes agree, and the contents are wrong
    auto const in_place = verify(record_all(shape, [](record_sink& sink, arguments const& args) {
        auto const rank = sink.rank(), size = sink.size();
        sink.copy(args.outgoing[rank], args.incoming[rank]);
        for (int i = 1; i < size; ++i) {
            sink.send(mod(rank + i, size), args.outgoing[rank - i]);
            sink.recv(mod(rank - i, size), args.incoming[rank - i]);
        }
    }));
    CHECK_THAT(in_place.explanation,
               Contains("the output of rank 0 holds block 1 -> 2, which does not belong into block 1 -> 0"));
}

TEST_CASE("counts that do not name all blocks are refused", "[verify]") {
    auto const ranks = record_all(collective::all_gather, 3, ring_all_gather);
    CHECK_THAT(check_counts(ranks, counts_of_blocks{1, 2}).value_or(""), Contains("more blocks than lengths"));
    CHECK_FALSE(check_counts(ranks, counts_of_blocks{1, 2, 0}).has_value());
}
