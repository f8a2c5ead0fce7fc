#pragma once
/// The symbols of a space-time drawing: what happens at a point of a rank's life line.

#include <chorus/schedule/print/svg.hpp>
#include <chorus/schedule/step.hpp>

#include <string>

namespace chorus::print::detail {

inline constexpr auto ink = "#333333";
inline constexpr auto red = "#d00000"; ///< for what is wrong, and nothing else

/// Draws into a document that it refers to.
class symbols {
public:
    symbols(svg_text& out, bool small) : out_(out), small_(small) {}

    double radius() const { return small_ ? 3 : 6; }

    /// A message arrives: a circle, with a plus in it if it is folded in.
    void received(point at, bool folds, std::string const& colour) {
        auto const stroke = "stroke=\"" + colour + "\" stroke-width=\"" + (small_ ? "1.2" : "1.8") + "\"";
        out_.circle(at, radius(), "fill=\"" + std::string(folds ? "#ffe9a8" : "#ffffff") + "\" " + stroke);
        if (!folds) return;
        auto const arm = radius() * 0.6;
        out_.line({at.x - arm, at.y}, {at.x + arm, at.y}, stroke);
        out_.line({at.x, at.y - arm}, {at.x, at.y + arm}, stroke);
    }

    /// The other end of a message that nobody sends or receives.
    void unknown(point at) {
        out_.text({at.x, at.y + 6}, "?", 17,
                  "text-anchor=\"middle\" font-weight=\"bold\" fill=\"" + std::string(red) + "\"");
    }

    /// A copy (square), a fold (diamond) or the operator's last step (filled square).
    void local(point at, step_kind kind, std::string const& colour) {
        auto const r = small_ ? 3.0 : 5.0;
        auto const stroke = "stroke=\"" + colour + "\" stroke-width=\"1.6\"";
        if (kind == step_kind::reduce) {
            auto const d = r + 1;
            out_.polygon({{at.x, at.y - d}, {at.x + d, at.y}, {at.x, at.y + d}, {at.x - d, at.y}},
                         "fill=\"#ffe9a8\" " + stroke);
            return;
        }
        auto const half = 0.85 * r;
        auto const fill = kind == step_kind::finish ? colour : "#ffffff";
        out_.rectangle({at.x - half, at.y - half, at.x + half, at.y + half}, "fill=\"" + fill + "\" " + stroke);
    }

private:
    svg_text& out_;
    bool small_;
};

} // namespace chorus::print::detail
