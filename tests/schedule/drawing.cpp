/// Rounds, and the space-time diagrams as SVG and as text.

#include "schedule/samples.hpp"

#include <catch2/catch.hpp>
#include <chorus/schedule/print.hpp>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

using namespace chorus;
using samples::all_ranks;
using schedules = std::vector<schedule>;

namespace {

schedules ring(int p) { return all_ranks(collective::all_reduce, samples::ring_all_reduce, "ring", p); }
schedules doubling(int p, bool in_place = true) {
    return all_ranks(collective::all_reduce, samples::recursive_doubling, "doubling", p, 1, in_place);
}
schedules binomial(int p, int root = 0) {
    return all_ranks(collective::broadcast, samples::binomial_broadcast, "binomial", p, 1, false, root);
}
schedules stuck(int p) { return all_ranks(collective::all_gather, samples::deadlock_all_gather, "stuck", p); }
/// Rank 0's last message has no receiver, and rank 1 waits for one that nobody sends.
schedules unmatched() {
    auto ranks = ring(3);
    for (auto& s : ranks[1].steps)
        if (s.receives()) s.peer = 2;
    return ranks;
}

std::vector<schedules> gallery(int p) {
    auto const in_doubt = (p & (p - 1)) == 0; // recursive doubling wants powers of two
    return {ring(p),
            binomial(p, p - 1),
            in_doubt ? doubling(p) : ring(p),
            all_ranks(collective::all_gather, samples::bruck_all_gather, "bruck", p),
            all_ranks(collective::all_reduce, samples::two_trees, "trees", p, 2, false, 0, true),
            all_ranks(collective::all_to_all, samples::direct_all_to_all, "direct", p, 1, true),
            all_ranks(collective::broadcast, samples::chain_broadcast, "chain", p, 3),
            all_ranks(collective::barrier, samples::dissemination, "dissemination", p)};
}

int count(std::string const& text, std::string const& part) {
    int found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

/// Attributes are name="value" with one space before each.
bool good_attributes(std::string_view text) {
    while (!text.empty()) {
        auto const equals = text.find("=\"");
        if (text[0] != ' ' || equals == std::string_view::npos || equals < 2) return false;
        for (auto const c : text.substr(1, equals - 1))
            if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-') return false;
        auto const end = text.find('"', equals + 2);
        if (end == std::string_view::npos) return false;
        text.remove_prefix(end + 1);
    }
    return true;
}
bool good_entity(std::string_view rest) {
    for (auto const* const each : {"&amp;", "&lt;", "&gt;", "&quot;"})
        if (rest.starts_with(each)) return true;
    return false;
}
/// Tags are balanced, attributes quoted, no stray ampersand: what a drawing can get wrong.
bool well_formed(std::string_view text) {
    std::vector<std::string_view> open;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '&' && !good_entity(text.substr(at))) return false;
        if (text[at] != '<') continue;
        auto const end = text.find('>', at);
        if (end == std::string_view::npos) return false;
        auto inside = text.substr(at + 1, end - at - 1);
        at = end;
        if (inside.starts_with('/')) {
            if (open.empty() || open.back() != inside.substr(1)) return false;
            open.pop_back();
            continue;
        }
        auto const empty = inside.ends_with('/');
        if (empty) inside.remove_suffix(1);
        auto const name = inside.substr(0, inside.find(' '));
        if (name.empty() || !good_attributes(inside.substr(name.size()))) return false;
        if (!empty) open.push_back(name);
    }
    return open.empty();
}

double attribute(std::string_view tag, std::string const& name) {
    auto const start = tag.find(" " + name + "=\"") + name.size() + 3;
    return std::stod(std::string(tag.substr(start, tag.find('"', start) - start)));
}
/// The labels on the arrows: the only boxes with rounded corners of 4.
std::vector<print::detail::box> labels_in(std::string_view svg) {
    std::vector<print::detail::box> found;
    for (auto at = svg.find("<rect "); at != std::string_view::npos; at = svg.find("<rect ", at + 1)) {
        auto const tag = svg.substr(at, svg.find('>', at) - at);
        if (tag.find("rx=\"4\"") == std::string_view::npos) continue;
        auto const x = attribute(tag, "x"), y = attribute(tag, "y");
        found.push_back({x, y, x + attribute(tag, "width"), y + attribute(tag, "height")});
    }
    return found;
}
bool any_meet(std::vector<print::detail::box> const& boxes) {
    for (std::size_t a = 0; a < boxes.size(); ++a)
        for (std::size_t b = 0; b < a; ++b)
            if (boxes[a].meets(boxes[b])) return true;
    return false;
}

int widest_line(std::string_view text) {
    int widest = 0;
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        widest = std::max(widest, print::shown_width(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return widest;
}

} // namespace

TEST_CASE("rounds are those of the textbook", "[schedule][print][rounds]") {
    using print::ports, print::rounds_of;
    for (int p = 1; p <= 9; ++p) {
        INFO("p " << p);
        CHECK(rounds_of(ring(p)).rounds == 2 * (p - 1));
        CHECK(rounds_of(binomial(p)).rounds == detail::rounds_of_doubling(p));
        CHECK(rounds_of(all_ranks(collective::barrier, samples::dissemination, "", p)).rounds ==
              detail::rounds_of_doubling(p));
        auto const direct = all_ranks(collective::all_to_all, samples::direct_all_to_all, "", p);
        CHECK(rounds_of(direct).rounds == p - 1);
        CHECK(rounds_of(direct, ports::any).rounds == (p > 1 ? 1 : 0));
        auto const one_shot = all_ranks(collective::all_reduce, samples::one_shot, "", p);
        CHECK(rounds_of(one_shot).rounds == p - 1);
        CHECK(rounds_of(one_shot, ports::any).rounds == (p > 1 ? 1 : 0));
        auto const chain = all_ranks(collective::broadcast, samples::chain_broadcast, "", p, 5);
        CHECK(rounds_of(chain).rounds == (p > 1 ? p - 1 + 4 : 0));
    }
    for (int p = 1; p <= 16; p *= 2) { // in place, every fold waits for the send of the same round
        CHECK(rounds_of(doubling(p, true)).rounds == detail::rounds_of_doubling(p));
        CHECK(rounds_of(doubling(p, false)).rounds == detail::rounds_of_doubling(p));
    }
}

TEST_CASE("what can never happen is said to happen never", "[schedule][print][rounds]") {
    auto const cycle = print::rounds_of(stuck(4));
    CHECK(std::all_of(cycle.round.begin(), cycle.round.end(), [](int r) { return r == print::never; }));
    auto const lost = print::rounds_of(unmatched());
    CHECK(std::any_of(lost.messages.begin(), lost.messages.end(), [](print::message const& m) { return m.send < 0; }));
    CHECK(std::any_of(lost.messages.begin(), lost.messages.end(), [](print::message const& m) { return m.recv < 0; }));
    CHECK(!print::tally_of(unmatched()).finishes);
    CHECK(print::tally_of(ring(4)).finishes);
}

TEST_CASE("costs are counted", "[schedule][print][rounds]") {
    auto const most = print::tally_of(ring(4));
    CHECK(most.rounds == 6);
    CHECK(most.messages == 6);
    CHECK(most.sent == Approx(1.5));
    CHECK(most.folded == Approx(0.75));
}

TEST_CASE("drawings are well-formed, for any number of ranks", "[schedule][print][svg]") {
    for (int const p : {1, 2, 3, 5, 8, 9, 16, 17})
        for (auto const& ranks : gallery(p))
            for (auto const limit : {print::ports::one, print::ports::any}) {
                print::drawing_options options;
                options.limit = limit;
                auto const svg = print::space_time_svg(ranks, options);
                INFO(print::heading(ranks));
                CHECK(well_formed(svg));
                CHECK(!any_meet(labels_in(svg)));
                CHECK(svg.find("nan") == std::string::npos);
                CHECK(svg.find("#d00000") == std::string::npos);
            }
    CHECK(well_formed(print::space_time_svg(ring(64))));
    CHECK(well_formed(print::space_time_svg(stuck(5))));
    CHECK(well_formed(print::space_time_svg(unmatched())));
}

TEST_CASE("every message of a small ring has its label", "[schedule][print][svg]") {
    for (int p = 2; p <= 8; ++p)
        CHECK(labels_in(print::space_time_svg(ring(p))).size() == std::size_t(2 * (p - 1) * p));
}

TEST_CASE("the faulty step is red, with its message and a caption", "[schedule][print][svg]") {
    print::drawing_options options;
    options.mark = {2, 3, "block 3 is counted twice at rank 2 in step 3 <here>"};
    auto const svg = print::space_time_svg(ring(5), options);
    CHECK(well_formed(svg));
    CHECK(count(svg, "opacity=\"0.3\"") == 8 * 5 - 1);
    CHECK(count(svg, "<polygon points") == 8 * 5);
    CHECK(count(svg, "\" fill=\"#d00000\"/>") == 2); // its head and its tail
    CHECK(count(svg, "in step 3 &lt;here&gt;") == 1);
}

TEST_CASE("a faulty local step is red", "[schedule][print][svg]") {
    print::drawing_options options;
    auto const ranks = all_ranks(collective::all_gather, samples::bruck_all_gather, "bruck", 3);
    options.mark = {1, static_cast<int>(ranks[1].steps.size()) - 1, ""};
    REQUIRE(ranks[1].steps.back().kind == step_kind::copy);
    CHECK(count(print::space_time_svg(ranks, options), "stroke=\"#d00000\"") == 1);
}

TEST_CASE("titles can be given", "[schedule][print]") {
    print::drawing_options const options{"My ring", "2(p-1) rounds", {}, print::ports::one};
    CHECK(count(print::space_time_svg(ring(3), options), ">2(p-1) rounds<") == 1);
    CHECK(print::space_time_text(ring(3), options).substr(0, 21) == "My ring\n2(p-1) rounds");
}

TEST_CASE("a binomial tree of three as text", "[schedule][print][text]") {
    CHECK(print::space_time_text(binomial(3)) ==
          "broadcast, binomial, 3 ranks, root 0\n"
          "2 rounds, at most 2 messages and 2 vectors sent per rank, longest chain 1 message\n"
          "\n"
          "  rank    0             1             2\n"
          "round 1   ●────all──────┼────────────▶○\n"
          "          │             │             │\n"
          "round 2   ●────all─────▶○             │\n"
          "\n"
          "● sends  ○ receives\n");
}

TEST_CASE("text drawings fit a hundred columns", "[schedule][print][text]") {
    for (int const p : {1, 2, 3, 5, 8, 9, 16, 17, 64})
        for (auto const& ranks : gallery(p)) {
            INFO(print::heading(ranks));
            CHECK(widest_line(print::space_time_text(ranks)) <= 100);
        }
}

TEST_CASE("text drawings mark the faulty step and show what waits for ever", "[schedule][print][text]") {
    print::drawing_options options;
    options.mark = {2, 1, "rank 2 waits for ever"};
    auto const text = print::space_time_text(stuck(4), options);
    CHECK(count(text, "never") == 1);
    CHECK(count(text, "<==") == 1);
    CHECK(count(text, "✖ rank 2 waits for ever") == 1);
    CHECK(count(print::space_time_text(unmatched()), "?") > 0);
}
