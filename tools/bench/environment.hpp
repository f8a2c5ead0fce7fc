#pragma once
/// Where figures were measured: without it they mean nothing.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace chorus::tools {

/// The size of the last cache that a core sees, in bytes.
std::size_t cache_bytes();

/// cpu, cores, cache, compiler, build, library version, date: in this order. No names of hosts or users.
std::vector<std::pair<std::string, std::string>> environment();

} // namespace chorus::tools
