#pragma once
/// The space-time diagram of a collective as SVG: ranks are lines, time runs to the right, messages are arrows in the
/// colours of what they carry.
///
/// A message that carries several pieces is a bundle of strands, one per piece. Time is counted in rounds: every
/// message goes as early as its dependencies and the ports of its ranks allow (messages.hpp); copies and folds take no
/// time. What can never happen (steps without a partner, cycles of waits) is drawn dashed in a last column. With a
/// highlight, the marked step and its message are red, the others pale, and the caption stands below.

#include <chorus/schedule/print/colours.hpp>
#include <chorus/schedule/print/layout.hpp>
#include <chorus/schedule/print/svg.hpp>
#include <chorus/schedule/print/symbols.hpp>
#include <chorus/schedule/print/wording.hpp>
#include <chorus/schedule/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace chorus::print {

namespace detail {

class space_time_svg {
public:
    space_time_svg(std::span<schedule const> ranks, drawing_options const& options)
        : ranks_(ranks),
          options_(options),
          place_(ranks, options),
          colours_(ranks),
          labels_(place_.arrows()),
          symbols_(out_, place_.small()) {
        title_ = options.title.empty() ? heading(ranks, "  ·  ") : options.title;
        subtitle_ = options.subtitle.empty() ? cost_words(ranks, "  ·  ", options.limit) : options.subtitle;
        width_ = std::max(
            {place_.right() + 24, 48 + svg_text::width(title_, 20), 48 + svg_text::width(subtitle_, 13), 640.0});
        height_ = place_.bottom() + 24;
    }

    std::string draw() && {
        head();
        for (int t = 0; t < place_.rounds() + (place_.has_stuck() ? 1 : 0); ++t) round_column(t);
        for (int r = 0; r < static_cast<int>(ranks_.size()); ++r) life_line(r);
        for (auto const& each : place_.spots()) labels_.keep_free(label_places::around(each.at, 16, 16));
        for (auto const& each : place_.arrows())
            if (!each.marked) draw_arrow(each);
        for (auto const& each : place_.arrows())
            if (each.marked) draw_arrow(each);
        for (auto const& each : place_.spots()) draw_spot(each);
        if (!place_.small()) draw_labels();
        legend();
        caption();
        return std::move(out_).document(width_, height_, title_);
    }

private:
    step const& step_at(std::int32_t rank, std::int32_t i) const {
        return ranks_[std::size_t(rank)].steps[std::size_t(i)];
    }
    /// The step that says what the message carries.
    std::pair<schedule const&, step const&> carrier(message const& m) const {
        auto const rank = m.send >= 0 ? m.from : m.to;
        return {ranks_[std::size_t(rank)], step_at(rank, m.send >= 0 ? m.send : m.recv)};
    }
    static slice_list const& carried(step const& s) { return s.sends() ? s.source : s.target; }

    void head() {
        out_.text({24, 36}, title_, 20, "font-weight=\"bold\"");
        out_.text({24, 60}, subtitle_, 13, "fill=\"#555555\"");
    }

    void round_column(int t) {
        auto const never_column = t == place_.rounds();
        auto const from = place_.leave(t) - 9, to = place_.arrive(t) + 9;
        auto const fill = never_column ? "fill=\"#fdeeee\"" : "fill=\"#f3f5f8\"";
        out_.rectangle({from, layout::top - 24, to, place_.bottom()}, std::string(fill) + " rx=\"6\"");
        out_.text({(from + to) / 2, layout::top - 8}, never_column ? "never" : "round " + std::to_string(t + 1), 12,
                  "text-anchor=\"middle\" fill=\"#555555\"");
    }

    void life_line(int r) {
        auto const y = place_.y(r);
        out_.line({layout::left - 8, y}, {place_.right(), y}, "stroke=\"#9aa3ad\" stroke-width=\"1.2\"");
        if (place_.row() >= 16 || r % 4 == 0)
            out_.text({layout::left - 16, y + 4}, "rank " + std::to_string(r), place_.small() ? 11 : 13,
                      "text-anchor=\"end\"");
    }

    // Arrows: strands, head, and what happens at both ends.

    std::string tooltip(message const& m) const {
        auto const& [of, s] = carrier(m);
        auto text = describe(of, carried(s)) + " from rank " + std::to_string(m.from) + " to " + std::to_string(m.to);
        if (m.send >= 0) text += ", step " + std::to_string(m.send) + " there";
        if (m.recv >= 0) text += ", step " + std::to_string(m.recv) + " here";
        return text;
    }

    void draw_arrow(arrow const& a) {
        auto const& m = place_.time().messages[a.message];
        auto const pale = place_.any_marked() && !a.marked;
        out_.open(pale ? "opacity=\"0.3\"" : "", tooltip(m));
        auto const length = std::hypot(a.head.x - a.tail.x, a.head.y - a.tail.y);
        point const along{(a.head.x - a.tail.x) / length, (a.head.y - a.tail.y) / length};
        auto const radius = symbols_.radius() + (place_.small() ? 0.5 : 1.5);
        point const tip{a.head.x - radius * along.x, a.head.y - radius * along.y};
        auto const size = place_.small() ? 6.0 : 10.0;
        point const neck{tip.x - size * along.x, tip.y - size * along.y};
        auto const strands = draw_strands(a, neck, along);
        auto const half = std::max(size * 0.45, strands * 0.5 + 1.5);
        out_.polygon({tip,
                      {neck.x - half * along.y, neck.y + half * along.x},
                      {neck.x + half * along.y, neck.y - half * along.x}},
                     "fill=\"" + head_colour(a) + "\"");
        draw_ends(a, m);
        out_.close();
    }

    std::vector<int> pieces(arrow const& a) const {
        auto const& [of, s] = carrier(place_.time().messages[a.message]);
        return colours_.of(of, carried(s));
    }
    std::string head_colour(arrow const& a) const {
        auto const each = pieces(a);
        return a.marked ? red : each.size() == 1 ? colours_[each[0]] : ink;
    }

    /// Returns how wide the bundle is.
    double draw_strands(arrow const& a, point const& neck, point const& along) {
        auto const all = pieces(a);
        auto const most = static_cast<std::size_t>(place_.small() ? 3 : 8);
        auto const count = std::clamp<std::size_t>(all.size(), 1, most);
        auto const bundle = ranks_.size() <= 8 ? 12.0 : 8.0; // at most so wide
        auto const thick =
            std::min(2.4, bundle / static_cast<double>(count)) * (place_.small() ? 0.6 : 1) * (a.marked ? 1.4 : 1);
        for (std::size_t k = 0; k < count; ++k) {
            auto const offset = (static_cast<double>(k) - static_cast<double>(count - 1) / 2) * thick;
            auto const colour = a.marked ? red : all.empty() ? ink : colours_[all[k * all.size() / count]];
            point const shift{-along.y * offset, along.x * offset};
            out_.line({a.tail.x + shift.x, a.tail.y + shift.y}, {neck.x + shift.x, neck.y + shift.y},
                      "stroke=\"" + std::string(colour) + "\" stroke-width=\"" + svg_text::number(thick + 0.2) + "\"" +
                          (a.stuck ? " stroke-dasharray=\"7 5\"" : ""));
        }
        return static_cast<double>(count) * thick;
    }

    void draw_ends(arrow const& a, message const& m) {
        auto const colour = std::string(a.marked ? red : ink);
        if (m.send >= 0)
            out_.circle(a.tail, place_.small() ? 2 : 3.5, "fill=\"" + colour + "\"");
        else
            symbols_.unknown(a.tail);
        if (m.recv >= 0)
            symbols_.received(a.head, step_at(m.to, m.recv).kind == step_kind::recv_reduce, colour);
        else
            symbols_.unknown(a.head);
    }
    void draw_spot(spot const& s) {
        auto const marked = place_.marked(s.rank, s.step);
        auto const& what = step_at(s.rank, s.step);
        auto const pale = place_.any_marked() && !marked;
        auto tip = "rank " + std::to_string(s.rank) + ", step " + std::to_string(s.step) + ": " +
                   describe(ranks_[std::size_t(s.rank)], what);
        if (s.more > 0) tip += ", and " + std::to_string(s.more) + " more";
        out_.open(pale ? "opacity=\"0.3\"" : "", tip);
        symbols_.local(s.at, what.kind, marked ? red : ink);
        if (s.more > 0 && !place_.small()) out_.text({s.at.x + 8, s.at.y - 6}, "×" + std::to_string(s.more + 1), 10);
        out_.close();
    }
    void draw_labels() {
        for (auto const& each : place_.arrows()) {
            auto const& [of, s] = carrier(place_.time().messages[each.message]);
            auto const words = brief(of, carried(s));
            auto const wide = svg_text::width(words, 11) + 8;
            auto const at = labels_.find(each, wide, 16);
            if (!at) continue;
            out_.open(place_.any_marked() && !each.marked ? "opacity=\"0.45\"" : "");
            out_.rectangle(label_places::around(*at, wide, 16),
                           "rx=\"4\" fill=\"#ffffff\" stroke-width=\"1.2\" stroke=\"" + head_colour(each) + "\"");
            out_.text({at->x, at->y + 4}, words, 11, "text-anchor=\"middle\"");
            out_.close();
        }
    }

    // Below the diagram.

    /// Moves on to where an entry of the legend of that width has room.
    point next_entry(double wide) {
        if (pen_.x + wide > width_ - 16) pen_ = {24, pen_.y + 24};
        auto const at = pen_;
        pen_.x += wide + 22;
        height_ = std::max(height_, pen_.y + 24);
        return at;
    }
    template <class Symbol>
    void entry(std::string const& words, Symbol symbol) {
        auto const at = next_entry(22 + svg_text::width(words, 12));
        symbol(point{at.x + 7, at.y});
        out_.text({at.x + 20, at.y + 4}, words, 12);
    }
    bool has(step_kind kind) const {
        return std::any_of(ranks_.begin(), ranks_.end(), [&](schedule const& each) {
            return std::any_of(each.steps.begin(), each.steps.end(), [&](step const& s) { return s.kind == kind; });
        });
    }

    void legend() {
        pen_ = {24, place_.bottom() + 30};
        if (has(step_kind::send))
            entry("sends", [&](point at) { out_.circle(at, 3.5, std::string("fill=\"") + ink + "\""); });
        if (has(step_kind::recv)) entry("receives", [&](point at) { symbols_.received(at, false, ink); });
        if (has(step_kind::recv_reduce))
            entry("receives and folds in", [&](point at) { symbols_.received(at, true, ink); });
        for (auto const kind : {step_kind::copy, step_kind::reduce, step_kind::finish})
            if (has(kind))
                entry(kind == step_kind::copy     ? "copies"
                      : kind == step_kind::reduce ? "folds"
                                                  : "finishes (divides)",
                      [&](point at) { symbols_.local(at, kind, ink); });
        pen_ = {24, pen_.y + 24};
        if (colours_.size() <= 16)
            swatches();
        else
            ramp();
    }
    void swatches() {
        for (int k = 0; k < colours_.size(); ++k)
            entry(colours_.label(k), [&](point at) {
                out_.rectangle(label_places::around(at, 14, 10), "rx=\"2\" fill=\"" + colours_[k] + "\"");
            });
    }
    void ramp() {
        auto const first = colours_.label(0), last = colours_.label(colours_.size() - 1);
        auto at = next_entry(400);
        out_.text({at.x, at.y + 4}, first, 12);
        at.x += svg_text::width(first, 12) + 6;
        for (int k = 0; k < 48; ++k)
            out_.rectangle({at.x + 4 * k, at.y - 6, at.x + 4 * k + 4.4, at.y + 6},
                           "fill=\"" + colours_[k * (colours_.size() - 1) / 47] + "\"");
        out_.text({at.x + 200, at.y + 4}, last, 12);
    }

    void caption() {
        if (options_.mark.caption.empty()) return;
        auto const lines = wrapped(options_.mark.caption, static_cast<int>((width_ - 72) / 7.9));
        auto const top = height_ + 4;
        height_ = top + 20 + 19 * static_cast<double>(lines.size()) + 16;
        out_.rectangle({24, top, width_ - 24, height_ - 18}, "rx=\"6\" fill=\"#fdeeee\" stroke=\"#d00000\"");
        for (std::size_t k = 0; k < lines.size(); ++k)
            out_.text({36, top + 23 + 19 * static_cast<double>(k)}, lines[k], 13, "fill=\"#900000\"");
    }

    std::span<schedule const> ranks_;
    drawing_options const& options_;
    layout place_;
    colouring colours_;
    label_places labels_;
    std::string title_, subtitle_;
    double width_ = 0, height_ = 0;
    point pen_;
    svg_text out_;
    symbols symbols_;
};

} // namespace detail

/// `ranks[r]` is rank r's schedule; a usage_error otherwise.
inline std::string space_time_svg(std::span<schedule const> ranks, drawing_options const& options = {}) {
    check_ranks(ranks);
    return detail::space_time_svg(ranks, options).draw();
}

} // namespace chorus::print
