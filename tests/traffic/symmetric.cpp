// Closed forms against the recordings of every rank, where all recordings together would not fit into memory: if every
// rank's schedule is that of rank 0, turned, then the levels of rank 0's messages are everybody's.
#include <chorus/algorithm/parse.hpp>
#include <chorus/traffic/phases.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
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
};

schedule record_rank(call const& of, choice const& how, int rank) {
    call_shape shape;
    shape.what = of.what;
    shape.rank = rank;
    shape.ranks = of.ranks;
    return record(shape, find(entries_of(of.what), how.name)->record, how);
}

int distance_of(step const& s, int rank, turning turn, int ranks) {
    if (!s.is_message()) return 0;
    return s.sends() ? distance(turn, rank, s.peer, ranks) : distance(turn, s.peer, rank, ranks);
}
double bytes_of(step const& s, call const& of) {
    return s.is_message() ? of.bytes * traffic::detail::blocks_of(s.sends() ? s.source : s.target) : 0.0;
}

/// Where operands stand in rank order, ranks differ in how they fold. If nothing that is sent, and no memory that a plain
/// receive writes, waits for anything, then folds decide nothing, and what is sent is all that counts.
bool folds_decide(schedule const& recorded) {
    for (std::size_t i = 0; i < recorded.steps.size(); ++i) {
        auto const kind = recorded.steps[i].kind;
        if ((kind == step_kind::send || kind == step_kind::recv) && !recorded.predecessors[i].empty()) return true;
    }
    return false;
}

std::vector<relative_step> steps_of(call const& of, choice const& how, turning turn) {
    auto const recorded = record_rank(of, how, 0);
    auto const all_count = folds_decide(recorded);
    std::vector<relative_step> all;
    for (std::size_t i = 0; i < recorded.steps.size(); ++i) {
        auto const& s = recorded.steps[i];
        auto const before = recorded.predecessors[i];
        if (all_count || s.kind == step_kind::send)
            all.push_back({s.kind, distance_of(s, 0, turn, of.ranks), s.lane, bytes_of(s, of), {before.begin(), before.end()}});
    }
    return all;
}

/// Is the rank's schedule that of rank 0, turned?
bool looks_like(std::vector<relative_step> const& first, bool all_count, call const& of, choice const& how, turning turn, int rank) {
    auto const recorded = record_rank(of, how, rank);
    if (folds_decide(recorded) != all_count) return false;
    std::size_t at = 0;
    for (std::size_t i = 0; i < recorded.steps.size(); ++i) {
        auto const& s = recorded.steps[i];
        if (!all_count && s.kind != step_kind::send) continue;
        if (at == first.size()) return false;
        auto const& like = first[at++];
        auto const before = recorded.predecessors[i];
        auto const same = s.kind == like.kind && s.lane == like.lane && distance_of(s, rank, turn, of.ranks) == like.distance &&
                          bytes_of(s, of) == like.bytes && std::equal(before.begin(), before.end(), like.before.begin(), like.before.end());
        if (!same) return false;
    }
    return at == first.size();
}

/// By level: distance and bytes of each message that rank 0 sends. Its sends to a distance stand for what arrives from it.
std::vector<std::vector<std::pair<int, double>>> levels_of(std::vector<relative_step> const& steps, int ranks) {
    traffic::level_graph graph;
    std::vector<std::int32_t> last_send;
    auto const only_sends = std::all_of(steps.begin(), steps.end(), [](relative_step const& s) { return s.kind == step_kind::send; });
    auto const channel_of = [&](relative_step const& s) { return s.lane * ranks + s.distance; };
    std::map<int, std::vector<std::size_t>> sends; // their numbers, which go as bytes: the same at both ends
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (steps[i].kind == step_kind::send) sends[channel_of(steps[i])].push_back(i);
    std::map<int, std::size_t> received;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        auto before = steps[i].before;
        auto const lane = static_cast<std::size_t>(steps[i].lane);
        if (steps[i].kind == step_kind::send) {
            last_send.resize(std::max(last_send.size(), lane + 1), -1);
            if (last_send[lane] >= 0) before.push_back(last_send[lane]);
            last_send[lane] = static_cast<std::int32_t>(i);
        }
        auto number = i;
        if (steps[i].kind == step_kind::recv || steps[i].kind == step_kind::recv_reduce) {
            auto const channel = channel_of(steps[i]);
            number = sends[channel].at(received[channel]++);
        }
        graph.add(steps[i].kind, 0, channel_of(steps[i]), static_cast<double>(number), before);
    }
    for (std::size_t i = 0; i < steps.size() && only_sends; ++i) // somebody takes them
        graph.add(step_kind::recv_reduce, 0, channel_of(steps[i]), static_cast<double>(i), {});
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
    auto const first = steps_of(of, how, turn);
    auto const all_count = std::any_of(first.begin(), first.end(), [](relative_step const& s) { return s.kind != step_kind::send; });
    for (int rank = 1; rank < ranks; rank += every) {
        INFO("rank " << rank);
        REQUIRE(looks_like(first, all_count, of, how, turn, rank));
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

TEST_CASE("ring, pairwise and direct at 4096 ranks, every 64th rank recorded", "[traffic][long]") { prove_all(4096, 64); }

TEST_CASE("ring and pairwise at 1024 ranks, every rank recorded", "[traffic][long]") {
    prove(collective::all_reduce, "ring", 1024, turning::shift, 1);
    prove(collective::all_to_all, "pairwise", 1024, turning::exchange, 1);
}
