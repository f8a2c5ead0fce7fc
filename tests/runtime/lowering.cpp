/// Lowering: what it finds in the algorithms that it is for, and that no fold of it can make ranks wait for each other.

#include <chorus/algorithm/catalogue.hpp>
#include <chorus/algorithm/record.hpp>
#include <chorus/runtime/lowering.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace chorus;

namespace {

constexpr std::size_t window = 8;

/// The programs and lowerings of all ranks of a call.
struct job {
    std::vector<std::unique_ptr<program>> programs;
    std::vector<lowering> lowered;
};
job all_ranks(catalogue_entry const& entry, int p, bool in_place, int segments = 1) {
    job made;
    choice how;
    how.name = entry.name;
    for (int rank = 0; rank < p; ++rank) {
        call_shape const shape{.what = entry.what, .rank = rank, .ranks = p, .root = p / 2, .in_place = in_place, .segments = segments};
        made.programs.push_back(std::make_unique<program>(record(shape, entry.record, how)));
        made.lowered.emplace_back(*made.programs.back(), window);
    }
    return made;
}
job all_ranks(collective what, std::string_view name, int p, bool in_place, int segments = 1) {
    return all_ranks(*find(entries_of(what), name), p, in_place, segments);
}

/// The step of `from`'s program that sends message number `place` of a lane to rank `to`; -1: there is none.
std::int32_t send_at(program const& from, int to, std::uint8_t lane, std::uint32_t place) {
    for (auto const& line : from.channels())
        if (line.sends && line.peer == to && line.lane == lane && place < line.steps.size()) return line.steps[place];
    return -1;
}

/// All messages of a fold with several are posted by their senders at once, whatever arrives or does not.
void check_arrives(job const& made, int rank, lowered_fold const& fold) {
    auto const& mine = *made.programs[static_cast<std::size_t>(rank)];
    for (auto const& operand : fold.operands) {
        if (operand.from != fold_operand::kind::received) continue;
        auto const& step = mine[operand.step];
        auto const& theirs = *made.programs[static_cast<std::size_t>(step.peer)];
        auto const place = made.lowered[static_cast<std::size_t>(rank)].place_of(operand.step);
        CHECK(place < window);
        for (std::uint32_t k = 0; k <= place; ++k) {
            auto const send = send_at(theirs, rank, step.lane, k);
            REQUIRE(send >= 0);
            CHECK(theirs.plan().predecessors[static_cast<std::size_t>(send)].empty());
        }
    }
}

} // namespace

TEST_CASE("two-shot all_reduce is one fold of all ranks, written to all ranks", "[runtime][lowering]") {
    for (int p = 2; p <= 6; ++p)
        for (bool const in_place : {false, true}) {
            auto const made = all_ranks(collective::all_reduce, "two_shot", p, in_place);
            for (int rank = 0; rank < p; ++rank) {
                INFO("rank " << rank << " of " << p << (in_place ? ", in place" : ""));
                auto const& mine = *made.programs[static_cast<std::size_t>(rank)];
                auto const& lowered = made.lowered[static_cast<std::size_t>(rank)];
                REQUIRE(lowered.folds().size() == 1);
                auto const& fold = lowered.folds()[0];
                CHECK(fold.messages == p - 1);
                REQUIRE(fold.operands.size() == static_cast<std::size_t>(p));
                CHECK(fold.replies.size() == static_cast<std::size_t>(p - 1));
                for (int r = 0; r < p; ++r) { // in rank order
                    auto const& operand = fold.operands[static_cast<std::size_t>(r)];
                    auto const own = operand.from != fold_operand::kind::received;
                    CHECK(own == (r == rank));
                    if (!own) CHECK(mine[operand.step].peer == r);
                }
                int offers = 0;
                for (std::int32_t i = 0; i < static_cast<std::int32_t>(mine.size()); ++i) offers += lowered.receive_of(i) >= 0 ? 1 : 0;
                CHECK(offers == p - 1);
            }
        }
}

TEST_CASE("an offer and the reply to it mean the same message", "[runtime][lowering]") {
    for (auto const* const name : {"two_shot", "ring"})
        for (int const segments : {1, 4})
            for (bool const in_place : {false, true}) {
                auto const made = all_ranks(collective::all_reduce, name, 2, in_place, segments);
                INFO(name << ", segments " << segments << (in_place ? ", in place" : ""));
                REQUIRE(made.lowered[0].folds().size() == static_cast<std::size_t>(segments));
                for (auto const& fold : made.lowered[0].folds()) {
                    REQUIRE(fold.replies.size() == 1);
                    auto const& reply = fold.replies[0];
                    auto const offering = send_at(*made.programs[1], 0, 0, made.lowered[0].place_of(reply.receive));
                    REQUIRE(offering >= 0);
                    auto const receive = made.lowered[1].receive_of(offering);
                    REQUIRE(receive >= 0);
                    CHECK(made.lowered[1].place_of(receive) == made.lowered[0].place_of(reply.send));
                }
            }
}

TEST_CASE("reduce_scatter folds its block in one pass", "[runtime][lowering]") {
    for (int p = 3; p <= 6; ++p) {
        auto const made = all_ranks(collective::reduce_scatter, "direct", p, false);
        for (auto const& lowered : made.lowered) {
            REQUIRE(lowered.folds().size() == 1);
            CHECK(lowered.folds()[0].operands.size() == static_cast<std::size_t>(p));
            CHECK(lowered.folds()[0].replies.empty());
        }
    }
}

TEST_CASE("an algorithm that rounds once folds all operands at once, in rank order, in every segment", "[runtime][lowering]") {
    int found = 0;
    for (auto const& entry : all_entries) {
        if (!entry.rounds_once) continue;
        ++found;
        for (int p = 2; p <= 9; ++p)
            for (int const segments : {1, 3, 20})
                for (bool const in_place : {false, true})
                    for (int rank = 0; rank < p; ++rank) {
                        call_shape const shape{.what = entry.what, .rank = rank, .ranks = p, .root = p / 2, .in_place = in_place, .finishes = true,
                                               .segments = segments, .rounds_once = true};
                        program const mine(record(shape, entry.record, choice{}));
                        lowering const lowered(mine, window);
                        auto wrong = 0;
                        for (std::int32_t i = 0; i < static_cast<std::int32_t>(mine.size()); ++i) {
                            auto const kind = mine[i].kind;
                            wrong += kind == step_kind::finish || ((kind == step_kind::reduce || kind == step_kind::recv_reduce) && lowered.fold_of(i) < 0);
                        }
                        for (auto const& fold : lowered.folds()) {
                            wrong += fold.operands.size() != static_cast<std::size_t>(p);
                            auto next = 0;
                            for (auto const& each : fold.operands) {
                                wrong += each.from == fold_operand::kind::received ? mine[each.step].peer != next : rank != next;
                                ++next;
                            }
                        }
                        INFO(name(entry.what) << " " << entry.name << ", rank " << rank << " of " << p << ", segments " << segments);
                        CHECK(wrong == 0);
                        auto const folds = !has_root(entry.what) || rank == p / 2;
                        CHECK(lowered.folds().empty() != folds);
                    }
    }
    CHECK(found == 4);
}

TEST_CASE("no fold waits for a message that waits for another one of its own", "[runtime][lowering]") {
    std::size_t checked = 0;
    for (auto const& entry : all_entries) {
        if (entry.record == nullptr || entry.formula == nullptr) continue; // native; compositions are of these
        for (int p = 2; p <= 9; ++p) {
            if (entry.refuses != nullptr && !entry.refuses(p, choice{}).empty()) continue;
            for (int const segments : {1, 3}) {
                auto const made = all_ranks(entry, p, false, segments);
                for (int rank = 0; rank < p; ++rank)
                    for (auto const& fold : made.lowered[static_cast<std::size_t>(rank)].folds()) {
                        if (fold.messages < 2) continue;
                        INFO(name(entry.what) << " " << entry.name << ", rank " << rank << " of " << p << ", segments " << segments);
                        check_arrives(made, rank, fold);
                        ++checked;
                    }
            }
        }
    }
    CHECK(checked > 100);
}
