#pragma once
/// What a benchmark is asked for.

#include <chorus/core/collective.hpp>
#include <chorus/core/operators.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chorus::tools {

enum class buffer_mode { warm, rewritten, cold };

struct size_list {
    std::vector<std::size_t> bytes;
    bool range = false; ///< from:to:factor: what a collective cannot cut is skipped, not refused
};

struct bench_options {
    std::vector<collective> collectives;
    std::vector<std::string> algorithms; ///< as written: "ring", "bruck:radix=4"
    std::string transport;
    std::optional<int> ranks; ///< not given: the launcher's, or 4 threads
    size_list sizes;
    std::string type;
    operator_id op = operator_id::plus;
    buffer_mode buffers = buffer_mode::warm;
    bool shared_memory = false; ///< buffers are where peers read them directly (allocate.hpp)
    std::size_t iterations = 0; ///< 0: as many as it takes
    std::chrono::milliseconds timeout{};
    std::string groups; ///< for hierarchical without groups: "2+2"; empty: the hosts
    std::string format;
    std::string tuning; ///< file that `chorus tune` has written; empty: the built-in estimates
    std::string raw; ///< file for every sample; empty: none
    std::vector<std::string> plugins;
};

inline constexpr std::string_view buffer_mode_names[] = {"warm", "rewritten", "cold"};
constexpr std::string_view name(buffer_mode mode) { return buffer_mode_names[static_cast<std::size_t>(mode)]; }

/// One number, a list, or from:to:factor; suffixes K, M, G are powers of 1024. A usage_error otherwise.
size_list read_sizes(std::string_view option, std::string_view text);

/// Algorithms with their options, which may contain commas: "auto,bruck:radix=4,segments=2,tree" are three.
std::vector<std::string> split_algorithms(std::string_view text);

} // namespace chorus::tools
