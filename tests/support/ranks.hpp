#pragma once
/// Short ways to run ranks in tests and to look at what they throw.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/run_threads.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace chorus::testing {

/// Options of tests: a deadline that a loaded machine does not miss, but that ends a test that hangs.
inline options patient(bool checked = false) {
    options how;
    how.timeout = std::chrono::seconds(20);
    how.checked = checked;
    return how;
}
/// Options of tests that expect the deadline.
inline options impatient(bool checked = false) {
    options how;
    how.timeout = std::chrono::milliseconds(400);
    how.checked = checked;
    return how;
}

/// For ranks, where Catch2's assertions must not be used: those are for one thread.
inline void require(bool holds, int line = __builtin_LINE()) {
    if (!holds) throw std::runtime_error("line " + std::to_string(line) + " does not hold");
}

/// What became of one rank: kind and text of what it threw, or nothing.
struct outcome {
    std::string kind; ///< "", "usage", "timeout", "transport", "other"
    std::string text;

    bool has(std::string const& words) const { return text.find(words) != std::string::npos; }
};

/// Calls, and says what was thrown.
template <class F>
outcome outcome_of(F&& call) {
    try {
        call();
    } catch (usage_error const& e) {
        return {"usage", e.what()};
    } catch (timeout_error const& e) {
        return {"timeout", e.what()};
    } catch (transport_error const& e) {
        return {"transport", e.what()};
    } catch (std::exception const& e) {
        return {"other", e.what()};
    } catch (...) {
        return {"unknown", ""};
    }
    return {};
}

/// Runs the ranks and returns every rank's outcome, in order of rank.
template <class F>
std::vector<outcome> outcomes(int ranks, options const& how, F f) {
    std::vector<outcome> result(static_cast<std::size_t>(ranks));
    try {
        run_threads(ranks, how, [&](communicator& comm) {
            auto& mine = result[static_cast<std::size_t>(comm.rank())];
            mine = outcome_of([&] { f(comm); });
            if (!mine.kind.empty()) throw std::runtime_error(mine.text); // so that run_threads releases the others
        });
    } catch (rank_error const&) {
    }
    return result;
}

inline std::string texts(std::vector<outcome> const& all) {
    std::string result;
    for (std::size_t r = 0; r < all.size(); ++r)
        result += "rank " + std::to_string(r) + ": [" + all[r].kind + "] " + all[r].text + "\n";
    return result;
}

} // namespace chorus::testing
