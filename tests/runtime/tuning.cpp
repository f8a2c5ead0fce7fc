/// Forced algorithms, calibration, refinement, tuning files: on all ranks alike.

#include "support/ranks.hpp"

#include <chorus/chorus.hpp>
#include <chorus/runtime/calibrate.hpp>
#include <chorus/runtime/explain_choice.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr auto sum = collective::all_reduce;

/// The environment with a variable set, for as long as it lives.
class environment {
public:
    environment(char const* name, char const* value) : name_(name) { ::setenv(name, value, 1); }
    environment(environment const&) = delete;
    environment& operator=(environment const&) = delete;
    ~environment() { ::unsetenv(name_); }

private:
    char const* name_;
};

/// What the ranks say, which must be the same on all of them.
template <class F>
std::string same_on_all(int ranks, options const& how, F f) {
    std::vector<std::string> said(static_cast<std::size_t>(ranks));
    auto const ends = outcomes(ranks, how, [&](communicator& comm) { said[static_cast<std::size_t>(comm.rank())] = f(comm); });
    for (auto const& each : ends) CHECK(each.kind.empty());
    INFO(texts(ends));
    for (auto const& each : said) CHECK(each == said.front());
    return said.front();
}

std::string chosen(communicator& comm, std::size_t bytes) { return std::string(comm.explain(sum, bytes).chosen()); }

} // namespace

TEST_CASE("an option forces an algorithm, the environment has the last word", "[runtime/tuning]") {
    auto how = patient();
    how.algorithms = "all_reduce:<1K=ring";
    auto const works = [](communicator& comm) {
        std::vector<int> a(64, comm.rank()), b(4096, 1);
        all_reduce(comm, a);
        all_reduce(comm, b);
        require(a[0] == 3);
        require(b[0] == 3);
        return comm.explain(sum, 256).reason + " / " + chosen(comm, 256) + " / " + chosen(comm, 1024);
    };
    auto const plain = same_on_all(3, patient(), [](communicator& comm) { return chosen(comm, 1024); });
    CHECK(same_on_all(3, how, works) == "options::algorithms says 'all_reduce:<1K=ring' / ring / " + plain);
    environment const forced("CHORUS_ALGORITHM", "all_reduce=two_shot");
    CHECK(same_on_all(3, how, works) == "CHORUS_ALGORITHM says 'all_reduce=two_shot' / two_shot / two_shot");
    // A call that names its algorithm is left alone.
    for (auto const& each : outcomes(3, how, [](communicator& comm) {
             std::vector<int> a(64);
             operation call;
             all_reduce(comm, a, std::plus<>{}, tree{});
         }))
        require(each.kind.empty());
}

TEST_CASE("what is forced and cannot be is an error of every rank", "[runtime/tuning]") {
    auto const first = [](char const* rules, auto call) {
        auto how = impatient();
        how.algorithms = rules;
        auto const ends = outcomes(3, how, call);
        for (auto const& each : ends) require(each.kind == "usage");
        return ends.front().text;
    };
    auto const call = [](communicator& comm) {
        std::vector<int> a(64);
        all_reduce(comm, a, [](int x, int) { return x; });
    };
    CHECK_THAT(first("all_reduce=ring", call), Catch::Contains("ring cannot run this all_reduce: it reorders operands") &&
                                                   Catch::Contains("options::algorithms says 'all_reduce=ring'"));
    CHECK_THAT(first("all_reduce=pairwise", call), Catch::Contains("the catalogue has ring"));
    CHECK_THAT(first("all_gather=tree;nonsense", call), Catch::Contains("'nonsense': no collective"));
}

TEST_CASE("calibration is agreed on, inherited, and explains itself", "[runtime/tuning]") {
    auto const said = same_on_all(3, patient(), [](communicator& comm) {
        require(comm.tuning() == nullptr); // nothing happens by itself
        calibrate(comm);
        auto const& table = *comm.tuning();
        require(table.calibrated);
        require(table.speed.latency > 0);
        require(table.speed.per_byte > 0);
        require(table.copy_per_byte > 0);
        require(table.flag_latency > 0);
        auto part = comm.split(comm.rank() == 0 ? 0 : 1);
        require(part.tuning() == comm.tuning());
        std::vector<float> data(100, 1);
        all_reduce(part, data);
        auto file = tuning_file{"m", {{"t", 3, "3", table}}};
        return to_text(file) + comm.explain(sum, 1 << 16).reason;
    });
    CHECK_THAT(said, Catch::EndsWith("its predicted time is the least, by calibration"));
}

TEST_CASE("refinement of shared memory measures there, and only its communicator knows", "[runtime/tuning]") {
    same_on_all(3, patient(), [](communicator& comm) {
        auto direct = comm.dup();
        refine(direct, sum, 4096, 0.001, memory_kind::shared);
        require(direct.explain(sum, 4096).reason == "it took least time when it was measured (refinement)");
        require(comm.explain(sum, 4096).reason != direct.explain(sum, 4096).reason);
        auto data = allocate<float>(direct, 1024);
        std::fill(data.begin(), data.end(), 1.0f);
        all_reduce(direct, data);
        require(data[0] == 3 && data[1023] == 3);
        return chosen(direct, 4096);
    });
}

TEST_CASE("refinement decides by what was measured, alike on all ranks", "[runtime/tuning]") {
    same_on_all(4, patient(), [](communicator& comm) {
        std::vector<float> data(1024, 1), same(1024, 1);
        all_reduce(comm, data); // known by the old choice
        for (auto const what : {sum, collective::all_to_all, collective::barrier}) refine(comm, what, 4096, 0.001);
        auto const found = comm.explain(sum, 4096);
        require(found.reason == "it took least time when it was measured (refinement)");
        require(found.candidates.front().chosen);
        for (auto const& each : found.candidates)
            if (each.measured >= 0) require(each.measured >= found.candidates.front().measured);
        operation call;
        std::plus<> const op;
        call.what = sum;
        call.fold = make_kernel<float>(op);
        call.in_place = true;
        call.output = same.data();
        call.lengths.uniform = same.size();
        call.entries = entries_of(sum);
        require(comm.chosen(call).name == found.chosen());
        all_reduce(comm, same);
        require(data == same);
        auto twin = comm.dup();
        require(twin.explain(sum, 4096).chosen() == found.chosen());
        auto half = comm.split(comm.rank() / 2);
        require(half.explain(sum, 4096).candidates.front().measured < 0); // of other ranks than these
        return std::string(found.chosen());
    });
}

TEST_CASE("a tuning file brings back what was found out", "[runtime/tuning]") {
    auto const path = "runtime_tuning." + std::to_string(::getpid());
    auto const text = [](communicator& comm) { return to_text({"m", {{"t", 1, "1", *comm.tuning()}}}); };
    auto const before = same_on_all(2, patient(), [&](communicator& comm) {
        require(!(use_tuning(comm, path)));
        require(comm.tuning() == nullptr);
        calibrate(comm);
        refine(comm, sum, 1024, 0.001);
        save_tuning(comm, path);
        return text(comm);
    });
    auto const after = same_on_all(2, patient(), [&](communicator& comm) {
        require(use_tuning(comm, path));
        require(comm.explain(sum, 1024).reason == "it took least time when it was measured (a tuning file)");
        return text(comm);
    });
    CHECK(after == before);
    same_on_all(3, patient(), [&](communicator& comm) { // none for so many ranks; its own is kept beside
        require(!(use_tuning(comm, path)));
        refine(comm, sum, 64, 0.001);
        save_tuning(comm, path);
        return std::string();
    });
    REQUIRE(read_tuning_file(path).has_value());
    CHECK(read_tuning_file(path)->sections.size() == 2);
    environment const where("CHORUS_TUNING", path.c_str());
    CHECK(default_tuning_path() == path);
    same_on_all(2, patient(), [&](communicator& comm) { return std::string(use_tuning(comm) ? "found" : "not found"); });
    std::remove(path.c_str());
}

TEST_CASE("segments that a caller names are no more than the call can use", "[runtime/tuning]") {
    for (std::size_t const count : {0u, 100u, 100'000u})
        for (auto const& how : {choice(ring{1'000'000}), choice(two_shot{1'000'000}), choice(tree{1'000'000})}) {
            CAPTURE(count, to_string(how));
            auto const begin = std::chrono::steady_clock::now();
            auto const ends = outcomes(3, patient(), [&](communicator& comm) {
                std::vector<int> data(count, 1), blocks(3, comm.rank()), from(3);
                all_reduce(comm, data, std::plus<>{}, how);
                require(data == std::vector<int>(count, 3));
                std::vector<std::size_t> const ones(3, 1); // whose largest no rank knows
                all_to_all_v(comm, blocks, ones, from, ones, direct{1'000'000});
                require(from == std::vector<int>{0, 1, 2});
            });
            INFO(texts(ends));
            for (auto const& each : ends) CHECK(each.kind == "");
            CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20)); // a million takes hours
        }
}
