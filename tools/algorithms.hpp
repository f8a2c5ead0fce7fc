#pragma once
/// The algorithms that a run of `chorus` knows: the catalogue's and those of plugins.

#include <chorus/algorithm/entry.hpp>
#include <chorus/algorithm/record.hpp>
#include <chorus/schedule/schedule.hpp>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chorus::tools {

class algorithms {
public:
    /// Loads the plugins; an environment_error names the first that cannot be.
    explicit algorithms(std::vector<std::string> const& plugins = {});

    std::span<catalogue_entry const> of(collective what) const { return entries_[static_cast<std::size_t>(what)]; }

    /// The entry of that name; a usage_error lists the names otherwise.
    catalogue_entry const& at(collective what, std::string_view name) const;

    /// Is it a name that some collective knows?
    bool known_anywhere(std::string_view name) const;

    /// "ring", "bruck:radix=4", ... as a choice; for plugins, too. `ranks` is 0 where it is not known yet.
    choice parse(std::string_view text, int ranks) const;

    bool from_plugin(std::string_view name) const;

private:
    std::array<std::vector<catalogue_entry>, collective_names.size()> entries_;
    std::vector<std::string_view> plugin_names_;
};

/// The collectives that have algorithms, by name.
std::vector<std::string> names_of_collectives();
collective read_collective(std::string_view option, std::string_view text);

/// The part of an algorithm's text that is its name.
std::string_view name_of(std::string_view algorithm);

/// The schedules of all ranks. `shape.rank` is not looked at.
std::vector<schedule> record_all(call_shape shape, catalogue_entry const& entry, choice const& how);

/// "any p", or what stands against some numbers of ranks: "p must be even".
std::string ranks_it_serves(catalogue_entry const& entry);

} // namespace chorus::tools
