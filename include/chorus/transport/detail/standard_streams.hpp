#pragma once
/// What the standard streams hold back when a process forks, and lines of several processes on one output.

#include <stdio_ext.h>

#include <cstddef>
#include <cstdio>
#include <ios>
#include <ostream>
#include <streambuf>
#include <string>

namespace chorus::detail {

/// The library's streams, by the names that the linker knows: <iostream> would initialise them in every program that
/// includes Chorus. Weak: null where a program that is linked statically has none.
#if defined(_LIBCPP_VERSION)
#define CHORUS_STREAM(length, name) __asm__("_ZNSt3__1" #length #name "E") __attribute__((weak))
#else
#define CHORUS_STREAM(length, name) __asm__("_ZSt" #length #name) __attribute__((weak))
#endif
extern std::ostream standard_cout CHORUS_STREAM(4, cout);
extern std::ostream standard_clog CHORUS_STREAM(4, clog);
extern std::wostream standard_wcout CHORUS_STREAM(5, wcout);
extern std::wostream standard_wclog CHORUS_STREAM(5, wclog);
#undef CHORUS_STREAM

/// In a program that includes <iostream> nowhere the streams are raw memory until somebody asks for them.
inline void construct_standard_streams() { static std::ios_base::Init const exist; }

template <class Stream>
void flush_where_linked(Stream* which) noexcept try {
    if (which != nullptr) which->flush();
} catch (...) { // the stream keeps the mark of it
}

/// After it a fork copies nothing that the child would write again, and `_exit` loses nothing.
[[gnu::cold]] inline void flush_standard_streams() noexcept {
    construct_standard_streams();
    flush_where_linked(&standard_cout);
    flush_where_linked(&standard_clog);
    flush_where_linked(&standard_wcout);
    flush_where_linked(&standard_wclog);
    std::fflush(nullptr);
}

/// Passes text on line by line, each by one call of the system.
class whole_lines : public std::streambuf {
public:
    explicit whole_lines(std::streambuf& to) : to_(&to) {}

private:
    static constexpr std::size_t longest = 4096; ///< what a pipe takes in one piece

    std::streamsize xsputn(char const* text, std::streamsize count) override {
        line_.append(text, static_cast<std::size_t>(count));
        auto const end = line_.rfind('\n') + 1; // 0: none yet
        return pass_on(end == 0 && line_.size() > longest ? line_.size() : end) ? count : 0;
    }
    int_type overflow(int_type next) override {
        auto const letter = traits_type::to_char_type(next);
        return traits_type::eq_int_type(next, traits_type::eof()) || xsputn(&letter, 1) == 1
                   ? traits_type::not_eof(next)
                   : traits_type::eof();
    }
    int sync() override { return pass_on(line_.size()) ? 0 : -1; }

    bool pass_on(std::size_t bytes) {
        if (bytes == 0) return true;
        auto const written = to_->sputn(line_.data(), static_cast<std::streamsize>(bytes));
        line_.erase(0, bytes);
        return written == static_cast<std::streamsize>(bytes) && to_->pubsync() == 0;
    }

    std::streambuf* to_;
    std::string line_;
};

/// From now on no line of this process is cut in two by another process that writes to the same file or pipe.
[[gnu::cold]] inline void write_whole_lines() {
    construct_standard_streams();
    static char buffer[BUFSIZ]; // without a new one the C library may keep to what held before
    if (__fbufsize(stdout) != 1) std::setvbuf(stdout, buffer, _IOLBF, sizeof buffer); // 1: the program wants none at all
    auto const through_stdout = std::ios_base::sync_with_stdio(true); // tells what holds; it cannot be switched back on
    if (!through_stdout && &standard_cout != nullptr && standard_cout.rdbuf() != nullptr)
        standard_cout.rdbuf(
            new whole_lines(*standard_cout.rdbuf())); // lives as long as the process: exit() flushes the stream last
}

} // namespace chorus::detail
