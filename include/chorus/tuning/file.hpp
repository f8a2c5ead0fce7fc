#pragma once
/// Tuning tables as a text file, which belongs to one machine:
///
///     chorus-tuning 1
///     machine Some CPU, 2 processors, 1024 KiB L2
///     section threads 4 4
///     speed 2.1e-07 1e-07 0 0 3.4e-11 1.2e-11 262144 9.8e-08 1e-10
///     time all_reduce 1024 rabenseifner 1.9e-06
///     end 1562120721
///
/// A section is a transport, a number of ranks and the sizes of their groups by host ("2+2"). `speed` is left out where only
/// times were measured; its fields are those of transport_estimates, flag_latency and copy_per_byte. `end` carries a checksum
/// of all before it.

#include <chorus/core/element.hpp>
#include <chorus/core/errors.hpp>
#include <chorus/tuning/table.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace chorus {

struct tuning_section {
    std::string transport;
    int ranks = 0;
    std::string hosts; ///< how many ranks each host has: "4", "2+2"
    tuning_table table;

    bool is_for(tuning_section const& other) const {
        return transport == other.transport && ranks == other.ranks && hosts == other.hosts;
    }
};

struct tuning_file {
    std::string machine;
    std::vector<tuning_section> sections;

    tuning_section const* find(tuning_section const& like) const {
        for (auto const& each : sections)
            if (each.is_for(like)) return &each;
        return nullptr;
    }
    /// In place of the one for the same ranks.
    void put(tuning_section what) {
        std::erase_if(sections, [&](auto const& each) { return each.is_for(what); });
        sections.push_back(std::move(what));
    }
};

namespace detail {

/// The first line of the file that begins so, without that; empty where there is none.
[[gnu::cold]] inline std::string line_of(char const* file, std::string_view beginning) {
    auto* const from = std::fopen(file, "re");
    std::string found;
    char line[512];
    while (from != nullptr && found.empty() && std::fgets(line, sizeof line, from) != nullptr)
        if (std::string_view(line).starts_with(beginning)) found = std::string_view(line).substr(beginning.size());
    if (from != nullptr) std::fclose(from);
    while (!found.empty() && (found.back() == '\n' || found.back() == ' ')) found.pop_back();
    found.erase(0, found.find_first_not_of(": \t"));
    return found;
}

[[gnu::cold]] inline std::string scientific(double value) {
    char text[32];
    auto const end = std::to_chars(text, text + sizeof text, value, std::chars_format::general, 9).ptr; // whatever the locale
    return {text, end};
}

/// The estimates in the order of the file.
template <class Table, class Visit>
void visit_speed(Table& table, Visit visit) {
    auto& speed = table.speed;
    visit(speed.latency);
    visit(speed.per_message);
    visit(speed.rendezvous);
    visit(speed.eager_bytes);
    visit(speed.per_byte);
    visit(speed.per_byte_folded);
    visit(speed.segment_bytes);
    visit(table.flag_latency);
    visit(table.copy_per_byte);
}

/// Reads the lines of a file. Throws usage_error with the number of the line.
class tuning_reader {
public:
    explicit tuning_reader(std::string_view text) : text_(text) {}

    tuning_file run() {
        next_line();
        if (take() != "chorus-tuning") fail("this is no tuning file");
        if (take() != "1") fail("it is of another version of the format");
        next_line();
        if (take() != "machine") fail("a line 'machine' is missing");
        file_.machine = rest_;
        for (;;) {
            auto const before = at_;
            if (!next_line()) fail("the end is missing");
            auto const key = take();
            if (key == "end") return check_end(before);
            read(key);
        }
    }

private:
    [[noreturn]] void fail(std::string_view why) const { misuse({"line ", line_, ": ", why}); }

    bool next_line() {
        if (at_ >= text_.size()) return false;
        auto const end = std::min(text_.find('\n', at_), text_.size());
        rest_ = text_.substr(at_, end - at_);
        at_ = end + 1;
        ++line_;
        return true;
    }
    std::string_view take() {
        auto const end = std::min(rest_.find(' '), rest_.size());
        auto const word = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        return word;
    }
    double number() {
        auto const word = take();
        double value = -1;
        auto const read = std::from_chars(word.data(), word.data() + word.size(), value);
        // Sizes are below 2^53.
        if (read.ec != std::errc() || read.ptr != word.data() + word.size() || !(value >= 0) || value > 9e15)
            fail(text({"'", word, "' is no number that can be"}));
        return value;
    }
    void read(std::string_view key) {
        if (key == "section") {
            tuning_section made;
            made.transport = take();
            made.table.ranks = made.ranks = static_cast<int>(std::min(number(), 1e9));
            made.hosts = take();
            file_.sections.push_back(std::move(made));
            return;
        }
        if (file_.sections.empty()) fail("a section is missing");
        auto& table = file_.sections.back().table;
        if (key == "speed") {
            table.calibrated = true;
            visit_speed(table, [&](auto& field) { field = static_cast<std::remove_reference_t<decltype(field)>>(number()); });
        } else if (key == "time") {
            auto const what = collective_named(take());
            if (!what) fail("no such collective");
            measured_time made{*what, static_cast<std::size_t>(number()), std::string(take()), 0};
            made.seconds = number();
            table.times.push_back(std::move(made));
        } else {
            fail("a line begins with section, speed, time or end");
        }
    }
    tuning_file check_end(std::size_t before) {
        if (std::string(take()) != std::to_string(hash_text(text_.substr(0, before)))) fail("the checksum is wrong");
        return std::move(file_);
    }

    std::string_view text_, rest_;
    std::size_t at_ = 0;
    int line_ = 0;
    tuning_file file_;
};

} // namespace detail

/// What must be the same for figures to hold: processor, how many of them may be used, caches.
[[gnu::cold]] inline std::string machine_fingerprint() {
    auto model = detail::line_of("/proc/cpuinfo", "model name");
    if (model.empty()) model = "unknown processor";
    auto all = detail::text({model, ", ", ::sysconf(_SC_NPROCESSORS_ONLN), " processors"});
    for (int i = 0; i < 5; ++i) {
        auto const cache = detail::text({"/sys/devices/system/cpu/cpu0/cache/index", i, "/size"});
        if (auto const size = detail::line_of(cache.c_str(), ""); !size.empty()) detail::append(all, {i == 0 ? ", caches " : " ", size});
    }
    return all;
}

/// $CHORUS_TUNING, or $XDG_CACHE_HOME/chorus/tuning, or ~/.cache/chorus/tuning; empty where none is set.
[[gnu::cold]] inline std::string default_tuning_path() {
    if (auto const* const path = std::getenv("CHORUS_TUNING")) return path;
    if (auto const* const cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/') return std::string(cache) + "/chorus/tuning";
    auto const* const home = std::getenv("HOME");
    return home != nullptr && *home == '/' ? std::string(home) + "/.cache/chorus/tuning" : std::string();
}

[[gnu::cold]] inline std::string to_text(tuning_file const& file) {
    auto all = "chorus-tuning 1\nmachine " + file.machine + "\n";
    for (auto const& each : file.sections) {
        detail::append(all, {"section ", each.transport, " ", each.ranks, " ", each.hosts, "\n"});
        if (each.table.calibrated) {
            all += "speed";
            detail::visit_speed(each.table, [&](auto field) { all += " " + detail::scientific(static_cast<double>(field)); });
            all += "\n";
        }
        for (auto const& time : each.table.times)
            detail::append(all, {"time ", name(time.what), " ", time.bytes, " ", time.algorithm, " ", detail::scientific(time.seconds), "\n"});
    }
    detail::append(all, {"end ", detail::hash_text(all), "\n"});
    return all;
}

/// Throws usage_error where the text is no intact tuning file of this version.
[[gnu::cold]] inline tuning_file parse_tuning(std::string_view text) { return detail::tuning_reader(text).run(); }

/// The file, where it is intact and of this machine. Otherwise it is as if there were none, and unless it does not exist a line
/// on standard error says so.
[[gnu::cold]] inline std::optional<tuning_file> read_tuning_file(std::string const& path) {
    auto* const from = path.empty() ? nullptr : std::fopen(path.c_str(), "re");
    if (from == nullptr) return std::nullopt;
    std::string text;
    char part[4096];
    for (std::size_t got = 1; got > 0;) text.append(part, got = std::fread(part, 1, sizeof part, from));
    std::fclose(from);
    std::string why;
    try {
        auto found = parse_tuning(text);
        if (found.machine == machine_fingerprint()) return found;
        why = "it is of another machine (" + found.machine + ")";
    } catch (usage_error const& e) {
        why = std::string(e.what()).substr(std::string_view("chorus: ").size());
    }
    std::fprintf(stderr, "chorus: the tuning file %s is ignored: %s\n", path.c_str(), why.c_str());
    return std::nullopt;
}

/// Writes a new file and puts it in the place of the old one: whoever reads sees one of them. Makes the folder, too.
[[gnu::cold]] inline void write_tuning_file(std::string const& path, tuning_file const& what) {
    auto const must = [&](bool well) {
        if (!well) throw error(detail::text({"chorus: the tuning file ", path, " cannot be written: ", std::strerror(errno)}));
    };
    for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
        must(::mkdir(path.substr(0, slash).c_str(), 0777) == 0 || errno == EEXIST || errno == EROFS || errno == EACCES);
    auto const text = to_text(what);
    auto const temporary = detail::text({path, ".", ::getpid()});
    auto* const to = std::fopen(temporary.c_str(), "we");
    must(to != nullptr);
    auto const written = std::fwrite(text.data(), 1, text.size(), to) == text.size() && std::fflush(to) == 0 && ::fsync(::fileno(to)) == 0;
    auto const closed = std::fclose(to) == 0;
    auto const moved = written && closed && std::rename(temporary.c_str(), path.c_str()) == 0;
    if (!moved) {
        auto const problem = errno;
        ::unlink(temporary.c_str());
        errno = problem;
    }
    must(moved);
}

} // namespace chorus
