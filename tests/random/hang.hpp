#pragma once

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <string_view>

namespace chorus::testing {

/// Ends the program, and says why, where what runs meanwhile does not end. Ranks that are processes die with their
/// parent.
class hang_guard {
public:
    hang_guard(unsigned seconds, std::string_view text) {
        length_ = text.copy(text_, sizeof text_);
        std::signal(SIGALRM, [](int) {
            constexpr std::string_view word = "HANG: ", end = "\n";
            for (auto const& each : {word, std::string_view(text_, length_), end})
                if (::write(STDOUT_FILENO, each.data(), each.size()) < 0) break;
            ::_exit(1);
        });
        ::alarm(seconds);
    }
    hang_guard(hang_guard const&) = delete;
    hang_guard& operator=(hang_guard const&) = delete;
    ~hang_guard() { ::alarm(0); }

private:
    static inline char text_[200];
    static inline std::size_t length_ = 0;
};

} // namespace chorus::testing
