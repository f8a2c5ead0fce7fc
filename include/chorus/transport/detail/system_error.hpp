#pragma once
/// What a failed system call says.

#include <chorus/core/errors.hpp>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace chorus::detail {

/// Throws a transport_error: what could not be done, and what the system says of it.
[[noreturn, gnu::cold]] inline void system_failure(std::string_view what, int code = errno) {
    throw transport_error(text({"chorus: ", what, ": ", std::strerror(code)}), {});
}
inline int require_system(int result, std::string_view what) {
    if (result < 0) system_failure(what);
    return result;
}

} // namespace chorus::detail
