#pragma once
/// Why a call runs what it runs: `comm.explain(collective, bytes)`.
///
///     std::puts(comm.explain(chorus::collective::all_reduce, 1 << 20).text().c_str());

#include <chorus/algorithm/catalogue.hpp>
#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/group.hpp>
#include <chorus/tuning/choose.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

/// One algorithm as the automatic choice sees it.
struct candidate {
    std::string_view algorithm;
    double predicted = -1; ///< seconds by the cost model; negative: it has no formula
    double measured = -1;  ///< seconds; negative: nobody has measured
    std::string refused;   ///< why it cannot serve the call; empty: it can
    bool chosen = false;
};

class explanation {
public:
    collective what = collective::all_reduce;
    std::size_t bytes = 0;
    int ranks = 1;
    std::vector<candidate> candidates; ///< what is chosen first, then by time, refused ones last
    std::string reason;                ///< one sentence

    std::string_view chosen() const { return candidates.empty() ? std::string_view() : candidates.front().algorithm; }

    /// A table for people.
    std::string text() const {
        auto all = detail::text({name(what), ", ", bytes, " bytes, ", ranks, " ranks: ", chosen(), ", since ", reason, "\n"});
        detail::append(all, {column("algorithm", 22), column("predicted us", 14), column("measured us", 14), "\n"});
        for (auto const& each : candidates) {
            detail::append(all, {column(std::string(each.chosen ? "* " : "  ") + std::string(each.algorithm), 22),
                                 column(microseconds(each.predicted), 14), column(microseconds(each.measured), 14), each.refused, "\n"});
        }
        return all;
    }

private:
    static std::string column(std::string word, std::size_t width) {
        if (word.size() < width) word.append(width - word.size(), ' ');
        return word;
    }
    static std::string microseconds(double seconds) {
        if (seconds < 0) return "-";
        auto const nanoseconds = static_cast<long long>(seconds * 1e9 + 0.5);
        auto fraction = std::to_string(nanoseconds % 1000);
        fraction.insert(0, 3 - fraction.size(), '0');
        return std::to_string(nanoseconds / 1000) + "." + fraction;
    }
};

namespace detail {

inline std::string why_refused(catalogue_entry const& entry, choice_facts const& facts) {
    if (!holds(facts.determinism, facts.what, entry.name, facts.ranks, facts.exact))
        return text({"does not hold determinism level ", facts.determinism});
    if (entry.refuses != nullptr)
        if (auto const why = entry.refuses(facts.ranks, choice{}); !why.empty()) return std::string(why);
    return {};
}

/// Rank in the list: chosen, measured, predicted, refused.
inline std::pair<int, double> order_of(candidate const& each) {
    if (each.chosen) return {0, 0};
    if (!each.refused.empty()) return {3, 0};
    if (each.measured >= 0) return {1, each.measured};
    return {2, each.predicted >= 0 ? each.predicted : 1e9};
}

} // namespace detail

/// For sums of float: what commutes and rounds.
[[gnu::cold]] inline explanation communicator::explain(collective what, std::size_t bytes) const {
    require_valid();
    auto const blocks = has_blocks(what) ? static_cast<std::size_t>(size()) : 1;
    std::plus<> const sum;
    operation call;
    call.what = what;
    call.fold = has_operator(what) ? make_kernel<float>(sum) : copy_kernel<float>();
    call.lengths.uniform = (bytes / blocks + sizeof(float) - 1) / sizeof(float);
    call.in_place = true;
    call.entries = entries_of(what);
    auto facts = facts_of_call(call);
    facts.bytes = bytes / blocks;
    auto const rule = forced(facts);
    auto const* const chosen = choose_entry(call, rule.how);

    explanation all;
    all.what = what;
    all.bytes = bytes;
    all.ranks = size();
    for (auto const& entry : call.entries) {
        candidate each{entry.name, -1, measured(entry, facts), detail::why_refused(entry, facts), &entry == chosen};
        if (entry.formula != nullptr && each.refused.empty()) each.predicted = predict(entry.formula(size(), choice{}), facts);
        if (entry.record == nullptr && owner().transport().native() == nullptr) each.refused = "the transport has none";
        else if (entry.formula == nullptr && entry.record != nullptr) each.refused = "composed of others: only where it is named";
        all.candidates.push_back(std::move(each));
    }
    // Few: a sort by hand costs less to compile.
    for (std::size_t i = 1; i < all.candidates.size(); ++i)
        for (auto k = i; k > 0 && detail::order_of(all.candidates[k]) < detail::order_of(all.candidates[k - 1]); --k)
            std::swap(all.candidates[k], all.candidates[k - 1]);

    auto const& first = all.candidates.front();
    if (!rule.how.automatic()) all.reason = detail::text({rule.found_in, " says '", rule.rule, "'"});
    else if (first.measured >= 0) all.reason = "it took least time when it was measured (" + group_->tuning->source + ")";
    else if (chosen->record == nullptr) all.reason = "the transport prefers its own";
    else all.reason = std::string("its predicted time is the least, by ") +
                      (facts.table != nullptr && facts.table->calibrated ? "calibration" : "the transport's built-in estimates");
    if (facts.determinism > 2) detail::append(all.reason, {"; determinism level ", facts.determinism, " is asked for"});
    return all;
}

} // namespace chorus
