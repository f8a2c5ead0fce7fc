#pragma once
/// Traffic by text, without a job: what stresses a fabric and its planner.
///
///   permutation:seed=1      every endpoint sends to one other and receives from one other, by lot
///   shift:by=8              endpoint e to e + by, around
///   random:seed=1           every endpoint to one other by lot: receivers collide
///   incast:to=0             everybody to one
///   pairs:path=FILE         lines "SOURCE DESTINATION [BYTES]"
///
/// Of all: bytes=1MB... as a plain number (1048576), flows= of each pair (1).

#include <chorus/network/file.hpp>
#include <chorus/network/flow.hpp>
#include <chorus/network/spec.hpp>
#include <chorus/network/topology.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

/// A random cyclic permutation's flows: nobody sends to itself (Sattolo's shuffle). Endpoints below 2 make no flow.
inline std::vector<flow> permutation_flows(std::uint32_t endpoints, std::uint64_t seed, std::uint64_t bytes = 1) {
    std::vector<flow> flows(endpoints < 2 ? 0 : endpoints);
    for (std::uint32_t e = 0; e < flows.size(); ++e) flows[e] = {e, e, bytes, 0};
    std::mt19937_64 random(seed);
    for (std::size_t i = flows.size(); i > 1; --i)
        std::swap(flows[i - 1].destination, flows[random() % (i - 1)].destination);
    return flows;
}

inline std::vector<flow> shift_flows(std::uint32_t endpoints, std::uint32_t by, std::uint64_t bytes = 1) {
    std::vector<flow> flows;
    for (std::uint32_t e = 0; e < endpoints; ++e)
        if (by % endpoints != 0)
            flows.push_back({e, static_cast<endpoint_id>((std::uint64_t(e) + by) % endpoints), bytes, 0});
    return flows;
}

inline std::vector<flow> random_flows(std::uint32_t endpoints, std::uint64_t seed, std::uint64_t bytes = 1) {
    std::vector<flow> flows;
    std::mt19937_64 random(seed);
    for (std::uint32_t e = 0; e < endpoints && endpoints > 1; ++e) {
        auto const other = static_cast<endpoint_id>(random() % (endpoints - 1));
        flows.push_back({e, other + (other >= e ? 1 : 0), bytes, 0});
    }
    return flows;
}

inline std::vector<flow> incast_flows(std::uint32_t endpoints, endpoint_id to, std::uint64_t bytes = 1) {
    std::vector<flow> flows;
    for (std::uint32_t e = 0; e < endpoints; ++e)
        if (e != to) flows.push_back({e, to, bytes, 0});
    return flows;
}

/// Lines "SOURCE DESTINATION [BYTES]" of endpoint numbers; # begins a comment. Throws usage_error with file and line.
inline std::vector<flow> flows_from_file(std::uint32_t endpoints, std::string const& path, std::uint64_t bytes = 1) {
    std::istringstream file(read_text(path));
    std::vector<flow> flows;
    std::string text;
    for (int line = 1; std::getline(file, text); ++line) {
        text.resize(std::min(text.find('#'), text.size()));
        if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
        std::istringstream words(text);
        std::int64_t source = -1, destination = -1;
        flow one{0, 0, bytes, 0};
        words >> source >> destination;
        auto const numbers = !words.fail();
        if (words >> std::ws; numbers && !words.eof()) {
            if (words.peek() == '-') words.setstate(std::ios::failbit); // unsigned numbers are read modulo 2^64
            words >> one.bytes >> std::ws;
        }
        if (!numbers || (words.fail() && !words.eof()) || !words.eof())
            detail::misuse({path, ":", line, ": should be SOURCE DESTINATION [BYTES], numbers"});
        if (one.bytes < 1 || one.bytes > std::uint64_t{1} << 62) detail::misuse({path, ":", line, ": bytes are 1 to 2^62"});
        if (source < 0 || source >= endpoints || destination < 0 || destination >= endpoints)
            detail::misuse({path, ":", line, ": endpoints are 0 to ", endpoints - 1});
        one.source = static_cast<endpoint_id>(source);
        one.destination = static_cast<endpoint_id>(destination);
        flows.push_back(one);
    }
    return flows;
}

/// The flows that the text describes. Throws usage_error that says what is wrong and what is allowed.
inline std::vector<flow> parse_demand(std::string_view text, topology const& on) {
    spec from(text);
    auto const n = on.endpoints();
    auto const most = 0xFFFF'FFFFU;
    auto const bytes = std::uint64_t(from.number("bytes", 1, most, 1U << 20));
    auto const repeat = from.number("flows", 1, 64, 1);
    std::vector<flow> flows;
    auto const ready = [&] { from.done(); };
    if (from.name() == "permutation") {
        auto const seed = from.number("seed", 0, most, 1);
        ready(), flows = permutation_flows(n, seed, bytes);
    } else if (from.name() == "shift") {
        auto const by = from.number("by", 1, most);
        ready(), flows = shift_flows(n, by, bytes);
    } else if (from.name() == "random") {
        auto const seed = from.number("seed", 0, most, 1);
        ready(), flows = random_flows(n, seed, bytes);
    } else if (from.name() == "incast") {
        auto const to = from.number("to", 0, n - 1, 0);
        ready(), flows = incast_flows(n, to, bytes);
    } else if (from.name() == "pairs") {
        auto const path = from.word("path", "");
        ready(), flows = flows_from_file(n, path, bytes);
    } else {
        detail::misuse({"there is no traffic '", from.name(),
                        "'; allowed are permutation:seed=1, shift:by=8, random:seed=1, incast:to=0, pairs:path=FILE"});
    }
    auto const once = flows.size();
    for (std::uint32_t i = 1; i < repeat; ++i)
        for (std::size_t f = 0; f < once; ++f) {
            flows.push_back(flows[f]);
            flows.back().tag = i;
        }
    return flows;
}

} // namespace chorus
