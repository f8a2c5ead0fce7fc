#pragma once
/// The space-time diagram as text: ranks are columns, time runs down, messages are arrows. At most 100 columns wide.
///
///      rank    0             1             2
///    round 1   ●────0/3─────▶⊕             │
///              │             ●────1/3─────▶⊕
///              ⊕◀────────────┼─────2/3─────●
///
/// More ranks than fit side by side (17 and more) are listed round by round: "0→1 0/64".

#include <chorus/schedule/print/layout.hpp>
#include <chorus/schedule/print/messages.hpp>
#include <chorus/schedule/print/wording.hpp>
#include <chorus/schedule/schedule.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus::print {

namespace detail {

class space_time_text {
public:
    space_time_text(std::span<schedule const> ranks, drawing_options const& options)
        : ranks_(ranks),
          options_(options),
          time_(rounds_of(ranks, options.limit)),
          count_(static_cast<int>(ranks.size())),
          pitch_(std::clamp((92 - margin) / count_, 5, 14)),
          chart_(count_ <= 16) {}

    std::string draw() && {
        title();
        if (chart_) name_columns();
        for (int t = 0; t <= time_.rounds; ++t) {
            local_steps(t);
            if (t < time_.rounds) round(t, "round " + std::to_string(t + 1));
        }
        round(never, "never");
        local_steps(never);
        legend();
        return std::move(text_);
    }

private:
    static constexpr int margin = 10;
    static constexpr int widest = 100;
    using line = std::vector<std::string>; // a character each

    step const& step_at(std::int32_t rank, std::int32_t i) const {
        return ranks_[std::size_t(rank)].steps[std::size_t(i)];
    }
    bool marked(std::int32_t rank, std::int32_t i) const {
        return i >= 0 && rank == options_.mark.rank && i == options_.mark.step;
    }
    bool marked(message const& m) const { return marked(m.from, m.send) || marked(m.to, m.recv); }

    std::string carried(message const& m) const {
        auto const rank = m.send >= 0 ? m.from : m.to;
        auto const& s = step_at(rank, m.send >= 0 ? m.send : m.recv);
        return brief(ranks_[std::size_t(rank)], s.sends() ? s.source : s.target);
    }

    void title() {
        text_ += (options_.title.empty() ? heading(ranks_) : options_.title) + "\n";
        auto const below = options_.subtitle.empty() ? cost_words(ranks_, ", ", options_.limit) : options_.subtitle;
        for (auto const& each : wrapped(below, widest)) text_ += each + "\n";
        text_ += "\n";
    }
    void name_columns() {
        line names(std::size_t(margin + pitch_ * count_), " ");
        for (int r = 0; r < count_; ++r) write(names, column(r), std::to_string(r));
        finish_line("  rank", names, false);
    }

    // Chart.

    int column(int rank) const { return margin + pitch_ * rank; }
    line blank() const {
        line row(std::size_t(margin + pitch_ * (count_ - 1) + 1), " ");
        for (int r = 0; r < count_; ++r) row[std::size_t(column(r))] = "│";
        return row;
    }
    static void write(line& row, int at, std::string_view words) {
        for (std::size_t i = 0, k = std::size_t(at); i < words.size(); ++k) {
            auto length = std::size_t{1};
            while (i + length < words.size() && (static_cast<unsigned char>(words[i + length]) & 0xC0U) == 0x80U)
                ++length;
            if (k >= row.size()) row.resize(k + 1, " ");
            row[k] = std::string(words.substr(i, length));
            i += length;
        }
    }
    void leave_gap() {
        if (std::exchange(drawn_, true)) finish_line("", blank(), false);
    }
    void finish_line(std::string_view head, line const& row, bool marked) {
        std::string all;
        for (auto const& each : row) all += each;
        all.replace(0, std::min<std::size_t>(head.size(), margin), head.substr(0, margin));
        all.erase(all.find_last_not_of(' ') + 1);
        text_ += all + (marked ? " <==" : "") + "\n";
    }

    static bool share(message const& a, message const& b) {
        return std::max(std::min(a.from, a.to), std::min(b.from, b.to)) <=
               std::min(std::max(a.from, a.to), std::max(b.from, b.to));
    }

    /// The messages of one round, as many side by side as do not cross; `never`: those that wait for ever.
    void round(int t, std::string const& head) {
        std::vector<message> all;
        for (std::size_t m = 0; m < time_.messages.size(); ++m)
            if (time_.round[m] == t) all.push_back(time_.messages[m]);
        if (all.empty()) return;
        if (!chart_) return list(head, all);
        std::stable_sort(all.begin(), all.end(), [](message const& a, message const& b) {
            return std::min(a.from, a.to) < std::min(b.from, b.to);
        });
        std::vector<std::vector<message>> rows;
        for (auto const& each : all) {
            auto const free = std::find_if(rows.begin(), rows.end(), [&](std::vector<message> const& row) {
                return std::none_of(row.begin(), row.end(), [&](message const& other) { return share(each, other); });
            });
            if (free == rows.end())
                rows.push_back({each});
            else
                free->push_back(each);
        }
        leave_gap();
        for (std::size_t k = 0; k < rows.size(); ++k) draw_row(k == 0 ? head : "", rows[k]);
    }

    void draw_row(std::string const& head, std::vector<message> const& messages) {
        auto row = blank();
        auto faulty = false;
        for (auto const& each : messages) {
            if (each.from < 0 || each.to < 0 || each.from >= count_ || each.to >= count_) continue;
            draw_arrow(row, each);
            faulty = faulty || marked(each);
        }
        finish_line(head, row, faulty);
    }

    void draw_arrow(line& row, message const& m) const {
        auto const a = column(m.from), b = column(m.to), way = b > a ? 1 : -1;
        for (auto k = a + way; k != b; k += way) {
            auto& here = row[std::size_t(k)];
            here = here == "│" ? "┼" : time_is_lost(m) ? "╌" : "─";
        }
        row[std::size_t(b - way)] = way > 0 ? "▶" : "◀";
        row[std::size_t(a)] = m.send < 0 ? "?" : marked(m.from, m.send) ? "✖" : "●";
        row[std::size_t(b)] = m.recv < 0 ? "?" : marked(m.to, m.recv) ? "✖" : received(m);
        auto const words = carried(m);
        auto const room = pitch_ - 2, wide = shown_width(words); // beside the sender, before the head
        if (wide > room) return;
        auto const first = way > 0 ? a + 1 : a - pitch_ + 2;
        write(row, first + (room - wide) / 2, words);
    }
    bool time_is_lost(message const& m) const { // it never arrives
        return !m.matched() || time_.done[std::size_t(m.from)][std::size_t(m.send)] == never;
    }
    std::string received(message const& m) const {
        return step_at(m.to, m.recv).kind == step_kind::recv_reduce ? "⊕" : "○";
    }

    // Copies and folds between two rounds, one line for the first of every rank, one for the second...

    void local_steps(int t) {
        std::vector<std::vector<std::int32_t>> levels(ranks_.size());
        std::size_t most = 0;
        for (std::size_t r = 0; r < ranks_.size(); ++r) {
            for (std::size_t i = 0; i < ranks_[r].steps.size(); ++i)
                if (!ranks_[r].steps[i].is_message() && time_.done[r][i] == t) levels[r].push_back(std::int32_t(i));
            most = std::max(most, levels[r].size());
        }
        if (!chart_) return count_local(levels);
        constexpr std::size_t longest = 4;
        if (most > 0) leave_gap();
        for (std::size_t k = 0; k < std::min(most, longest); ++k)
            local_line(levels, k, k + 1 == longest && most > longest);
    }
    void local_line(std::vector<std::vector<std::int32_t>> const& levels, std::size_t k, bool last) {
        auto row = blank();
        auto faulty = false;
        for (int r = 0; r < count_; ++r) {
            auto const& mine = levels[std::size_t(r)];
            if (k >= mine.size()) continue;
            auto const& s = step_at(r, mine[k]);
            for (auto i = k; i < (last ? mine.size() : k + 1); ++i) faulty = faulty || marked(r, mine[i]);
            row[std::size_t(column(r))] = faulty && marked(r, mine[k]) ? "✖" : symbol(s.kind);
            auto words = brief(ranks_[std::size_t(r)], s.target);
            if (last && mine.size() > k + 1) words = "+" + std::to_string(mine.size() - k);
            if (shown_width(words) + 1 < pitch_) write(row, column(r) + 2, words);
        }
        finish_line("", row, faulty);
    }
    static std::string symbol(step_kind kind) {
        return kind == step_kind::copy ? "□" : kind == step_kind::reduce ? "◆" : "÷";
    }

    // List, where a chart would be too wide.

    void list(std::string const& head, std::vector<message> const& all) {
        auto text = head + ":";
        auto width = shown_width(text);
        for (auto const& each : all) {
            auto const words = (marked(each) ? "  ✖" : "  ") + std::to_string(each.from) + "→" +
                               std::to_string(each.to) + " " + carried(each);
            if (width + shown_width(words) > widest) text += "\n        ", width = 8;
            text += words;
            width += shown_width(words);
        }
        text_ += text + "\n";
    }
    void count_local(std::vector<std::vector<std::int32_t>> const& levels) {
        std::size_t steps = 0, ranks = 0;
        for (auto const& each : levels) steps += each.size(), ranks += each.empty() ? 0 : 1;
        if (steps > 0) text_ += "  " + std::to_string(steps) + " local steps on " + std::to_string(ranks) + " ranks\n";
    }

    void symbols_used() {
        constexpr std::array<std::string_view, 6> meanings{"● sends",  "○ receives", "⊕ receives and folds in",
                                                           "□ copies", "◆ folds",    "÷ finishes (divides)"};
        std::array<bool, 6> used{};
        for (auto const& each : ranks_)
            for (auto const& s : each.steps) used[static_cast<std::size_t>(s.kind)] = true;
        std::string text;
        for (std::size_t k = 0; k < used.size(); ++k)
            if (used[k]) text += (text.empty() ? "\n" : "  ") + std::string(meanings[k]);
        text_ += text + "\n";
    }
    void legend() {
        if (chart_) symbols_used();
        if (options_.mark.caption.empty()) return;
        text_ += "\n";
        for (auto const& each : wrapped(options_.mark.caption, widest - 2)) text_ += "✖ " + each + "\n";
    }

    std::span<schedule const> ranks_;
    drawing_options const& options_;
    timeline time_;
    int count_;
    int pitch_;
    bool chart_;
    bool drawn_ = false; // something stands in the chart
    std::string text_;
};

} // namespace detail

/// `ranks[r]` is rank r's schedule; a usage_error otherwise.
inline std::string space_time_text(std::span<schedule const> ranks, drawing_options const& options = {}) {
    check_ranks(ranks);
    return detail::space_time_text(ranks, options).draw();
}

} // namespace chorus::print
