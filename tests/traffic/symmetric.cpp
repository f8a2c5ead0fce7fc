// Closed forms against the recordings of every rank, where all recordings together would not fit into memory: if every
// rank's schedule is that of rank 0, turned, then the levels of rank 0's messages are everybody's.
#include <chorus/algorithm/parse.hpp>
#include <chorus/traffic/phases.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace chorus;
using traffic::call;

namespace {

/// How ranks are turned into each other: r to r + x around, or r to r ^ x.
enum class turning { shift, exchange };

int distance(turning how, int from, int to, int ranks) {
    return how == turning::exchange ? from ^ to : (to - from + ranks) % ranks;
}

/// A step as every rank has it: what is said of the rank itself is left out.
struct relative_step {
    step_kind kind;
    int distance, lane;
    double bytes;
    std::vector<std::int32_t> before;

    friend bool operator==(relative_step const&, relative_step const&) = default;
};

std::vector<relative_step> steps_of(call const& of, choice const& how, turning turn, int rank) {
    call_shape shape;
    shape.what = of.what;
    shape.rank = rank;
    shape.ranks = of.ranks;
    auto const recorded = record(shape, find(entries_of(of.what), how.name)->record, how);
    std::vector<relative_step> all;
    all.reserve(recorded.steps.size());
    for (std::size_t i = 0; i < recorded.steps.size(); ++i) {
        auto const& s = recorded.steps[i];
        auto const before = recorded.predecessors[i];
        relative_step one{s.kind, 0, s.lane, 0, {before.begin(), before.end()}};
        if (s.is_message()) {
            one.distance = s.sends() ? distance(turn, rank, s.peer, of.ranks) : distance(turn, s.peer, rank, of.ranks);
            one.bytes = of.bytes * traffic::detail::blocks_of(s.sends() ? s.source : s.target);
        }
        all.push_back(std::move(one));
    }
    // Where operands stand in rank order, ranks differ in how they fold. If nothing that is sent, and no memory that a plain
    // receive writes, waits for anything, then folds decide nothing, and what is sent is all that counts.
    auto const waits = [](relative_step const& s) { return (s.kind == step_kind::send || s.kind == step_kind::recv) && !s.before.empty(); };
    if (std::none_of(all.begin(), all.end(), waits))
        std::erase_if(all, [](relative_step const& s) { return s.kind != step_kind::send; });
    return all;
}

/// By level: distance and bytes of each message that rank 0 sends. Its sends to a distance stand for what arrives from it.
std::vector<std::vector<std::pair<int, double>>> levels_of(std::vector<relative_step> const& steps, int ranks) {
    traffic::level_graph graph;
    std::vector<std::int32_t> last_send;
    auto const only_sends = std::all_of(steps.begin(), steps.end(), [](relative_step const& s) { return s.kind == step_kind::send; });
    for (std::size_t i = 0; i < steps.size(); ++i) {
        auto before = steps[i].before;
        auto const lane = static_cast<std::size_t>(steps[i].lane);
        if (steps[i].kind == step_kind::send) {
            last_send.resize(std::max(last_send.size(), lane + 1), -1);
            if (last_send[lane] >= 0) before.push_back(last_send[lane]);
            last_send[lane] = static_cast<std::int32_t>(i);
        }
        graph.add(steps[i].kind, 0, steps[i].lane * ranks + steps[i].distance, static_cast<double>(i), before);
    }
    for (std::size_t i = 0; i < steps.size() && only_sends; ++i) // somebody takes them
        graph.add(step_kind::recv_reduce, 0, steps[i].lane * ranks + steps[i].distance, 0, {});
    graph.end_rank();
    std::vector<std::vector<std::pair<int, double>>> result;
    for (auto const& messages : graph.levels()) {
        auto& level = result.emplace_back();
        for (auto const& m : messages) {
            auto const& s = steps[static_cast<std::size_t>(m.bytes)]; // the step's number
            level.emplace_back(s.distance, s.bytes);
        }
        std::sort(level.begin(), level.end());
    }
    return result;
}

/// The same of the closed form, whose phases are the same from every rank.
std::vector<std::vector<std::pair<int, double>>> levels_of(std::vector<traffic::phase> const& phases, turning turn, int ranks) {
    std::vector<std::vector<std::pair<int, double>>> result;
    for (auto const& each : phases) {
        std::vector<std::pair<int, double>> level;
        std::size_t others = 0;
        each.for_each([&](traffic::message const& m) {
            if (m.source == 0) level.emplace_back(distance(turn, 0, m.destination, ranks), m.bytes);
            else others += distance(turn, m.source, m.destination, ranks) == level.front().first ? 1 : 0;
        });
        REQUIRE(level.size() == 1);
        REQUIRE(others == static_cast<std::size_t>(ranks) - 1);
        result.insert(result.end(), each.repeats, level);
    }
    return result;
}

void prove(collective what, std::string const& algorithm, int ranks, turning turn, int every) {
    INFO(name(what) << " " << algorithm << " on " << ranks << " ranks");
    call const of{what, ranks, 1000.0 * ranks};
    auto const how = parse_choice(algorithm, ranks);
    auto const first = steps_of(of, how, turn, 0);
    for (int rank = 1; rank < ranks; rank += every) {
        INFO("rank " << rank);
        auto const same = steps_of(of, how, turn, rank) == first;
        REQUIRE(same);
    }
    auto const recorded = levels_of(first, ranks), known = levels_of(*traffic::closed_form(of, how), turn, ranks);
    REQUIRE(recorded.size() == known.size());
    for (std::size_t i = 0; i < known.size(); ++i) {
        INFO("phase " << i);
        REQUIRE(recorded[i].size() == 1);
        REQUIRE(recorded[i][0].first == known[i][0].first);
        REQUIRE(recorded[i][0].second == Approx(known[i][0].second).epsilon(1e-9));
    }
}

void prove_all(int ranks, int every) {
    prove(collective::all_reduce, "ring", ranks, turning::shift, every);
    prove(collective::reduce_scatter, "ring", ranks, turning::shift, every);
    prove(collective::reduce_scatter, "pairwise", ranks, turning::shift, every);
    prove(collective::reduce_scatter, "direct", ranks, turning::shift, every);
    prove(collective::all_gather, "ring", ranks, turning::shift, every);
    prove(collective::all_gather, "direct", ranks, turning::shift, every);
    prove(collective::all_to_all, "direct", ranks, turning::shift, every);
    prove(collective::all_to_all, "pairwise", ranks, (ranks & (ranks - 1)) == 0 ? turning::exchange : turning::shift, every);
}

} // namespace

TEST_CASE("ring, pairwise and direct look the same from every rank, and their levels are the closed forms", "[traffic]") {
    for (int const ranks : {2, 3, 8, 37, 128}) prove_all(ranks, 1);
    prove_all(509, 100);
}

TEST_CASE("ring, pairwise and direct at 4096 ranks, every rank recorded", "[traffic][long]") { prove_all(4096, 1); }
