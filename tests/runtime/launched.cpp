/// Whom a session takes itself for, by the environment. Each case runs in a child, whose environment is its own.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/session.hpp>

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

using namespace chorus;

namespace {

using variables = std::vector<std::pair<std::string, std::string>>;

/// "rank 0 of 1", or what was thrown.
std::string session_with(variables const& set) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return "no pipe";
    auto const child = ::fork();
    if (child == 0) {
        ::clearenv();
        for (auto const& [name, value] : set) ::setenv(name.c_str(), value.c_str(), 1);
        std::string said;
        try {
            session const alone;
            said = "rank " + std::to_string(alone.rank()) + " of " + std::to_string(alone.size());
        } catch (usage_error const& e) {
            said = e.what();
        }
        static_cast<void>(!::write(ends[1], said.data(), said.size()));
        std::_Exit(0);
    }
    ::close(ends[1]);
    std::string said(4096, '\0');
    auto const bytes = ::read(ends[0], said.data(), said.size());
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    said.resize(bytes < 0 ? 0 : static_cast<std::size_t>(bytes));
    return said;
}

bool has(std::string const& text, std::string const& words) { return text.find(words) != std::string::npos; }

} // namespace

TEST_CASE("a session that nobody has launched is alone", "[runtime/session]") {
    CHECK(session_with({}) == "rank 0 of 1");
    CHECK(session_with({{"CHORUS_SIZE", "1"}}) == "rank 0 of 1");
    CHECK(session_with({{"CHORUS_RANK", "0"}, {"CHORUS_SIZE", "1"}}) == "rank 0 of 1");
    CHECK(session_with({{"RANK", "captain"}, {"WORLD_SIZE", "large"}}) == "rank 0 of 1");
    CHECK(session_with({{"SLURM_NTASKS", "8"}}) == "rank 0 of 1"); // a shell of salloc
}

TEST_CASE("a session of several ranks without a place to meet is refused", "[runtime/session]") {
    for (auto const& more : {variables{}, variables{{"CHORUS_STORE", ""}}}) {
        auto set = variables{{"CHORUS_RANK", "1"}, {"CHORUS_SIZE", "4"}};
        set.insert(set.end(), more.begin(), more.end());
        auto const said = session_with(set);
        INFO(said);
        CHECK(has(said, "CHORUS_RANK=1 and CHORUS_SIZE=4 are set, but CHORUS_STORE is not"));
        CHECK(has(said, "file:FOLDER"));
    }
    CHECK(has(session_with({{"CHORUS_RANK", "0"}}), "CHORUS_SIZE is not set, but others of"));
    CHECK(has(session_with({{"CHORUS_SIZE", "4"}}), "CHORUS_RANK is not set, but others of"));
    CHECK(has(session_with({{"CHORUS_SIZE", "four"}}), "CHORUS_SIZE=four is no number"));
    CHECK(has(session_with({{"CHORUS_SIZE", "1"}, {"CHORUS_RANK", "1"}}), "does not go with CHORUS_SIZE=1"));
}

TEST_CASE("a session under another launcher is refused, and says what to do", "[runtime/session]") {
    struct launcher {
        std::string name, rank, size, advice;
    };
    for (auto const& each :
         {launcher{"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "chorus::mpi_session or chorus::attach"},
          launcher{"Hydra", "PMI_RANK", "PMI_SIZE", "chorus::mpi_session or chorus::attach"},
          launcher{"srun", "SLURM_PROCID", "SLURM_NTASKS", "CHORUS_RANK=$SLURM_PROCID"},
          launcher{"torchrun", "RANK", "WORLD_SIZE", "CHORUS_RANK=$RANK"}}) {
        for (auto const* const rank : {"0", "2"}) {
            auto const said = session_with({{each.rank, rank}, {each.size, "4"}});
            INFO(said);
            CHECK(has(said, "started by"));
            CHECK(has(said, each.name));
            CHECK(has(said, each.rank + "=" + rank + ", " + each.size + "=4"));
            CHECK(has(said, each.advice));
        }
        CHECK(session_with({{each.rank, "0"}, {each.size, "1"}}) == "rank 0 of 1");
        CHECK(session_with({{each.rank, "0"}, {each.size, "4"}, {"CHORUS_SIZE", "1"}}) == "rank 0 of 1");
    }
    CHECK(has(session_with({{"PMIX_RANK", "1"}}), "a launcher with PMIx (PMIX_RANK=1)"));
}

TEST_CASE("the innermost launcher counts", "[runtime/session]") {
    variables const by_slurm{{"SLURM_PROCID", "3"}, {"SLURM_NTASKS", "8"}};
    auto set = by_slurm;
    set.insert(set.end(), {{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}});
    CHECK(session_with(set) == "rank 0 of 1");
    set = by_slurm;
    set.emplace_back("SLURM_STEP_NUM_TASKS", "1"); // one task of an allocation for eight
    CHECK(session_with(set) == "rank 0 of 1");
}
