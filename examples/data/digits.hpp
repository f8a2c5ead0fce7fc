#pragma once
/// The part of 10_training.cpp that knows nothing of ranks: the data set, and a network of 64 pixels, 32 hidden neurons
/// and 10 outputs that is trained by gradient descent.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace digits {

inline constexpr std::size_t inputs = 65, hidden = 33, classes = 10; // the last input and hidden value are constant 1
inline constexpr std::size_t weights = inputs * (hidden - 1) + hidden * classes;

struct image {
    std::array<double, inputs> pixels{};
    std::size_t label = 0;
};

/// A line per image: 64 letters 0..g, one for each pixel, and the digit. Empty if there is no such file.
inline std::vector<image> read(char const* path) {
    std::vector<image> all;
    std::ifstream file(path);
    std::string letters;
    for (image next; file >> letters >> next.label; all.push_back(next)) {
        for (std::size_t i = 0; i + 1 < inputs; ++i)
            next.pixels[i] = (letters[i] <= '9' ? letters[i] - '0' : letters[i] - 'a' + 10) / 16.0;
        next.pixels.back() = 1;
    }
    return all;
}

/// The same random weights everywhere.
inline std::vector<double> untrained() {
    std::mt19937 random(1998);
    std::vector<double> w(weights);
    for (auto& each : w) each = (static_cast<double>(random()) / 4294967296.0 - 0.5) / 4;
    return w;
}

/// What a set of images says: the gradient of their summed loss, then that loss, then how many were read right.
using findings = std::vector<double>;
inline findings nothing_found() { return findings(weights + 2); }
inline double loss(findings const& g) { return g[weights]; }
inline int right(findings const& g) { return static_cast<int>(g[weights + 1]); }

/// Adds one image to the findings of the network with weights w: forward, then backward.
inline void look_at(image const& d, std::vector<double> const& w, findings& g) {
    auto const first = [](std::size_t to, std::size_t from) { return to * inputs + from; };
    auto const second = [](std::size_t to, std::size_t from) { return (hidden - 1) * inputs + to * hidden + from; };

    std::array<double, hidden> h{}, blame{};
    std::array<double, classes> y{};
    for (std::size_t o = 0; o + 1 < hidden; ++o) {
        for (std::size_t i = 0; i < inputs; ++i) h[o] += w[first(o, i)] * d.pixels[i];
        h[o] = std::tanh(h[o]);
    }
    h.back() = 1;
    double total = 0;
    for (std::size_t o = 0; o < classes; ++o) {
        for (std::size_t i = 0; i < hidden; ++i) y[o] += w[second(o, i)] * h[i];
        total += y[o] = std::exp(y[o]);
    }
    g[weights] -= std::log(y[d.label] / total);
    g[weights + 1] += std::max_element(y.begin(), y.end()) - y.begin() == static_cast<std::ptrdiff_t>(d.label) ? 1 : 0;

    for (std::size_t o = 0; o < classes; ++o) {
        auto const error = y[o] / total - (o == d.label ? 1 : 0);
        for (std::size_t i = 0; i < hidden; ++i) {
            blame[i] += error * w[second(o, i)];
            g[second(o, i)] += error * h[i];
        }
    }
    for (std::size_t o = 0; o + 1 < hidden; ++o)
        for (std::size_t i = 0; i < inputs; ++i) g[first(o, i)] += blame[o] * (1 - h[o] * h[o]) * d.pixels[i];
}

} // namespace digits
