#pragma once
/// Topologies of csg-htsim (.topo): fat trees of two or three tiers, as the grammar of parse.hpp.
///
///   Nodes 1024                 endpoints, Podsize of them in each pod
///   Tiers 3
///   Podsize 64
///   Tier 0                     0: switches with endpoints, 1: above them, 2: cores
///   Downlink_speed_Gbps 100    of the cables below the tier
///   Downlink_Latency_ns 1000   and Switch_Latency_ns 0: a cable's latency is the sum
///   Radix_Down 8               ports of each switch
///   Radix_Up 8                 none in the topmost tier
///   Bundle 1                   cables between the same two switches, below the tier
///   Oversubscribed 1           Radix_Down / Radix_Up, where it is said
///
/// Keys in upper or lower case; Queue_Up, Queue_Down are passed over: a fluid has no queues. # begins a comment.

#include <chorus/network/file.hpp>
#include <chorus/network/parse.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace chorus {

namespace detail {

class htsim_reader {
public:
    htsim_reader(std::string file, std::string const& text) : file_(std::move(file)), text_(text) {}

    /// The fabric in the grammar.
    std::string read() {
        for (std::string all; std::getline(text_, all);) {
            ++line_;
            std::istringstream words(all.substr(0, all.find('#')));
            std::string key, value, rest;
            if (!(words >> key)) continue;
            if (words >> value >> rest) fail("'", rest, "' is too much: a key has one value");
            std::transform(key.begin(), key.end(), key.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
            take(key, value);
        }
        return grammar();
    }

private:
    struct tier_keys {
        std::uint32_t speed = 0, latency = 0, switch_latency = 0, down = 0, up = 0, bundle = 1, over = 0;
    };

    template <class... Words>
    [[noreturn]] void fail(Words const&... words) const {
        throw usage_error(text({"chorus: ", file_, ":", line_, ": ", words...}));
    }
    std::uint32_t number(std::string const& key, std::string const& value, std::uint32_t least, std::uint32_t most) const {
        std::uint32_t result = 0;
        auto const end = value.data() + value.size();
        auto const [stop, problem] = std::from_chars(value.data(), end, result);
        if (problem != std::errc() || stop != end || result < least || result > most)
            fail(key, " should be a number from ", least, " to ", most, ", not '", value, "'");
        return result;
    }

    void take(std::string const& key, std::string const& value) {
        if (!seen_.emplace(key, key == "tier" ? value : std::to_string(at_)).second) fail("'", key, "' is there twice");
        constexpr std::uint32_t many = 1U << 21;
        if (key == "nodes") nodes_ = number(key, value, 1, many);
        else if (key == "tiers") tiers_ = number(key, value, 2, 3);
        else if (key == "podsize") pod_ = number(key, value, 1, many);
        else if (key == "tier") {
            if (tiers_ == 0) fail("'Tiers' should come before the first 'Tier'");
            at_ = number(key, value, 0, tiers_ - 1) + 1;
        } else take_of_tier(key, value);
    }
    void take_of_tier(std::string const& key, std::string const& value) {
        if (key == "queue_up" || key == "queue_down") return;
        auto const known = key == "downlink_speed_gbps" || key == "downlink_latency_ns" || key == "switch_latency_ns" ||
                           key == "radix_down" || key == "radix_up" || key == "bundle" || key == "oversubscribed";
        if (!known)
            fail("there is no '", key, "'; allowed are Nodes, Tiers, Podsize, Tier, Downlink_speed_Gbps, Downlink_Latency_ns, "
                 "Switch_Latency_ns, Radix_Down, Radix_Up, Bundle, Oversubscribed, Queue_Up, Queue_Down");
        if (at_ == 0) fail("'", key, "' belongs to a tier: 'Tier 0' should come before it");
        auto& of = tier_[at_ - 1];
        if (key == "downlink_speed_gbps") of.speed = number(key, value, 1, 1'000'000);
        else if (key == "downlink_latency_ns") of.latency = number(key, value, 0, 1'000'000'000);
        else if (key == "switch_latency_ns") of.switch_latency = number(key, value, 0, 1'000'000'000);
        else if (key == "radix_down") of.down = number(key, value, 1, 65536);
        else if (key == "bundle") of.bundle = number(key, value, 1, 4096);
        else if (key == "oversubscribed") of.over = number(key, value, 1, 4096);
        else if (at_ == tiers_) fail("the topmost tier has no Radix_Up");
        else of.up = number(key, value, 1, 65536);
    }

    /// Do the numbers fit together?
    void check() const {
        if (nodes_ == 0 || tiers_ == 0 || pod_ == 0) fail("'Nodes', 'Tiers' and 'Podsize' are needed");
        for (std::uint32_t t = 0; t < tiers_; ++t) {
            auto const& of = tier_[t];
            if (of.speed == 0 || of.down == 0) fail("tier ", t, " needs Downlink_speed_Gbps and Radix_Down");
            if (t + 1 < tiers_ && of.up == 0) fail("tier ", t, " needs Radix_Up");
            if (t + 1 < tiers_ && of.up % tier_[t + 1].bundle != 0)
                fail("Radix_Up ", of.up, " of tier ", t, " should be a multiple of Bundle ", tier_[t + 1].bundle, " of tier ", t + 1);
            if (t + 1 < tiers_ && of.over != 0 && of.over != std::max(1U, of.down / of.up))
                fail("Oversubscribed ", of.over, " of tier ", t, " does not fit Radix_Down ", of.down, " and Radix_Up ", of.up);
        }
        if (tier_[0].bundle != 1) fail("endpoints have one cable each: Bundle of tier 0 should be 1");
        if (nodes_ % pod_ != 0) fail("Nodes ", nodes_, " should be a multiple of Podsize ", pod_);
        if (tiers_ == 2 && nodes_ != pod_) fail("two tiers are one pod: Podsize should be ", nodes_);
        if (pod_ % tier_[0].down != 0) fail("Podsize ", pod_, " should be a multiple of Radix_Down ", tier_[0].down, " of tier 0");
        expect_down(1, pod_ / tier_[0].down);
        if (tiers_ == 3) expect_down(2, nodes_ / pod_);
    }
    /// A switch has cables to each of `below` others.
    void expect_down(std::uint32_t t, std::uint32_t below) const {
        auto const wanted = std::uint64_t{below} * tier_[t].bundle;
        if (tier_[t].down != wanted)
            fail("Radix_Down of tier ", t, " should be ", wanted, ": ", below, t == 1 ? " switches below in a pod" : " pods",
                 " with ", tier_[t].bundle, " cables each");
    }

    std::string grammar() const {
        check();
        auto const rate = [](tier_keys const& of) { return text({of.speed, "G"}); };
        auto const latency = [](tier_keys const& of) { return text({of.latency + of.switch_latency, "ns"}); };
        auto const edges = pod_ / tier_[0].down, aggregations = tier_[0].up / tier_[1].bundle;
        auto const common = text({",hosts=", tier_[0].down, ",parallel=", tier_[1].bundle, ",rate=", rate(tier_[0]), ",latency=",
                                  latency(tier_[0]), ",edge_rate=", rate(tier_[1]), ",edge_latency=", latency(tier_[1])});
        if (tiers_ == 2) return text({"leaf-spine:leaves=", edges, ",spines=", aggregations, common});
        return text({"clos:pods=", nodes_ / pod_, ",edges=", edges, ",aggs=", aggregations, ",cores=", tier_[1].up / tier_[2].bundle,
                     ",core_parallel=", tier_[2].bundle, common, ",core_rate=", rate(tier_[2]), ",core_latency=", latency(tier_[2])});
    }

    std::string file_;
    std::istringstream text_;
    std::uint32_t line_ = 0, nodes_ = 0, tiers_ = 0, pod_ = 0;
    std::uint32_t at_ = 0; // the tier at hand and one more
    std::array<tier_keys, 3> tier_;
    std::set<std::pair<std::string, std::string>> seen_; // keys, each with its tier
};

} // namespace detail

/// Throws usage_error with file and line.
inline topology parse_htsim_topology(std::string const& file, std::string const& text) {
    return parse_topology(detail::htsim_reader(file, text).read());
}
inline topology load_htsim_topology(std::string const& path) {
    return parse_htsim_topology(path, read_text(path));
}

} // namespace chorus
