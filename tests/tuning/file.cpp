/// Tuning files: what is written is read, and nothing else is.

#include "support/ranks.hpp"

#include <chorus/tuning/file.hpp>

#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

using namespace chorus;
using namespace chorus::testing;

namespace {

tuning_file sample() {
    tuning_file file;
    file.machine = machine_fingerprint();
    tuning_section one{"threads", 4, "4", {}};
    one.table.ranks = 4;
    one.table.calibrated = true;
    one.table.speed.latency = 1.25e-7;
    one.table.speed.segment_bytes = 262144;
    one.table.flag_latency = 9e-8;
    one.table.note({collective::all_reduce, 1024, "ring", 2e-6});
    one.table.note({collective::all_gather, 65536, "bruck", 3.5e-5});
    file.put(one);
    tuning_section two{"shm", 2, "1+1", {}};
    two.table.ranks = 2;
    two.table.note({collective::barrier, 0, "dissemination", 1e-7});
    file.put(two);
    return file;
}

std::string put(std::string const& name, std::string const& text) {
    auto const path = "tuning_test." + std::to_string(::getpid()) + "." + name;
    auto* const to = std::fopen(path.c_str(), "w");
    REQUIRE(to != nullptr);
    std::fwrite(text.data(), 1, text.size(), to);
    std::fclose(to);
    return path;
}

} // namespace

TEST_CASE("a tuning file is read as it was written", "[tuning/file]") {
    auto const file = sample();
    auto const text = to_text(file);
    auto const again = parse_tuning(text);
    CHECK(to_text(again) == text);
    REQUIRE(again.find({"threads", 4, "4", {}}) != nullptr);
    CHECK(again.find({"threads", 4, "2+2", {}}) == nullptr);
    auto const& table = again.find({"threads", 4, "4", {}})->table;
    CHECK(table.calibrated);
    CHECK(table.speed.latency == 1.25e-7);
    CHECK(table.speed.segment_bytes == 262144);
    CHECK(table.measured(collective::all_reduce, 4, "ring", 1024) == 2e-6);
    CHECK_FALSE(again.find({"shm", 2, "1+1", {}})->table.calibrated);
}

TEST_CASE("a tuning file with any byte changed, or cut short, is refused", "[tuning/file]") {
    auto const text = to_text(sample());
    for (std::size_t i = 0; i < text.size(); ++i) {
        CAPTURE(i);
        auto changed = text;
        changed[i] = changed[i] == '7' ? '8' : '7';
        if (changed == text) continue;
        CHECK(outcome_of([&] { parse_tuning(changed); }).kind == "usage");
        if (i + 1 < text.size()) CHECK(outcome_of([&] { parse_tuning(text.substr(0, i)); }).kind == "usage"); // the last byte is a newline
    }
}

TEST_CASE("foreign, outdated and corrupt tuning files are as good as none", "[tuning/file]") {
    auto const good = put("good", to_text(sample()));
    CHECK(read_tuning_file(good).has_value());
    auto foreign = sample();
    foreign.machine = "another machine";
    auto const bad = put("foreign", to_text(foreign));
    CHECK_FALSE(read_tuning_file(bad).has_value());
    auto text = to_text(sample());
    auto const old = put("old", text.replace(0, 15, "chorus-tuning 0"));
    CHECK_FALSE(read_tuning_file(old).has_value());
    CHECK_FALSE(read_tuning_file(good + ".missing").has_value());
    CHECK_FALSE(read_tuning_file("").has_value());
    for (auto const& each : {good, bad, old}) std::remove(each.c_str());
}

TEST_CASE("a tuning file is replaced as a whole, and its folder is made", "[tuning/file]") {
    auto const folder = "tuning_test." + std::to_string(::getpid());
    auto const path = folder + "/below/tuning";
    write_tuning_file(path, sample());
    auto next = sample();
    next.sections.pop_back();
    write_tuning_file(path, next);
    REQUIRE(read_tuning_file(path).has_value());
    CHECK(read_tuning_file(path)->sections.size() == 1);
    CHECK(::access((path + "." + std::to_string(::getpid())).c_str(), F_OK) != 0); // nothing is left behind
    CHECK(outcome_of([&] { write_tuning_file("/proc/nowhere/tuning", next); }).has("/proc/nowhere/tuning"));
    std::remove(path.c_str());
    ::rmdir((folder + "/below").c_str());
    ::rmdir(folder.c_str());
}
