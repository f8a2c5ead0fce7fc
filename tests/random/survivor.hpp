#pragma once
/// What each rank of a round does: it runs random programs until it is told of the fault, and looks at what is left.

#include "injection.hpp"
#include "runner.hpp"

#include <cctype>
#include <csignal>
#include <exception>
#include <functional>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace chorus::testing {

/// The rank that a text names last: those who only pass the news on stand before it. -1: none.
inline int culprit_of(std::string_view text) {
    int culprit = -1;
    for (auto at = text.find("rank "); at != std::string_view::npos; at = text.find("rank ", at + 1)) {
        auto const digit = text.substr(at + 5);
        if (!digit.empty() && std::isdigit(static_cast<unsigned char>(digit[0])) != 0)
            culprit = std::atoi(digit.data());
    }
    return culprit;
}

class survivor {
public:
    static constexpr std::byte pattern{0x5C};

    survivor(communicator& comm, fault_plan const& plan, round_record& record, tally& counts)
        : comm_(&comm),
          plan_(plan),
          record_(&record),
          counts_(&counts),
          memory_(comm),
          mine_(&record.of[static_cast<std::size_t>(comm.rank())]) {}
    survivor(survivor const&) = delete;
    survivor& operator=(survivor const&) = delete;
    /// Whatever happened: nobody is left stopped.
    ~survivor() {
        if (plan_.what == fault::stopped && !is_victim()) ::kill(record_->process, SIGCONT);
    }

    void run() {
        barrier(*comm_);
        try {
            run_programs();
        } catch (injected const&) {
            throw;
        } catch (std::exception const& e) {
            note(e);
        }
        memory_.fill(pattern);
        if (is_victim()) {
            record_->went_on = true;
            return;
        }
        mine_->ready = true;
        try {
            shrink();
        } catch (std::exception const& e) {
            copy(e.what(), mine_->shrink_text);
        }
        mine_->shrank = true;
        wait_for([&](witness const& each) { return each.shrank.load(); });
        if (plan_.what == fault::stopped) wake_the_victim();
        mine_->touched = memory_.bytes_other_than(pattern);
    }

private:
    bool is_victim() const { return comm_->rank() == plan_.victim; }

    void run_programs() {
        std::optional<injection> planned;
        if (is_victim()) planned.emplace(plan_, *record_);
        program_limits const limits{plan_.ranks, std::size_t{1} << 20, 20};
        for (auto seed = plan_.seed;; ++seed)
            program_run(*comm_, memory_, seed, *counts_, [&] {
                if (planned) planned->pass();
            }).run(program_writer(seed, limits).write());
    }

    void note(std::exception const& e) {
        auto const struck = record_->struck_at.load();
        mine_->seconds = struck == 0 ? -1 : static_cast<double>(nanoseconds_now() - struck) * 1e-9;
        std::string_view const text = e.what();
        copy(text, mine_->text);
        mine_->culprit = culprit_of(text);
        auto const* const failure = dynamic_cast<transport_error const*>(&e);
        mine_->peer = failure != nullptr ? failure->where().peer : -1;
        mine_->mismatch = failure == nullptr;
        mine_->told = true;
    }
    static void copy(std::string_view from, char (&to)[400]) { to[from.copy(to, sizeof to - 1)] = '\0'; }

    void shrink() {
        auto left = comm_->shrink();
        std::vector<int> members;
        for (int r = 0; r < left.size(); ++r) members.push_back(left.world_rank(r));
        mine_->survivors = members.size();
        std::vector<long> data(1000, 1L << comm_->rank());
        all_reduce(left, data);
        long expected = 0;
        for (int r = 0; r < plan_.ranks; ++r) expected += r == plan_.victim ? 0 : 1L << r;
        mine_->right =
            members.size() == static_cast<std::size_t>(plan_.ranks - 1) && data == std::vector<long>(1000, expected);
    }

    void wait_for(std::function<bool(witness const&)> const& done) const {
        auto const until = std::chrono::steady_clock::now() + 2 * plan_.timeout;
        for (int r = 0; r < plan_.ranks; ++r)
            while (r != plan_.victim && !done(record_->of[static_cast<std::size_t>(r)]) &&
                   std::chrono::steady_clock::now() < until)
                std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    /// It goes on where it was, and must not write to what is ours any more.
    void wake_the_victim() const {
        ::kill(record_->process, SIGCONT);
        auto const until = std::chrono::steady_clock::now() + 2 * plan_.timeout;
        while (!record_->went_on && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }

    communicator* comm_;
    fault_plan plan_;
    round_record* record_;
    tally* counts_;
    memory_pool memory_;
    witness* mine_;
};

} // namespace chorus::testing
