// What goes wrong, and what is said of it. Mistakes are a usage_error before anything moves; failures of the world are
// a transport_error; and what one rank throws releases the others and arrives where run_threads was called.
#include <chorus/chorus.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

template <class F>
void attempt(char const* title, F f) {
    std::printf("--- %s\n", title);
    try {
        chorus::run_threads(3, {.timeout = 1s}, f);
    } catch (chorus::rank_error const& e) { // says which rank failed first; what that rank threw is nested
        try {
            e.rethrow_nested();
        } catch (chorus::timeout_error const&) {
            std::printf("timeout_error: ");
        } catch (chorus::transport_error const&) {
            std::printf("transport_error: ");
        } catch (chorus::usage_error const&) {
            std::printf("usage_error: ");
        } catch (std::exception const&) {
            std::printf("another exception: ");
        }
        std::printf("%s\n", e.what());
    }
}

int main() {
    attempt("a buffer that is too short", [](chorus::communicator& comm) {
        std::vector<int> const mine(10);
        std::vector<int> all(29);
        chorus::all_gather(comm, mine, all);
    });
    attempt("ranks that do not call the same", [](chorus::communicator& comm) {
        std::vector<float> data(comm.rank() == 1 ? 99 : 100);
        chorus::all_reduce(comm, data, std::plus<>{}, chorus::ring{});
    });
    attempt("a rank that throws", [](chorus::communicator& comm) {
        if (comm.rank() == 2) throw std::runtime_error("the disk is full");
        chorus::barrier(comm);
    });
    attempt("a rank that leaves", [](chorus::communicator& comm) {
        if (comm.rank() == 1) return;
        std::vector<float> data(100'000);
        chorus::all_reduce(comm, data, std::plus<>{}, chorus::ring{});
    });
    attempt("a rank that never comes", [](chorus::communicator& comm) {
        chorus::barrier(comm);
        if (comm.rank() == 1) std::this_thread::sleep_for(1500ms);
        std::vector<float> data(100'000);
        chorus::all_reduce(comm, data, std::plus<>{}, chorus::ring{});
    });
}
