#pragma once
/// Which colour belongs to which piece of the data: all drawings and their legends agree.
///
/// A vector (all_reduce, broadcast...) is cut at every point at which some message begins or ends, and each piece has a
/// colour. A collective with one block per rank has a colour per block, all_to_all one per source rank.
/// Up to eight pieces have colours that colour-blind readers can tell apart; more run from dark violet to gold.
/// No colour is red: red is kept for what is wrong.

#include <chorus/core/collective.hpp>
#include <chorus/schedule/print/wording.hpp>
#include <chorus/schedule/schedule.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chorus::print {

class colouring {
public:
    explicit colouring(std::span<schedule const> ranks) : what_(ranks[0].what), ranks_(ranks[0].ranks) {
        if (what_ == collective::barrier || has_blocks(what_)) return;
        for (auto const& each : ranks)
            for (auto const& s : each.steps)
                if (s.is_message()) add_cuts(each, s.sends() ? s.source : s.target);
        std::sort(cuts_.begin(), cuts_.end());
        cuts_.erase(std::unique(cuts_.begin(), cuts_.end()), cuts_.end());
    }

    /// How many colours there are.
    int size() const {
        if (what_ == collective::barrier) return 1;
        if (has_blocks(what_)) return ranks_;
        return std::max(1, static_cast<int>(cuts_.size()) - 1);
    }

    /// The pieces that a message carries, in its order, by number of their colour.
    std::vector<int> of(schedule const& by, slice_list const& data) const {
        std::vector<int> pieces;
        auto const add = [&](int piece) {
            if (std::find(pieces.begin(), pieces.end(), piece) == pieces.end()) pieces.push_back(piece);
        };
        for (auto const& each : in_collective(by, data)) {
            if (what_ == collective::all_to_all)
                add(each.begin.block / ranks_);
            else if (has_blocks(what_))
                add(each.begin.block);
            else if (what_ == collective::barrier)
                add(0);
            else
                for (auto k = cell(each.begin); k < cell(each.end); ++k) add(k);
        }
        return pieces;
    }

    std::string label(int piece) const {
        auto const number = std::to_string(piece);
        if (what_ == collective::barrier) return "token";
        if (what_ == collective::all_to_all) return "from " + number;
        if (has_blocks(what_)) return "block " + number;
        if (size() == 1) return "all data";
        auto const k = static_cast<std::size_t>(piece);
        return "part " + detail::fraction(cuts_[k], cuts_[k + 1]);
    }

    /// "#rrggbb"
    std::string operator[](int piece) const {
        constexpr std::array<std::string_view, 8> distinct{"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                                           "#56b4e9", "#332288", "#8a7a00", "#882255"};
        if (size() <= 8) return std::string(distinct[static_cast<std::size_t>(piece)]);
        return blend(static_cast<double>(piece) / (size() - 1));
    }

private:
    void add_cuts(schedule const& of, slice_list const& data) {
        for (auto const& each : in_collective(of, data)) {
            cuts_.push_back(each.begin);
            cuts_.push_back(each.end);
        }
    }
    int cell(position const& at) const {
        return static_cast<int>(std::lower_bound(cuts_.begin(), cuts_.end(), at) - cuts_.begin());
    }

    /// From violet over blue and green to gold.
    static std::string blend(double at) {
        constexpr std::array<std::array<int, 3>, 5> stops{
            {{0x44, 0x01, 0x54}, {0x3b, 0x52, 0x8b}, {0x21, 0x91, 0x8c}, {0x4d, 0xb3, 0x5a}, {0xc4, 0xa0, 0x00}}};
        auto const k = std::min<std::size_t>(3, static_cast<std::size_t>(at * 4));
        auto const share = at * 4 - static_cast<double>(k);
        std::string text = "#";
        for (std::size_t c = 0; c < 3; ++c) {
            auto const value = std::lround(stops[k][c] + share * (stops[k + 1][c] - stops[k][c]));
            for (auto const digit : {value / 16, value % 16}) text += "0123456789abcdef"[digit];
        }
        return text;
    }

    collective what_;
    int ranks_;
    std::vector<position> cuts_;
};

} // namespace chorus::print
