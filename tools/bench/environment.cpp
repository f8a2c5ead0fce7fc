#include "environment.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

namespace chorus::tools {

namespace {

std::string first_line(std::string const& file) {
    std::ifstream from(file);
    std::string line;
    std::getline(from, line);
    return line;
}

std::string cpu_model() {
    std::ifstream from("/proc/cpuinfo");
    for (std::string line; std::getline(from, line);)
        if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
    return "unknown";
}

std::string compiler() {
#ifdef __clang__
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

std::string build() {
    std::string text;
#ifdef CHORUS_BUILD_FLAGS
    text = CHORUS_BUILD_FLAGS;
#else
#ifdef __OPTIMIZE__
    text = "optimised";
#else
    text = "not optimised";
#endif
#ifdef NDEBUG
    text += ", NDEBUG";
#else
    text += ", with assertions";
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    text += ", sanitized";
#endif
    return text;
}

} // namespace

std::size_t cache_bytes() {
    static auto const size = []() -> std::size_t {
        for (auto const* const index : {"3", "2"}) { // "32768K"
            auto const text = first_line(std::string("/sys/devices/system/cpu/cpu0/cache/index") + index + "/size");
            auto const kibibytes = std::strtoull(text.c_str(), nullptr, 10);
            if (kibibytes > 0) return std::size_t{1024} * kibibytes;
        }
        return std::size_t{32} << 20;
    }();
    return size;
}

std::vector<std::pair<std::string, std::string>> environment() {
    return {{"cpu", cpu_model()},
            {"cores", std::to_string(std::thread::hardware_concurrency())},
            {"cache", fmt::format("{} KiB", cache_bytes() / 1024)},
            {"compiler", compiler()},
            {"build", build()},
            {"version", CHORUS_VERSION},
            {"date", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))}};
}

} // namespace chorus::tools
