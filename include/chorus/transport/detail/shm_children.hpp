#pragma once
/// Processes that were forked to be ranks: how they start, what they report, and how they end.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/shm_job.hpp>
#include <chorus/transport/detail/shm_watch.hpp>
#include <chorus/transport/detail/standard_streams.hpp>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus::detail {

/// What a rank has thrown, and whether it came to its end; in memory that it shares with its parent.
class child_report {
public:
    void write(std::uint32_t kind, std::string_view text) {
        kind_ = kind;
        text_[text.copy(text_, sizeof text_ - 1)] = '\0';
        written_.store(1, std::memory_order_release);
    }
    bool is_written() const { return written_.load(std::memory_order_acquire) != 0; }
    void finish() { finished_.store(1, std::memory_order_release); }
    bool is_finished() const { return finished_.load(std::memory_order_acquire) != 0; }
    std::uint32_t kind() const { return kind_; }
    std::string text() const { return text_; }

private:
    std::atomic<std::uint32_t> written_;
    std::atomic<std::uint32_t> finished_;
    std::uint32_t kind_;
    char text_[4000];
};

class child_reports {
public:
    explicit child_reports(int ranks) : bytes_(static_cast<std::size_t>(ranks) * sizeof(child_report)) {
        auto* const memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) system_failure("mmap");
        all_ = static_cast<child_report*>(memory);
    }
    child_reports(child_reports const&) = delete;
    child_reports& operator=(child_reports const&) = delete;
    ~child_reports() { ::munmap(all_, bytes_); }
    child_report& operator[](int rank) const { return all_[rank]; }

private:
    std::size_t bytes_;
    child_report* all_ = nullptr;
};

/// "was killed by signal 9 (Killed)", "ended with status 3"; empty where all is well.
[[gnu::cold]] inline std::string describe_end(int status) {
    if (WIFSIGNALED(status)) {
        auto const* const known = ::strsignal(WTERMSIG(status));
        return text({"was killed by signal ", WTERMSIG(status), " (", known != nullptr ? known : "?", ")"});
    }
    auto const code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    return code != 0 ? text({"ended with status ", code}) : std::string();
}

/// Of ranks that are found dead together, these come first: the others may have given up because of them.
inline bool vanished(int status) {
    return WIFSIGNALED(status) ? WTERMSIG(status) != SIGABRT : WEXITSTATUS(status) == 0;
}

/// The rank has joined and not left.
inline bool is_attached(shm_job const& job, int rank) {
    auto const& sign = job.sign(rank);
    return sign.process.load(std::memory_order_acquire) != 0 &&
           sign.is.load(std::memory_order_acquire) != shm_sign::left;
}
/// Tells the others, unless they have gone on without it.
inline void note_death(shm_job const& job, int rank, std::string const& how) {
    job.leave(rank, shm_sign::died);
    job.revoke_for(rank, how);
}
/// Whether the ranks that are left go on without those that failed, or are about to (shrink), with a deadline of their own.
inline bool goes_on(shm_job const& job) {
    if (!job.failed()) return true;
    auto const round = job.header().round.load(std::memory_order_acquire);
    for (int rank = 0; rank < job.size(); ++rank)
        if (!job.is_gone(rank) && job.sign(rank).renews.load(std::memory_order_acquire) > round) return true;
    return false;
}

struct children_ended {
    int first_silent = -1; ///< died or ended without a word, and not by us
    int first_failed = -1;
    std::vector<std::string> how; ///< by rank, empty where all is well
};

/// Ends those that still live when it goes out of scope.
class children {
public:
    children(shm_job const& job, child_reports const& reports)
        : job_(&job),
          reports_(&reports),
          ids_(static_cast<std::size_t>(job.size()), -1) {
        ended_.how.resize(ids_.size());
    }
    children(children const&) = delete;
    children& operator=(children const&) = delete;
    ~children() {
        kill_all();
        for (auto const id : ids_)
            if (id > 0) ::waitpid(id, nullptr, 0);
    }

    /// `life` returns the exit status.
    template <class Life>
    void start(int rank, Life life) {
        flush_standard_streams(); // or the child would write it again
        auto const parent = ::getpid();
        auto const id = require_system(::fork(), "fork");
        if (id == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL); // no child outlives the caller, whatever happens to it
            if (::getppid() != parent) ::_exit(1);
            write_whole_lines();
            auto const status = life();
            (*reports_)[rank].finish();
            flush_standard_streams();
            ::_exit(status); // destructors and exit handlers of the program belong to the parent
        }
        ids_[static_cast<std::size_t>(rank)] = id;
        watched_.push_back(open_process(static_cast<std::uint32_t>(id)));
        polled_.push_back({watched_.back().get(), POLLIN, 0});
    }

    /// Until all have ended. When one fails, the others have a moment to notice, or to go on without it (shrink).
    children_ended wait() {
        constexpr std::chrono::seconds grace{5};
        auto left = ids_.size();
        auto until = clock::time_point::max();
        while (left > 0) {
            left -= collect();
            if (left == 0) break;
            if (goes_on(*job_)) until = clock::time_point::max();
            else if (ended_.first_failed >= 0 && until == clock::time_point::max()) until = clock::now() + grace;
            if (clock::now() > until) kill_all();
            ::poll(polled_.data(), polled_.size(), 100);
        }
        return ended_;
    }

private:
    std::size_t collect() {
        std::vector<std::pair<int, int>> found; // rank, status
        for (std::size_t rank = 0; rank < ids_.size(); ++rank) {
            int status = 0;
            if (ids_[rank] <= 0) continue;
            auto const ended = ::waitpid(ids_[rank], &status, WNOHANG);
            if (ended == 0 || (ended < 0 && errno != ECHILD)) continue; // ECHILD: the program ignores SIGCHLD, nobody knows how
            ids_[rank] = -1;
            polled_[rank].fd = -1;
            found.emplace_back(static_cast<int>(rank), status);
        }
        std::stable_partition(found.begin(), found.end(), [](auto const& each) { return vanished(each.second); });
        for (auto const& [rank, status] : found) note_end(rank, status);
        return found.size();
    }
    void note_end(int rank, int status) {
        auto const& report = (*reports_)[rank];
        auto& said = ended_.how[static_cast<std::size_t>(rank)];
        said = describe_end(status);
        if (said.empty() && !report.is_finished()) said = "ended with status 0 before its function had returned";
        if (said.empty()) return;
        if (ended_.first_failed < 0) ended_.first_failed = rank;
        if (ended_.first_silent < 0 && !report.is_written() && !killed_) ended_.first_silent = rank;
        note_death(*job_, rank, said);
    }
    void kill_all() {
        for (auto const id : ids_)
            if (id > 0) ::kill(id, SIGKILL);
        killed_ = true;
    }

    shm_job const* job_;
    child_reports const* reports_;
    std::vector<pid_t> ids_; ///< -1: has ended
    std::vector<descriptor> watched_;
    std::vector<pollfd> polled_;
    bool killed_ = false;
    children_ended ended_;
};

} // namespace chorus::detail
