#include "explore.hpp"
#include "machine.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

extern "C" char __libc_single_threaded;

namespace chorus::testing {

void before_atomic(access how, void const* where, int, void const* from) {
    if (auto* const all = explore::running()) all->before_atomic(how, where, from);
}
void after_atomic(access how, void const* where, int order, bool changed) {
    if (auto* const all = explore::running()) all->after_atomic(how, where, order, changed);
}
void before_plain(bool writes, void const* where, std::size_t bytes, void const* from) {
    if (auto* const all = explore::running()) all->before_plain(writes, where, bytes, from);
}

namespace explore {

namespace {

machine* made_for = nullptr;

outcome run_all(search& how, limits const& to, std::function<void()> const& scenario) {
    __libc_single_threaded = 0; // or the library counts references without atomics
    machine all(how, to);
    made_for = &all;
    outcome found;
    auto const begin = std::chrono::steady_clock::now();
    do {
        ++(all.run(scenario) ? found.runs : found.redundant);
        found.steps += all.steps();
        found.longest = std::max(found.longest, all.steps());
        found.fault = all.fault();
        if (found.fault.empty() && !how.next_run()) found.complete = true;
    } while (found.fault.empty() && !found.complete && found.runs < to.runs &&
             std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() < to.seconds);
    made_for = nullptr;
    return found;
}

/// What addr2line says of the places: functions of Chorus and of tests, the innermost first.
std::map<void const*, std::string> look_up(std::vector<void const*> places) {
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    std::map<void const*, std::string> known;
    Dl_info about{};
    if (::dladdr(reinterpret_cast<void const*>(&look_up), &about) == 0) return known;
    auto const command = std::string("addr2line -Capi -e '") + about.dli_fname + "'";
    std::ostringstream text;
    for (auto const* each : places)
        if (each != nullptr)
            text << " 0x" << std::hex
                 << reinterpret_cast<std::uintptr_t>(each) - reinterpret_cast<std::uintptr_t>(about.dli_fbase) - 1;
    auto* const tool = ::popen((command + text.str() + " 2>/dev/null").c_str(), "r");
    if (tool == nullptr) return known;
    std::string all;
    for (int c = std::fgetc(tool); c != EOF; c = std::fgetc(tool)) all += static_cast<char>(c);
    ::pclose(tool);
    std::istringstream lines(all);
    void const* at = nullptr;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("0x")) {
            auto const offset = std::stoull(line, nullptr, 16) + 1;
            at = reinterpret_cast<void const*>(reinterpret_cast<std::uintptr_t>(about.dli_fbase) + offset);
        }
        auto const name = line.rfind('/');
        if (auto const extra = line.find(" (discriminator"); extra != std::string::npos) line.resize(extra);
        if (name == std::string::npos ||
            (line.find("/chorus/") == std::string::npos && line.find("/tests/") == std::string::npos))
            continue;
        auto& kept = known[at];
        kept += (kept.empty() ? "" : " < ") + line.substr(name + 1);
    }
    return known;
}

} // namespace

std::string places_in_code(std::vector<void const*> const& places, std::size_t which);
std::string places_in_code(std::vector<void const*> const& places, std::size_t which) {
    static std::map<void const*, std::string> known;
    if (places[which] == nullptr) return "";
    if (known.find(places[which]) == known.end()) known.merge(look_up(places));
    return known[places[which]];
}

outcome explore(limits const& to, std::function<void()> const& scenario) {
    exhaustive_search all(to.preemptions);
    return run_all(all, to, scenario);
}
outcome sample(std::uint64_t seed, std::uint64_t runs, limits const& to, std::function<void()> const& scenario) {
    random_search some(seed, runs);
    return run_all(some, to, scenario);
}

void add_rank(std::function<void()> body) { made_for->add(std::move(body), false); }
void add_death(int rank) {
    made_for->add([rank] { running()->end(rank); }, true);
}
void add_stop(int rank) {
    made_for->add(
        [rank] {
            running()->stop(rank, false);
            running()->stop(rank, true);
        },
        true);
}
void at_end(std::function<void()> check) { made_for->at_end(std::move(check)); }
int choose(int count) { return running()->choose(count); }
void fail(std::string const& what) { running()->fail(what); }

} // namespace explore
} // namespace chorus::testing
