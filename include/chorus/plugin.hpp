#pragma once
/// An algorithm of one's own, given to `chorus verify`, `show`, `bench` and `list` as a shared object:
///
///     // mine.cpp: everything goes to rank 0, which folds it and sends the result back
///     #include <chorus/plugin.hpp>
///
///     struct star {
///         template <chorus::schedule_sink Sink>
///         void operator()(Sink& sink, chorus::slice_list const& data) const {
///             for (int other = 1; sink.rank() == 0 && other < sink.size(); ++other) sink.recv_reduce(other, data);
///             if (sink.rank() != 0) sink.send(0, data);
///             for (int other = 1; sink.rank() == 0 && other < sink.size(); ++other) sink.send(other, data);
///             if (sink.rank() != 0) sink.recv(0, data);
///         }
///     };
///     extern "C" void chorus_plugin(chorus::plugin_catalogue& to) {
///         to.add<chorus::collective::all_reduce>("star", star{}, {.keeps_order = true});
///     }
///
/// It compiles with the headers alone, and is used under its name beside the algorithms of the catalogue:
///
///     g++ -std=c++20 -O2 -shared -fPIC -I include mine.cpp -o mine.so
///     chorus verify all_reduce star --plugin ./mine.so

#include <chorus/algorithm/custom.hpp>
#include <chorus/algorithm/entry.hpp>
#include <chorus/core/element.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace chorus {

/// What the catalogue says of an algorithm (catalogue_entry), as far as its author wants to say it.
struct plugin_facts {
    bool keeps_order = false;  ///< right for operators that do not commute: `verify` holds you to it
    std::string_view cost{};   ///< in symbols, for people
    std::string_view source{}; ///< citation
    cost_terms (*formula)(int ranks, choice const& how) = nullptr;       ///< `verify` compares it with what it counts
    std::string_view (*refuses)(int ranks, choice const& how) = nullptr; ///< why it cannot serve so many ranks, or ""
};

namespace detail {

/// Both sides of the boundary must have been compiled from the same headers.
inline constexpr std::uint32_t plugin_layout =
    hash_word(sizeof(choice), hash_word(sizeof(arguments), hash_word(sizeof(schedule), hash_word(sizeof(step))))) +
    hash_word(sizeof(catalogue_entry), hash_word(sizeof(recorder), hash_word(sizeof(record_sink))));

} // namespace detail

/// Takes a plugin's algorithms. All texts must be literals, or live as long.
class plugin_catalogue {
public:
    /// `algorithm` is a callable without state that speaks to a sink (custom_algorithm). Throws usage_error if the
    /// plugin was compiled from other headers than the program that loads it.
    template <collective What, class F>
        requires custom_algorithm<F, What>
    void add(std::string_view name, F const&, plugin_facts const& facts = {}) {
        if (layout_ != detail::plugin_layout)
            throw usage_error("it was compiled from other headers of Chorus than this command");
        catalogue_entry entry{};
        entry.what = What;
        entry.name = name;
        entry.cost = facts.cost.empty() ? "not given" : facts.cost;
        entry.source = facts.source.empty() ? "a plugin" : facts.source;
        entry.keeps_order = facts.keeps_order || !has_operator(What);
        entry.record = custom_choice<What, F>().custom;
        entry.formula = facts.formula;
        entry.refuses = facts.refuses;
        entry.forwards_blocks = What == collective::all_to_all;
        entries_.push_back(entry);
    }

    std::vector<catalogue_entry> const& entries() const { return entries_; }

private:
    std::uint32_t layout_ = detail::plugin_layout;
    std::vector<catalogue_entry> entries_;
};

} // namespace chorus

/// What the shared object must define.
extern "C" void chorus_plugin(chorus::plugin_catalogue& to);
