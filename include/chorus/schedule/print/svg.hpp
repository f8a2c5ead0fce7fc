#pragma once
/// The few shapes that drawings consist of, written as SVG text.

#include <chorus/schedule/print/wording.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus::print::detail {

struct point {
    double x = 0;
    double y = 0;
};

/// A rectangle by its corners.
struct box {
    double left = 0, top = 0, right = 0, bottom = 0;

    bool meets(box const& other) const {
        return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
    }
};

/// Text of an SVG document as it grows. Coordinates are pixels, rounded to tenths.
class svg_text {
public:
    static std::string number(double value) { return decimal(value, 1); }
    static std::string escaped(std::string_view text) {
        std::string result;
        for (auto const c : text) {
            if (c == '&')
                result += "&amp;";
            else if (c == '<')
                result += "&lt;";
            else if (c == '>')
                result += "&gt;";
            else if (c == '"')
                result += "&quot;";
            else if (static_cast<unsigned char>(c) < 0x20 && c != '\n')
                result += ' '; // XML has no control characters
            else
                result += c;
        }
        return result;
    }
    /// About how wide a text of that font size is, on the safe side.
    static double width(std::string_view text, double size) { return shown_width(text) * size * 0.6; }

    void open(std::string const& attributes, std::string_view tooltip = {}) {
        body_ += "<g" + (attributes.empty() ? "" : " " + attributes) + ">";
        if (!tooltip.empty()) body_ += "<title>" + escaped(tooltip) + "</title>";
        body_ += "\n";
    }
    void close() { body_ += "</g>\n"; }

    void rectangle(box const& b, std::string const& attributes) {
        body_ += "<rect x=\"" + number(b.left) + "\" y=\"" + number(b.top) + "\" width=\"" + number(b.right - b.left) +
                 "\" height=\"" + number(b.bottom - b.top) + "\" " + attributes + "/>\n";
    }
    void line(point a, point b, std::string const& attributes) {
        body_ += "<line x1=\"" + number(a.x) + "\" y1=\"" + number(a.y) + "\" x2=\"" + number(b.x) + "\" y2=\"" +
                 number(b.y) + "\" " + attributes + "/>\n";
    }
    void circle(point c, double radius, std::string const& attributes) {
        body_ += "<circle cx=\"" + number(c.x) + "\" cy=\"" + number(c.y) + "\" r=\"" + number(radius) + "\" " +
                 attributes + "/>\n";
    }
    void polygon(std::vector<point> const& corners, std::string const& attributes) {
        body_ += "<polygon points=\"";
        for (auto const& each : corners) body_ += number(each.x) + "," + number(each.y) + " ";
        body_.back() = '"';
        body_ += " " + attributes + "/>\n";
    }
    void text(point at, std::string_view words, double size, std::string const& attributes = {}) {
        body_ += "<text x=\"" + number(at.x) + "\" y=\"" + number(at.y) + "\" font-size=\"" + number(size) + "\"" +
                 (attributes.empty() ? "" : " " + attributes) + ">" + escaped(words) + "</text>\n";
    }

    /// The document: a white sheet of that size with everything drawn so far on it.
    std::string document(double width, double height, std::string_view title) && {
        auto const w = number(width), h = number(height);
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + w + "\" height=\"" + h + "\" viewBox=\"0 0 " + w +
               " " + h + "\" font-family=\"'DejaVu Sans', Verdana, Helvetica, Arial, sans-serif\" fill=\"#222222\">\n" +
               "<title>" + escaped(title) + "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n" +
               std::move(body_) + "</svg>\n";
    }

private:
    std::string body_;
};

/// Lines of at most `width` characters, broken at spaces.
inline std::vector<std::string> wrapped(std::string_view text, int width) {
    std::vector<std::string> lines;
    std::string line;
    while (!text.empty()) {
        auto const end = text.find_first_of(" \n");
        auto const word = text.substr(0, end);
        if (!line.empty() && shown_width(line) + 1 + shown_width(word) > width) {
            lines.push_back(std::move(line));
            line.clear();
        }
        line += (line.empty() ? "" : " ") + std::string(word);
        if (end == std::string_view::npos) break;
        if (text[end] == '\n') {
            lines.push_back(std::move(line));
            line.clear();
        }
        text.remove_prefix(end + 1);
    }
    if (!line.empty()) lines.push_back(std::move(line));
    return lines;
}

} // namespace chorus::print::detail
