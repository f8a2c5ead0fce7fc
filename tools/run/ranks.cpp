#include "ranks.hpp"

#include "../command.hpp"

#include <chorus/transport/detail/shm_children.hpp>
#include <chorus/transport/store_server.hpp>

#include <fmt/format.h>

#include <sys/signalfd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>

namespace chorus::tools {

namespace {

/// What is passed on to the ranks.
sigset_t passed_on() {
    sigset_t set;
    ::sigemptyset(&set);
    for (auto const each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) ::sigaddset(&set, each);
    return set;
}

class launcher {
public:
    explicit launcher(ranks_here const& which) : first_(which.first), of_(which.of), ids_(static_cast<std::size_t>(which.count), -1) {
        where_ = which.store.empty() ? "unix:" + store_.address() : "tcp:" + (which.first == 0 ? store_.listen(which.store) : which.store);
        auto const watched = with_children(passed_on());
        ::sigprocmask(SIG_BLOCK, &watched, &usual_);
        signals_ = detail::descriptor(detail::require_system(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
    }
    ~launcher() {
        for (auto const id : ids_)
            if (id > 0) ::kill(id, SIGKILL);
        for (auto const id : ids_)
            if (id > 0) ::waitpid(id, nullptr, 0);
        ::sigprocmask(SIG_SETMASK, &usual_, nullptr);
    }

    int run(std::vector<std::string> const& program) {
        for (std::size_t rank = 0; rank < ids_.size(); ++rank) start(rank, program);
        while (living_ > 0) {
            std::vector<pollfd> files{{signals_.get(), POLLIN, 0}};
            store_.add_files(files);
            ::poll(files.data(), files.size(), ended_by_us_ ? 50 : -1);
            store_.serve();
            pass_on_signals();
            collect();
            end_the_rest();
        }
        return status_;
    }

private:
    static sigset_t with_children(sigset_t set) {
        ::sigaddset(&set, SIGCHLD);
        return set;
    }

    void start(std::size_t rank, std::vector<std::string> const& program) {
        auto const parent = ::getpid();
        auto const id = detail::require_system(::fork(), "fork");
        if (id > 0) {
            ids_[rank] = id;
            ++living_;
            return;
        }
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        ::sigprocmask(SIG_SETMASK, &usual_, nullptr);
        ::setenv("CHORUS_RANK", std::to_string(first_ + static_cast<int>(rank)).c_str(), 1);
        ::setenv("CHORUS_SIZE", std::to_string(of_).c_str(), 1);
        ::setenv("CHORUS_STORE", where_.c_str(), 1);
        std::vector<char*> words;
        for (auto const& each : program) words.push_back(const_cast<char*>(each.c_str()));
        words.push_back(nullptr);
        ::execvp(words.front(), words.data());
        auto const code = errno;
        if (rank == 0) fmt::print(stderr, "chorus: run: cannot start {}: {}\n", program.front(), std::strerror(code));
        ::_exit(code == ENOENT ? 127 : 126);
    }

    void pass_on_signals() {
        signalfd_siginfo what;
        while (::read(signals_.get(), &what, sizeof what) == static_cast<ssize_t>(sizeof what)) {
            auto const number = static_cast<int>(what.ssi_signo);
            if (number != SIGCHLD) tell_all(number);
        }
    }
    void tell_all(int signal) const {
        for (auto const id : ids_)
            if (id > 0) ::kill(id, signal);
    }

    void collect() {
        for (std::size_t rank = 0; rank < ids_.size(); ++rank) {
            int how = 0;
            if (ids_[rank] <= 0 || ::waitpid(ids_[rank], &how, WNOHANG) != ids_[rank]) continue;
            ids_[rank] = -1;
            --living_;
            auto const text = detail::describe_end(how);
            if (text.empty() || status_ != 0) continue;
            status_ = WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
            fmt::print(stderr, "chorus: run: rank {} {}{}\n", first_ + static_cast<int>(rank), text, living_ > 0 ? "; the other ranks are ended" : "");
            ended_by_us_ = chorus::clock::now();
        }
    }
    /// They have a moment to notice by themselves, and to say what they saw; then they are asked, then killed.
    void end_the_rest() {
        if (!ended_by_us_) return;
        auto const waited = chorus::clock::now() - *ended_by_us_;
        if (waited > std::chrono::seconds(3)) tell_all(SIGKILL);
        else if (waited > std::chrono::seconds(2)) tell_all(SIGTERM);
    }

    store_server store_;
    sigset_t usual_{};
    detail::descriptor signals_;
    int first_, of_;
    std::string where_; ///< the store, as ranks are told
    std::vector<pid_t> ids_; ///< by rank, from the first one here; -1: has ended
    std::size_t living_ = 0;
    int status_ = 0;
    std::optional<chorus::clock::time_point> ended_by_us_;
};

} // namespace

int run_ranks(ranks_here const& which, std::vector<std::string> const& program) { return launcher(which).run(program); }

} // namespace chorus::tools
