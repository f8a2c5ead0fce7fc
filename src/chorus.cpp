// The library chorus::compiled: what the headers leave out where CHORUS_COMPILED is defined.
#define CHORUS_SOURCE
#include <chorus/chorus.hpp>

#include <chorus/algorithm/catalogue.hpp>

namespace chorus {

namespace {

template <collective What>
std::span<catalogue_entry const> entries_of(bool composed) {
    if (composed) return catalogue<What>::entries;
    return catalogue<What>::simple;
}

} // namespace

std::span<catalogue_entry const> compiled_entries(collective what, bool composed) {
    using enum collective;
    switch (what) {
    case all_reduce: return entries_of<all_reduce>(composed);
    case all_gather: return entries_of<all_gather>(composed);
    case all_to_all: return entries_of<all_to_all>(composed);
    case reduce_scatter: return entries_of<reduce_scatter>(composed);
    case broadcast: return entries_of<broadcast>(composed);
    case reduce: return entries_of<reduce>(composed);
    case gather: return entries_of<gather>(composed);
    case scatter: return entries_of<scatter>(composed);
    case scan: return entries_of<scan>(composed);
    case exclusive_scan: return entries_of<exclusive_scan>(composed);
    case barrier: return entries_of<barrier>(composed);
    case send_recv: break;
    }
    return {};
}

} // namespace chorus
