/// What happens to the ranks of a host when one of them is killed, memory runs out, or a rank forks; and what is left behind.

#include "support/sanitized.hpp"
#include "support/shm_ranks.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/runtime/allocate.hpp>
#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>

#include <catch2/catch.hpp>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// What this process has: descriptors, mappings of shared memory, children.
struct belongings {
    std::ptrdiff_t descriptors, mappings;
    bool children;

    static belongings now() {
        auto const files = std::filesystem::directory_iterator("/proc/self/fd");
        std::ifstream maps("/proc/self/maps");
        std::ptrdiff_t shared = 0;
        for (std::string line; std::getline(maps, line);) shared += line.find("memfd:chorus") != std::string::npos ? 1 : 0;
        return {std::distance(begin(files), end(files)), shared, ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD};
    }
    friend bool operator==(belongings const&, belongings const&) = default;
};

/// Two seconds, of a machine that has nothing else to do.
std::chrono::duration<double> two_seconds() {
    double load = 0;
    if (::getloadavg(&load, 1) != 1) load = 0;
    return std::chrono::duration<double>((CHORUS_SANITIZED ? 10 : 2) * std::max(1.0, load / std::thread::hardware_concurrency()));
}

/// A control group of the kernel with so much memory; not valid where this user may not make one.
class memory_group {
public:
    explicit memory_group(std::size_t bytes) {
        struct { char const *root, *limit; } const versions[] = {{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"}};
        for (auto const& each : versions) {
            path_ = std::string(each.root) + "/chorus-test-" + std::to_string(::getpid());
            if (::mkdir(path_.c_str(), 0700) != 0) continue;
            valid_ = write(each.limit, bytes);
            if (valid_) return;
            ::rmdir(path_.c_str());
        }
    }
    ~memory_group() {
        if (valid_) ::rmdir(path_.c_str());
    }
    bool valid() const { return valid_; }
    bool join() const { return write("cgroup.procs", static_cast<std::size_t>(::getpid())); }

private:
    bool write(char const* name, std::size_t value) const {
        std::ofstream file(path_ + "/" + name);
        file << value << std::flush;
        return file.good();
    }
    std::string path_;
    bool valid_ = false;
};

struct named_call {
    char const* name;
    std::function<void(communicator&)> call;
};

/// Every collective, on vectors that are long enough to take several messages.
std::vector<named_call> every_collective() {
    static std::vector<int> in, out, many_in, many_out;
    auto const ready = [](communicator& comm) {
        in.assign(200'000, 1);
        out.assign(200'000, 0);
        many_in.assign(in.size() * static_cast<std::size_t>(comm.size()), 1);
        many_out.assign(many_in.size(), 0);
    };
    std::vector<named_call> all{
        {"all_reduce", [](communicator& comm) { all_reduce(comm, in, out); }},
        {"all_reduce, short", [](communicator& comm) { all_reduce(comm, std::span(in).first(4), std::span(out).first(4)); }},
        {"reduce_scatter", [](communicator& comm) { reduce_scatter(comm, many_in, out); }},
        {"all_gather", [](communicator& comm) { all_gather(comm, in, many_out); }},
        {"all_to_all", [](communicator& comm) { all_to_all(comm, many_in, many_out); }},
        {"broadcast", [](communicator& comm) { broadcast(comm, in, 0); }},
        {"reduce", [](communicator& comm) { reduce(comm, in, out, std::plus<>{}, 0); }},
        {"gather", [](communicator& comm) { gather(comm, in, std::span(many_out).first(comm.rank() == 0 ? many_out.size() : 0), 0); }},
        {"scatter", [](communicator& comm) { scatter(comm, std::span(many_in).first(comm.rank() == 0 ? many_in.size() : 0), out, 0); }},
        {"scan", [](communicator& comm) { scan(comm, in, out); }},
        {"exclusive_scan", [](communicator& comm) { exclusive_scan(comm, in, out); }},
        {"barrier", [](communicator& comm) { barrier(comm); }}};
    for (auto& each : all)
        each.call = [ready, call = each.call](communicator& comm) {
            if (in.empty()) ready(comm);
            call(comm);
        };
    return all;
}

} // namespace

TEST_CASE("a rank that is killed in the middle of a collective is named within two seconds", "[transport/shm/fault]") {
    constexpr int ranks = 4, victim = 2;
    auto const before = belongings::now();
    for (auto const& each : every_collective()) {
        CAPTURE(each.name);
        auto const start = chorus::clock::now();
        auto const got = thrown_by_processes(ranks, patient(), [&](communicator& comm) {
            std::thread killer;
            barrier(comm);
            if (comm.rank() == victim)
                killer = std::thread([] {
                    std::this_thread::sleep_for(std::chrono::milliseconds(15));
                    ::raise(SIGKILL);
                });
            auto const told = outcome_of([&] {
                for (;;) { // a chain's root runs ahead without the last: all meet now and then
                    for (int i = 0; i < 5; ++i) each.call(comm);
                    barrier(comm);
                }
            });
            if (!told.has("rank 2 died") && !told.has("was killed")) throw std::runtime_error("not named: " + told.text);
            if (told.kind != "transport") throw std::runtime_error("a " + told.kind + " error: " + told.text);
        });
        CHECK(got == "rank 2: was killed by signal 9 (Killed)");
        CHECK(chorus::clock::now() - start < two_seconds());
    }
    CHECK(belongings::now() == before);
}

TEST_CASE("ranks that sleep learn of a death as well, whatever they wait for", "[transport/shm/fault]") {
    auto const before = belongings::now();
    auto const start = chorus::clock::now();
    auto const got = thrown_by_processes(3, patient(), [](communicator& comm) {
        if (comm.rank() == 1) {
            std::this_thread::sleep_for(std::chrono::milliseconds(200)); // the others are fast asleep
            ::raise(SIGKILL);
        }
        auto pair = comm.rank() == 0 ? 2 : 0; // they wait for each other, not for the one that dies
        std::vector<int> nothing(1);
        auto const told = outcome_of([&] { recv(comm, nothing, pair); });
        if (told.kind != "transport" || !told.has("rank 1")) throw std::runtime_error("rank " + std::to_string(comm.rank()) + ": " + told.text);
    });
    CHECK(got == "rank 1: was killed by signal 9 (Killed)");
    CHECK(chorus::clock::now() - start < two_seconds());
    CHECK(belongings::now() == before);
}

TEST_CASE("no buffer is touched after the error was thrown", "[transport/shm/fault]") {
    for (auto const& how : {choice(ring{}), choice(two_shot{})}) { // the second one writes answers into the others' memory
        CAPTURE(how.name);
        auto const got = thrown_by_processes(4, patient(), [&](communicator& comm) {
            constexpr std::size_t count = 500'000;
            auto data = allocate<int>(comm, count);
            std::fill(data.begin(), data.end(), 1);
            barrier(comm);
            std::thread killer;
            if (comm.rank() == 3)
                killer = std::thread([] {
                    std::this_thread::sleep_for(std::chrono::milliseconds(10));
                    ::raise(SIGKILL);
                });
            auto const told = outcome_of([&] {
                for (;;) all_reduce(comm, data, std::plus<>{}, how);
            });
            if (!told.has("rank 3 died") && !told.has("was killed")) throw std::runtime_error("not named: " + told.text);
            std::fill(data.begin(), data.end(), 7);
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            if (!std::all_of(data.begin(), data.end(), [](int each) { return each == 7; })) throw std::runtime_error("touched");
        });
        CHECK(got == "rank 3: was killed by signal 9 (Killed)");
    }
}

TEST_CASE("the survivors of a killed rank go on", "[transport/shm/fault]") {
    auto* const went_on = static_cast<std::atomic<int>*>(
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    auto const got = thrown_by_processes(4, patient(), [&](communicator& comm) {
        std::vector<int> data(100'000, 1);
        auto const told = outcome_of([&] { // the others may still be in the first one when rank 1 is done with it
            for (;;) {
                all_reduce(comm, data, std::plus<>{}, ring{});
                if (comm.rank() == 1) {
                    ::kill(::getppid(), SIGSTOP); // it learns of this death when the others have long gone on
                    ::raise(SIGKILL);
                }
            }
        });
        auto const after = outcome_of([&] {
            auto rest = comm.shrink();
            auto const sums_are_right = [&] {
                for (int again = 0; again < 50; ++again) {
                    std::fill(data.begin(), data.end(), 1);
                    all_reduce(rest, data, std::plus<>{}, ring{});
                    if (rest.size() != 3 || data.front() != 3 || data.back() != 3) throw std::runtime_error("the sum is wrong");
                }
            };
            sums_are_right();
            if (rest.rank() == 0) ::kill(::getppid(), SIGCONT);
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
            sums_are_right();
            went_on->fetch_add(1);
        });
        if (!after.kind.empty()) {
            ::kill(::getppid(), SIGCONT);
            throw std::runtime_error(after.text);
        }
    });
    CHECK(got == "rank 1: was killed by signal 9 (Killed)");
    CHECK(went_on->load() == 3);
    ::munmap(went_on, 4096);
}

TEST_CASE("a rank that is stopped is named by all others, touches nothing afterwards, and is left behind", "[transport/shm/fault]") {
    struct shared_words {
        std::atomic<int> stopped, given_up, went_on;
    };
    auto* const words = static_cast<shared_words*>(
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    for (int round = 0; round < 6; ++round) {
        words->given_up = words->went_on = 0;
        auto const start = clock::now();
        auto const got = thrown_by_processes(3, {.timeout = std::chrono::milliseconds(500)}, [&](communicator& comm) {
            constexpr std::size_t count = 1'000'000;
            auto in = allocate<int>(comm, count), out = allocate<int>(comm, count);
            std::fill(in.begin(), in.end(), 1);
            barrier(comm);
            std::thread stopper;
            if (comm.rank() == 1) {
                words->stopped = ::getpid();
                stopper = std::thread([round] {
                    std::this_thread::sleep_for(std::chrono::microseconds(3000 + 700 * round));
                    ::raise(SIGSTOP);
                });
            }
            auto const told = outcome_of([&] {
                for (;;) all_reduce(comm, in, out, std::plus<>{}, two_shot{});
            });
            std::fill(out.begin(), out.end(), 7);
            if (comm.rank() == 1) { // went on late
                stopper.join();
                auto const after = outcome_of([&] { comm.shrink(); });
                if (!after.has("the others have gone on without it")) throw std::runtime_error("not left behind: " + after.text);
                return;
            }
            if (told.kind != "timeout" || !told.has("rank 1")) throw std::runtime_error("a " + told.kind + " error: " + told.text);
            auto rest = comm.shrink();
            if (++words->given_up == 2) ::kill(words->stopped, SIGCONT);
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            if (!std::all_of(out.begin(), out.end(), [](int each) { return each == 7; })) throw std::runtime_error("touched");
            all_reduce(rest, in, out);
            if (rest.size() != 2 || out[0] != 2 || out[count - 1] != 2) throw std::runtime_error("the sum is wrong");
            ++words->went_on;
        });
        CAPTURE(round);
        CHECK(got == "");
        CHECK(words->went_on == 2);
        CHECK(clock::now() - start < 5 * two_seconds());
    }
    ::munmap(words, 4096);
}

TEST_CASE("shrink gives the same answer to all survivors, round after round", "[transport/shm/renewal]") {
    std::array<std::atomic<int>, 4> through{};
    // Who gives up or leaves while others are still in a call that it has ended, ends it for them.
    auto const wait_for_all = [&](std::size_t where, int ranks) {
        ++through[where];
        auto const deadline = clock::now() + std::chrono::seconds(20);
        while (through[where] < ranks && clock::now() < deadline) std::this_thread::yield();
    };
    auto const wrong = run_shm_threads(5, patient(), [&](communicator& comm) {
        auto now = comm.dup();
        wait_for_all(3, 5);
        for (int round = 0; round < 3; ++round) {
            if (now.rank() == 1 && round > 0) return; // leaves
            std::vector<int> data(3'000, 1);
            auto const told = outcome_of([&] {
                if (round == 0 && now.rank() == 2) throw std::runtime_error("gives up");
                for (;;) all_reduce(now, data, std::plus<>{}, ring{});
            });
            if (round == 0 && now.rank() == 2) now.shared_context()->fail(std::make_exception_ptr(std::runtime_error("gives up")));
            now = now.shrink();
            if (now.size() != 5 - round) throw std::runtime_error("goes on with " + std::to_string(now.size()));
            std::fill(data.begin(), data.end(), 1);
            all_reduce(now, data, std::plus<>{}, ring{});
            if (data.back() != now.size()) throw std::runtime_error("the sum is wrong");
            wait_for_all(static_cast<std::size_t>(round), now.size());
        }
    });
    for (auto const& each : wrong) CHECK(each == "");
}

TEST_CASE("too little memory is an error and no SIGBUS", "[transport/shm/memory]") {
    auto const before = belongings::now();
    CHECK(thrown_by_processes(2, patient(), [](communicator& comm) {
              auto const small = allocate<char>(comm, 1000);
              auto const told = outcome_of([&] { allocate<char>(comm, std::size_t{64} << 20); });
              if (told.kind != "transport" || !told.has("no room for 67108864 bytes")) throw std::runtime_error(told.text);
              barrier(comm);
          }, {.heap_bytes = std::size_t{8} << 20}) == "");

    // A limit of the system: in a process of its own, since it cannot be lifted again everywhere.
    auto const child = ::fork();
    if (child == 0) {
        rlimit const most{1 << 20, 1 << 20};
        ::setrlimit(RLIMIT_FSIZE, &most);
        auto const told = outcome_of([] { run_processes(2, [](communicator&) {}); });
        ::_exit(told.kind == "transport" && told.has("shared memory") ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    CHECK(belongings::now() == before);
}

TEST_CASE("a rank for which the system has no memory left is named", "[transport/shm/memory]") {
    auto const before = belongings::now();
    {
        memory_group const narrow(std::size_t{64} << 20);
        if (!narrow.valid()) {
            WARN("skipped: this user may not limit the memory of processes");
            return;
        }
        auto const child = ::fork();
        if (child == 0) {
            if (!narrow.join()) ::_exit(2);
            auto const told = outcome_of([] {
                run_processes(2, [](communicator& comm) {
                    barrier(comm);
                    if (comm.rank() == 0) return barrier(comm);
                    std::ofstream("/proc/self/oom_score_adj") << 1000; // whom the kernel ends, if it ends somebody
                    auto const large = allocate<char>(comm, std::size_t{256} << 20);
                    std::fill(large.begin(), large.end(), char{1});
                    barrier(comm);
                });
            });
            ::_exit(told.has("rank 1") && (told.has("was killed") || told.has("no room")) ? 0 : 1);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    }
    CHECK(belongings::now() == before);
}

TEST_CASE("memory that was given back is there for the next", "[transport/shm/memory]") {
    CHECK(thrown_by_processes(2, patient(), [](communicator& comm) {
              for (int i = 0; i < 20; ++i) {
                  auto a = allocate<int>(comm, 500'000);
                  auto b = allocate<int>(comm, 100'000);
                  for (auto& each : a)
                      if (std::exchange(each, 1) != 0) throw std::runtime_error("not zero");
                  auto moved = std::move(a);
                  all_reduce(comm, moved);
                  if (moved[499'999] != 2 || !moved.is_shared()) throw std::runtime_error("wrong sum");
              }
          }, {.heap_bytes = std::size_t{8} << 20}) == "");
}

TEST_CASE("which path a message took is told", "[transport/shm/paths]") {
    CHECK(thrown_by_processes(2, patient(), [](communicator& comm) {
              auto const paths = [&] { return comm.shared_context()->transport().paths(); };
              std::vector<int> data(100'000, 1);
              all_reduce(comm, data);
              auto const copied = paths();
              if (copied[transport_path::copied].bytes == 0 || copied[transport_path::direct].messages != 0) throw std::runtime_error("not copied");
              auto shared = allocate<int>(comm, data.size());
              all_reduce(comm, shared);
              auto const direct = paths();
              if (direct[transport_path::copied].bytes != copied[transport_path::copied].bytes) throw std::runtime_error("copied");
              if (direct[transport_path::direct].bytes != 4 * data.size()) throw std::runtime_error("not direct");
          }) == "");
}

TEST_CASE("a child that a rank forks neither disturbs it nor can use its communicator", "[transport/shm/fork]") {
    CHECK(thrown_by_processes(2, patient(), [](communicator& comm) {
              std::vector<int> data(10, 1);
              all_reduce(comm, data);
              auto const child = ::fork();
              if (child == 0) {
                  auto const told = outcome_of([&] { all_reduce(comm, data); });
                  { auto const gone = std::move(comm); } // its context ends here, in the child alone
                  ::_exit(told.has("a forked child cannot use the communicator of its parent") ? 0 : 1);
              }
              int status = 0;
              ::waitpid(child, &status, 0);
              if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("the child was not refused");
              for (int i = 0; i < 100; ++i) all_reduce(comm, data, maximum{});
          }) == "");
}

TEST_CASE("two jobs at once do not see each other", "[transport/shm/fault]") {
    auto const job = [](int ranks) {
        return thrown_by_processes(ranks, patient(), [](communicator& comm) {
            for (int i = 0; i < 200; ++i) {
                std::vector<int> data(i % 7 == 0 ? 20'000 : 3, 1);
                all_reduce(comm, data);
                if (data.back() != comm.size()) throw std::runtime_error("wrong sum");
            }
        });
    };
    auto const other = ::fork();
    if (other == 0) ::_exit(job(2).empty() ? 0 : 1);
    CHECK(job(3) == "");
    int status = 0;
    REQUIRE(::waitpid(other, &status, 0) == other);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

TEST_CASE("sixty-four ranks on this machine", "[transport/shm/fault]") {
    auto const before = belongings::now();
    CHECK(thrown_by_processes(64, patient(), [](communicator& comm) {
              std::vector<int> data(1000, 1), all(64 * 10), mine(10, comm.rank());
              for (int i = 0; i < 3; ++i) {
                  std::fill(data.begin(), data.end(), 1);
                  all_reduce(comm, data);
                  all_gather(comm, mine, all);
                  if (data.back() != 64 || all[639] != 63) throw std::runtime_error("wrong");
              }
          }, {.heap_bytes = std::size_t{1} << 30}) == ""); // thread sanitizers leave little address space
    CHECK(belongings::now() == before);
}

TEST_CASE("a rank that waits for a second uses no processor", "[transport/shm/waiting]") {
    auto const spend = [](auto wait) {
        rusage before{}, after{};
        ::getrusage(RUSAGE_SELF, &before);
        wait();
        ::getrusage(RUSAGE_SELF, &after);
        auto const used = [](rusage const& of) { return of.ru_utime.tv_sec * 1'000'000 + of.ru_utime.tv_usec + of.ru_stime.tv_sec * 1'000'000 + of.ru_stime.tv_usec; };
        auto const spent = used(after) - used(before);
        if (spent > (CHORUS_SANITIZED ? 300'000 : 50'000)) throw std::runtime_error(std::to_string(spent) + " us of processor time");
    };
    auto const late = [] { std::this_thread::sleep_for(std::chrono::milliseconds(1000)); };
    CHECK(thrown_by_processes(2, patient(), [&](communicator& comm) {
              barrier(comm);
              if (comm.rank() == 0) late();
              spend([&] { barrier(comm); });
          }) == "");
    // A ring, or a mailbox, that is full of what the other does not take yet.
    for (std::size_t const bytes : {300'000u, 600u, 100u})
        CHECK(thrown_by_processes(2, patient(), [&](communicator& comm) {
                  std::vector<char> data(bytes, 'a');
                  auto const count = bytes > 1000 ? 12 : 100;
                  if (comm.rank() == 1) {
                      late();
                      for (int i = 0; i < count; ++i) recv(comm, data, 0);
                      return;
                  }
                  std::vector<request> sent;
                  for (int i = 0; i < count; ++i) sent.push_back(async_send(comm, data, 1));
                  spend([&] {
                      for (auto& each : sent) each.wait();
                  });
              }) == "");
}

TEST_CASE("what a rank throws reaches the caller with its rank, kind and words", "[transport/shm/run]") {
    auto const thrown = [](auto f) {
        try {
            run_processes(3, f);
        } catch (rank_error const& e) {
            auto const inner = outcome_of([&] { std::rethrow_if_nested(e); });
            return std::to_string(e.rank()) + " " + inner.kind + " " + e.what();
        }
        return std::string();
    };
    CHECK(thrown([](communicator& comm) {
              if (comm.rank() == 1) throw std::runtime_error("no more");
              barrier(comm);
          }) == "1 other rank 1: no more");
    CHECK(thrown([](communicator& comm) {
              std::vector<int> data(3), other(4);
              if (comm.rank() == 2) all_reduce(comm, data, other);
              barrier(comm);
          }).starts_with("2 usage rank 2: chorus: all_reduce: the output has 4"));
    CHECK(thrown([](communicator& comm) {
              if (comm.rank() == 0) std::_Exit(3);
              barrier(comm);
          }).starts_with("0 transport rank 0: ended with status 3"));
    CHECK(thrown([](communicator& comm) { // as if all were well
              if (comm.rank() == 1) std::_Exit(0);
              auto const told = outcome_of([&] { barrier(comm); });
              if (told.kind != "transport" || !told.has("rank 1")) throw std::runtime_error("not named: " + told.text);
              if (comm.rank() == 2) std::_Exit(3); // gives up for that reason
          }) == "1 transport rank 1: ended with status 0 before its function had returned");
    CHECK(thrown([](communicator&) {}) == "");
    CHECK_THROWS_AS(run_processes(0, [](communicator&) {}), usage_error);
}

TEST_CASE("calls that differ are told apart over shared memory", "[transport/shm/mismatch]") {
    auto const got = thrown_by_processes(2, patient(), [](communicator& comm) {
        std::vector<int> data(12, 5);
        all_reduce(comm, std::span(data).first(comm.rank() == 0 ? 12 : 11));
    });
    CHECK(got.find("calls do not match") != std::string::npos);
}
