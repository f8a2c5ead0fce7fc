#pragma once
/// Which rank sits at which NIC.

#include <chorus/network/file.hpp>
#include <chorus/network/spec.hpp>
#include <chorus/network/topology.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

/// Rank -> endpoint; all different.
using placement = std::vector<endpoint_id>;

/// Rank r at endpoint r: host after host.
inline placement place_linear(topology const& on) {
    placement all(on.endpoints());
    std::iota(all.begin(), all.end(), 0U);
    return all;
}

/// Rail after rail: first NIC 0 of every host, then NIC 1. Precondition: hosts are equal.
inline placement place_by_rail(topology const& on) {
    placement all;
    auto const nics = on.endpoints() / on.hosts();
    for (std::uint32_t nic = 0; nic < nics; ++nic)
        for (std::uint32_t host = 0; host < on.hosts(); ++host) all.push_back(host * nics + nic);
    return all;
}

/// Fisher and Yates with a generator that is the same everywhere.
inline placement place_random(topology const& on, std::uint32_t seed) {
    auto all = place_linear(on);
    std::mt19937_64 random(seed);
    for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random() % i]);
    return all;
}

/// One endpoint per line, by name or number; empty lines and what follows # do not count. Throws usage_error with file
/// and line.
inline placement place_from_file(topology const& on, std::string const& path) {
    std::istringstream file(read_text(path));
    placement all;
    std::vector<bool> taken(on.endpoints());
    std::string text;
    for (int line = 1; std::getline(file, text); ++line) {
        text.resize(std::min(text.find('#'), text.size()));
        auto const begin = text.find_first_not_of(" \t\r");
        if (begin == std::string::npos) continue;
        auto const word = std::string_view(text).substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
        endpoint_id e = 0;
        auto const [end, problem] = std::from_chars(word.data(), word.data() + word.size(), e);
        if (problem != std::errc() || end != word.data() + word.size()) {
            auto const found = on.layers().front().find(word);
            if (found < 0) detail::misuse({path, ":", line, ": '", word, "' is no endpoint of ", on.text()});
            e = static_cast<endpoint_id>(found);
        }
        if (e >= on.endpoints())
            detail::misuse({path, ":", line, ": endpoint ", e, " does not exist, there are ", on.endpoints()});
        if (taken[e]) detail::misuse({path, ":", line, ": endpoint ", e, " is taken already"});
        taken[e] = true;
        all.push_back(e);
    }
    return all;
}

/// "linear", "rail", "random:seed=1", "file:path=ranks.txt", relative to the folder of the file that says so, `said_in`
/// (empty: the present folder). Throws usage_error.
inline placement parse_placement(std::string_view text, topology const& on, std::string const& said_in = "") {
    spec from(text);
    auto const seed = from.name() == "random" ? from.number("seed", 0, 0xFFFF'FFFFU, 1) : 0;
    auto const path = from.name() == "file" ? from.word("path", "") : std::string{};
    from.done();
    if (from.name() == "linear") return place_linear(on);
    if (from.name() == "rail") return place_by_rail(on);
    if (from.name() == "random") return place_random(on, seed);
    if (from.name() == "file") return place_from_file(on, beside(said_in, path));
    detail::misuse(
        {"there is no placement '", from.name(), "'; allowed are linear, rail, random:seed=1, file:path=FILE"});
}

} // namespace chorus
