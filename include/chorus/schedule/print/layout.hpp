#pragma once
/// Where everything of a space-time drawing lies: what is drawn, apart from how.

#include <chorus/schedule/print/messages.hpp>
#include <chorus/schedule/print/svg.hpp>
#include <chorus/schedule/print/wording.hpp>
#include <chorus/schedule/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace chorus::print {

/// One step to be drawn as the faulty one, and what is to be said about it.
struct highlight {
    int rank = -1; ///< -1: none
    int step = -1;
    std::string caption;
};

struct drawing_options {
    std::string title;    ///< empty: collective, algorithm, ranks
    std::string subtitle; ///< empty: rounds and cost, counted
    highlight mark;
    ports limit = ports::one;
};

namespace detail {

/// A message as drawn: from the sender's life line to the receiver's.
struct arrow {
    std::size_t message = 0;
    point tail, head;
    bool stuck = false; ///< it never arrives
    bool marked = false;
};

/// Steps without a partner, and copies and folds: symbols on a life line.
struct spot {
    std::int32_t rank = 0;
    std::int32_t step = 0;
    point at;
    bool stuck = false;
    int more = 0; ///< so many further steps, for which there is no room, happen here
};

/// Ranks are horizontal lines, rounds columns. Between two rounds there is room for local steps.
class layout {
public:
    layout(std::span<schedule const> ranks, drawing_options const& options)
        : ranks_(ranks),
          mark_(options.mark),
          time_(rounds_of(ranks, options.limit)) {
        count_ = static_cast<int>(ranks.size());
        row_ = count_ <= 4 ? 72 : count_ <= 8 ? 62 : count_ <= 16 ? 44 : count_ <= 64 ? 20 : 10;
        flight_ = count_ <= 16 ? 108 : time_.rounds <= 16 ? 120 : 64;
        if (options.limit == ports::any) flight_ += 30 * std::min(most_at_once() - 1, 8);
        find_stuck();
        set_columns();
        place_spots();
        place_arrows();
    }

    static constexpr double left = 92;
    static constexpr double top = 112;
    static constexpr int most_spots = 3;

    timeline const& time() const { return time_; }
    int rounds() const { return time_.rounds; }
    bool has_stuck() const { return !stuck_.empty(); }
    bool small() const { return count_ > 16; }
    double row() const { return row_; }
    double y(int rank) const { return top + row_ / 2 + rank * row_; }
    double bottom() const { return top + count_ * row_; }
    double right() const { return columns_.back(); }
    /// Where the messages of a round leave and arrive. Round `rounds()` holds what never happens.
    double leave(int round) const { return columns_[std::size_t(round)] + gap(round); }
    double arrive(int round) const { return columns_[std::size_t(round) + 1]; }

    std::vector<arrow> const& arrows() const { return arrows_; }
    std::vector<spot> const& spots() const { return spots_; }
    bool marked(std::int32_t rank, std::int32_t step) const { return rank == mark_.rank && step == mark_.step; }
    bool any_marked() const { return mark_.rank >= 0; }

private:
    step const& step_at(std::int32_t rank, std::int32_t i) const {
        return ranks_[std::size_t(rank)].steps[std::size_t(i)];
    }
    int done(std::int32_t rank, std::int32_t i) const { return time_.done[std::size_t(rank)][std::size_t(i)]; }

    /// Messages that one rank sends or receives in one round.
    int most_at_once() const {
        std::map<std::pair<std::int32_t, int>, int> out, in;
        int most = 1;
        for (std::size_t m = 0; m < time_.messages.size(); ++m) {
            auto const& each = time_.messages[m];
            most = std::max({most, ++out[{each.from, time_.round[m]}], ++in[{each.to, time_.round[m]}]});
        }
        return most;
    }

    /// Of the steps that never happen, the first send, receive and local step of each rank, and the marked one.
    void find_stuck() {
        for (std::int32_t r = 0; r < count_; ++r) {
            bool seen[3] = {false, false, false};
            for (std::int32_t i = 0; i < std::int32_t(ranks_[std::size_t(r)].steps.size()); ++i) {
                if (done(r, i) != never) continue;
                auto const& s = step_at(r, i);
                auto& before = seen[s.sends() ? 0 : s.receives() ? 1 : 2];
                if (!before || marked(r, i)) stuck_.push_back({r, i});
                before = true;
            }
        }
    }
    bool shown_as_stuck(std::int32_t rank, std::int32_t step) const {
        return std::find(stuck_.begin(), stuck_.end(), std::pair{rank, step}) != stuck_.end();
    }

    double gap(int time) const { return 22 + 18.0 * std::min(crowd_[std::size_t(time)], most_spots); }

    void set_columns() {
        crowd_.assign(std::size_t(time_.rounds) + 2, 0);
        for (std::int32_t r = 0; r < count_; ++r) {
            std::map<int, int> here;
            for (std::int32_t i = 0; i < std::int32_t(ranks_[std::size_t(r)].steps.size()); ++i)
                if (!step_at(r, i).is_message() && done(r, i) != never) {
                    auto& most = crowd_[std::size_t(done(r, i))];
                    most = std::max(most, ++here[done(r, i)]);
                }
        }
        auto const last = time_.rounds + (has_stuck() ? 1 : 0);
        columns_.push_back(left);
        for (int t = 0; t < last; ++t) columns_.push_back(columns_.back() + gap(t) + flight_);
        columns_.push_back(columns_.back() + gap(last)); // room for the local steps at the end
    }

    void place_spots() {
        for (std::int32_t r = 0; r < count_; ++r) {
            std::map<int, std::vector<std::int32_t>> here;
            for (std::int32_t i = 0; i < std::int32_t(ranks_[std::size_t(r)].steps.size()); ++i)
                if (!step_at(r, i).is_message() && done(r, i) != never) here[done(r, i)].push_back(i);
            for (auto const& [time, steps] : here) place_group(r, time, steps);
        }
        for (auto const& [r, i] : stuck_)
            if (!step_at(r, i).is_message()) spots_.push_back({r, i, {leave(rounds()) + flight_ / 2, y(r)}, true, 0});
    }
    void place_group(std::int32_t rank, int time, std::vector<std::int32_t> const& steps) {
        auto const crowded = steps.size() > most_spots;
        auto at = point{columns_[std::size_t(time)] + 17, y(rank)};
        for (std::size_t k = 0; k < steps.size(); ++k) {
            if (crowded && k > 0 && !marked(rank, steps[k])) continue;
            spots_.push_back({rank, steps[k], at, false, crowded && k == 0 ? int(steps.size()) - 1 : 0});
            at.x += crowded ? 34 : 17;
        }
    }

    void place_arrows() {
        std::map<std::pair<std::int32_t, int>, int> left_here, arrived_here; // by rank and round
        for (std::size_t m = 0; m < time_.messages.size(); ++m) {
            auto const& each = time_.messages[m];
            auto const stuck = time_.round[m] == never;
            if (stuck && !shown_as_stuck(each.from, each.send) && !shown_as_stuck(each.to, each.recv)) continue;
            if (each.from < 0 || each.from >= count_ || each.to < 0 || each.to >= count_) continue;
            auto const round = stuck ? rounds() : time_.round[m];
            arrow a{m, {leave(round), y(each.from)}, {arrive(round), y(each.to)}, stuck, false};
            a.tail.x += std::min(9.0 * left_here[{each.from, round}]++, flight_ * 0.3);
            a.head.x -= std::min(14.0 * arrived_here[{each.to, round}]++, flight_ * 0.5);
            a.marked =
                (each.send >= 0 && marked(each.from, each.send)) || (each.recv >= 0 && marked(each.to, each.recv));
            if (each.send < 0) a.tail = on_the_way(a, 0.6);
            if (each.recv < 0) a.head = on_the_way(a, 0.4);
            arrows_.push_back(a);
        }
    }
    static point on_the_way(arrow const& a, double share) {
        return {a.tail.x + share * (a.head.x - a.tail.x), a.tail.y + share * (a.head.y - a.tail.y)};
    }

    std::span<schedule const> ranks_;
    highlight mark_;
    timeline time_;
    int count_ = 0;
    double row_ = 0, flight_ = 0;
    std::vector<std::pair<std::int32_t, std::int32_t>> stuck_;
    std::vector<int> crowd_;
    std::vector<double> columns_;
    std::vector<arrow> arrows_;
    std::vector<spot> spots_;
};

/// Finds places for labels along arrows, so that no label covers another or a symbol, and as few lines as can be.
class label_places {
public:
    explicit label_places(std::vector<arrow> const& arrows) : arrows_(arrows) {
        for (auto const& each : arrows)
            for (auto const& end : {each.tail, each.head}) keep_free({end.x - 7, end.y - 7, end.x + 7, end.y + 7});
    }
    void keep_free(box const& taken) { taken_.push_back(taken); }

    /// The middle of a label of that size on the arrow; none where there is no room, or it would hide too many lines.
    std::optional<point> find(arrow const& on, double width, double height) {
        std::optional<point> best;
        auto least = 10.0 * most_hidden + 1;
        for (int k = 2; k <= 18; ++k) {
            auto const share = k * 0.05;
            point const middle{on.tail.x + share * (on.head.x - on.tail.x),
                               on.tail.y + share * (on.head.y - on.tail.y)};
            auto const here = around(middle, width, height);
            if (std::any_of(taken_.begin(), taken_.end(), [&](box const& b) { return b.meets(here); })) continue;
            auto const price = 10 * lines_through(here, on) + std::abs(share - 0.5);
            if (price < least) least = price, best = middle;
        }
        if (best) taken_.push_back(around(*best, width + 4, height + 3));
        return best;
    }
    static box around(point const& m, double width, double height) {
        return {m.x - width / 2, m.y - height / 2, m.x + width / 2, m.y + height / 2};
    }

private:
    static constexpr int most_hidden = 3;

    int lines_through(box const& b, arrow const& own) const {
        int lines = 0;
        for (auto const& each : arrows_) {
            if (each.message == own.message || each.head.x < b.left || b.right < each.tail.x) continue;
            auto const slope = (each.head.y - each.tail.y) / (each.head.x - each.tail.x);
            auto const y1 = each.tail.y + slope * (std::max(b.left, each.tail.x) - each.tail.x);
            auto const y2 = each.tail.y + slope * (std::min(b.right, each.head.x) - each.tail.x);
            if (std::min(y1, y2) < b.bottom && b.top < std::max(y1, y2)) ++lines;
        }
        return lines;
    }

    std::vector<arrow> const& arrows_;
    std::vector<box> taken_;
};

} // namespace detail
} // namespace chorus::print
