#pragma once
/// Algorithms that somebody forces, from an option (`options::algorithms`) or the environment (CHORUS_ALGORITHM):
///
///     all_reduce=ring; all_gather:>64K=bruck:radix=4; all_gather:<=64K=direct
///
///     rules      = rule { ";" rule }         of two that fit, the later one holds
///     rule       = collective [ ":" range ] "=" algorithm
///     range      = "<" size | "<=" size | ">" size | ">=" size | size ".." size    (both included)
///     size       = number [ "K" | "M" | "G" ]    bytes of a vector, or of all blocks together; powers of 1024
///     algorithm  = name [ ":" option { "," option } ]    "auto" leaves the choice to the library
///     option     = "radix=" number | "segments=" number
///
/// Rules are for calls that leave the choice to the library. They are read where they are needed and never become data:
/// every program has this code, and a parser that builds something costs it half a second to compile.

#include <chorus/algorithm/choice.hpp>
#include <chorus/algorithm/names.hpp>
#include <chorus/core/collective.hpp>

#include <cstddef>
#include <string_view>

namespace chorus {

/// A call that looks for its rule, and what it has found.
struct forced_choice {
    collective what = collective::send_recv; ///< no rule is for messages: rules are only checked then
    std::size_t bytes = 0;
    std::string_view source; ///< whose rules are read, for error messages
    choice how;              ///< automatic where nothing is forced
    std::string_view rule;   ///< the rule that holds
    std::string_view found_in; ///< whose it is
};

namespace detail {

class rule_reader {
public:
    rule_reader(std::string_view rule, std::string_view source) : rule_(rule), source_(source), rest_(rule) {}

    [[gnu::cold, gnu::noinline]] void run(forced_choice& call) {
        auto const what = index_of(collective_names, word(":="), "no collective");
        std::size_t least = 0, most = static_cast<std::size_t>(-1);
        if (accept(":")) {
            if (accept("<=")) most = size();
            else if (accept("<")) most = size() - 1; // "<0": no call is meant
            else if (accept(">=")) least = size();
            else if (accept(">")) least = size() + 1;
            else {
                least = size();
                if (!accept("..")) fail("ranges are <64K, <=64K, >64K, >=64K or 1K..64K");
                most = size();
            }
        }
        if (!accept("=")) fail("a rule is COLLECTIVE=ALGORITHM or COLLECTIVE:RANGE=ALGORITHM");
        auto const named = word(":");
        choice how;
        if (named != "auto") how.name = algorithm_names[index_of(algorithm_names, named, "no algorithm")];
        for (auto next = accept(":"); next; next = accept(",")) {
            if (accept("segments=")) how.segments = static_cast<int>(number(1));
            else if (how.name == "bruck" && accept("radix=")) how.radix = static_cast<int>(number(2));
            else fail(how.name == "bruck" ? "its options are radix= and segments=" : "its only option is segments=");
        }
        if (!rest_.empty()) fail("there is more than a rule");
        if (how.name == "hierarchical") fail("hierarchical cannot be forced: it is named in the call");
        if (static_cast<collective>(what) != call.what || call.bytes < least || call.bytes > most) return;
        call.how = how;
        call.rule = rule_;
        call.found_in = source_;
    }

private:
    [[noreturn]] void fail(std::string_view why) const { misuse({source_, ": '", rule_, "': ", why}); }

    void skip_spaces() {
        while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
    }
    bool accept(std::string_view expected) {
        skip_spaces();
        if (!rest_.starts_with(expected)) return false;
        rest_.remove_prefix(expected.size());
        return true;
    }
    std::string_view word(std::string_view ends) {
        skip_spaces();
        auto found = rest_.substr(0, rest_.find_first_of(ends));
        rest_.remove_prefix(found.size());
        while (!found.empty() && found.back() == ' ') found.remove_suffix(1);
        return found;
    }
    template <class Names>
    std::size_t index_of(Names const& names, std::string_view called, std::string_view none) const {
        for (std::size_t i = 0; i < names.size(); ++i)
            if (names[i] == called) return i;
        std::string allowed;
        for (auto const each : names) append(allowed, {allowed.empty() ? "" : ", ", each});
        misuse({source_, ": '", rule_, "': ", none, " '", called, "'; allowed are ", allowed});
    }
    std::size_t number(std::size_t from) {
        skip_spaces();
        std::size_t value = 0, digits = 0;
        for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9' && digits < 10; ++digits) {
            value = 10 * value + static_cast<std::size_t>(rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        if (digits == 0 || digits > 9 || value < from) fail("numbers have one to nine digits, segments from 1 on, radix from 2 on");
        return value;
    }
    std::size_t size() {
        auto const value = number(0);
        auto const unit = rest_.empty() ? 6 : std::string_view("kKmMgG").find(rest_.front());
        if (unit > 5) return value;
        rest_.remove_prefix(1);
        return value << (10 * (unit / 2 + 1));
    }

    std::string_view rule_, source_, rest_;
};

} // namespace detail

/// Looks in all rules of the text for the call's; those later in the text, and in texts that are read later, hold. Throws a
/// usage_error, in one line, where any rule cannot be read.
[[gnu::cold, gnu::noinline]] inline void read_rules(std::string_view text, std::string_view source, forced_choice& call) {
    while (!text.empty()) {
        auto const end = text.find(';') < text.size() ? text.find(';') : text.size();
        auto const begin = text.find_first_not_of(' ');
        if (begin < end) detail::rule_reader(text.substr(begin, end - begin), source).run(call);
        text.remove_prefix(end < text.size() ? end + 1 : end);
    }
}

} // namespace chorus
