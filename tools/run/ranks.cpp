/// Two processes: the one that was called looks after the launcher, which is the parent of the ranks. Each inherits the
/// ranks' orphans and ends them where the other one is killed.

#include "ranks.hpp"

#include "../command.hpp"
#include "descendants.hpp"

#include <chorus/transport/detail/shm_children.hpp>
#include <chorus/transport/store_server.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

namespace chorus::tools {

namespace {

/// The signals that are passed on to the ranks, blocked, as a file. What the caller ignores (nohup) stays ignored.
class signal_file {
public:
    signal_file() {
        ::signal(SIGCHLD, SIG_DFL);
        sigset_t watched;
        ::sigemptyset(&watched);
        for (auto const each : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
            struct sigaction now {};
            ::sigaction(each, nullptr, &now);
            if (now.sa_handler != SIG_IGN) ::sigaddset(&watched, each);
        }
        file_ = detail::descriptor(
            detail::require_system(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
        ::sigaddset(&watched, SIGTTOU); // the launcher says what it has to say in the background, too
        ::sigprocmask(SIG_BLOCK, &watched, &usual_);
    }
    int get() const { return file_.get(); }
    sigset_t const& usual() const { return usual_; }
    /// The next one, but for SIGCHLD, which only wakes.
    std::optional<signalfd_siginfo> next() const {
        signalfd_siginfo what;
        while (::read(get(), &what, sizeof what) == static_cast<ssize_t>(sizeof what))
            if (what.ssi_signo != SIGCHLD) return what;
        return std::nullopt;
    }

private:
    detail::descriptor file_;
    sigset_t usual_{};
};

int status_of(int how) { return WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how); }

/// Whether who ended like this was the cause of what followed, rather than one who gave up. A shell says 128 + n for
/// its child.
bool is_cause(int how) {
    auto const status = status_of(how);
    return status == 0 || (status > 128 && status != 128 + SIGABRT);
}

class launcher {
public:
    /// `caller` can be read when the process that looks after us has ended.
    launcher(ranks_here const& which, signal_file const& signals, detail::descriptor caller)
        : which_(which),
          signals_(&signals),
          caller_(std::move(caller)),
          ids_(static_cast<std::size_t>(which.count), -1) {
        ::setpgid(0, 0);
        where_ = which.store.empty() ? "unix:" + store_.address()
                                     : "tcp:" + (which.first == 0 ? store_.listen(which.store) : which.store);
    }

    int run(std::vector<std::string> const& program) {
        for (std::size_t rank = 0; rank < ids_.size(); ++rank) start(rank, program);
        while ((living_ > 0 || left_behind_) && !is_overdue()) {
            std::vector<pollfd> files{
                {caller_.get(), POLLIN, 0}, {signals_->get(), POLLIN, 0}, {door_.get(), POLLIN, 0}};
            store_.add_files(files);
            ::poll(files.data(), files.size(), must_end() || failed_ ? 50 : -1);
            if (files.front().revents != 0) break;
            store_.serve();
            let_memory_in();
            pass_on_signals();
            collect();
            if (!one_is_ending()) name_the_first();
        }
        name_the_first();
        end_descendants();
        return status_ == 0 && asked_ != 0 && (living_ > 0 || obeyed_) ? 128 + asked_ : status_;
    }

private:
    struct end {
        int rank, how;
        bool early; ///< as if all were well, but before its session
    };

    void start(std::size_t which, std::vector<std::string> const& program) {
        auto const rank = which_.first + static_cast<int>(which);
        auto const parent = ::getpid();
        auto const id = detail::require_system(::fork(), "fork");
        if (id > 0) {
            ids_[which] = id;
            ++living_;
            return;
        }
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        ::setpgid(0, group_);
        ::sigprocmask(SIG_SETMASK, &signals_->usual(), nullptr);
        ::setenv("CHORUS_RANK", std::to_string(rank).c_str(), 1);
        ::setenv("CHORUS_SIZE", std::to_string(which_.of).c_str(), 1);
        ::setenv("CHORUS_STORE", where_.c_str(), 1);
        ::setenv("CHORUS_LAUNCHER", door_.address().c_str(), 1);
        if (which_.reads_input != rank && which_.reads_input != ranks_here::everybody)
            if (auto const nothing = ::open("/dev/null", O_RDONLY); nothing > 0)
                ::dup2(nothing, STDIN_FILENO), ::close(nothing);
        std::vector<char*> words;
        for (auto const& each : program) words.push_back(const_cast<char*>(each.c_str()));
        words.push_back(nullptr);
        ::execvp(words.front(), words.data());
        auto const code = errno;
        if (which == 0) fmt::print(stderr, "chorus: run: cannot start {}: {}\n", program.front(), std::strerror(code));
        ::_exit(code == ENOENT ? 127 : 126);
    }

    /// Sessions show the memory that their ranks share: it tells who has left in order, and who goes on.
    void let_memory_in() {
        while (auto const guest = door_.accept(chorus::clock::time_point::min())) try {
                detail::descriptor file;
                guest->receive(chorus::clock::now() + std::chrono::milliseconds(100), &file);
                if (memory_ || !file.valid()) continue;
                auto shown = detail::shm_job::adopt(std::move(file));
                if (shown->size() == which_.of) memory_ = std::move(shown);
            } catch (error const&) { // of another version of Chorus, perhaps: we do without it
            }
    }

    /// The terminal has sent its signals to all of the group already. A signal of the user is for the ranks, one that
    /// ends a program for all that they have started, too: a shell would wait for its child.
    void pass_on_signals() {
        while (auto const what = signals_->next()) {
            auto const number = static_cast<int>(what->ssi_signo);
            if (number == SIGUSR1 || number == SIGUSR2) {
                for (auto const id : ids_)
                    if (id > 0) ::kill(id, number);
                continue;
            }
            if (what->ssi_int == 0) signal_descendants(number);
            if (asked_ == 0) asked_ = number;
        }
    }

    void collect() {
        int how = 0;
        pid_t id;
        while ((id = ::waitpid(-1, &how, WNOHANG)) > 0) {
            auto const rank = std::find(ids_.begin(), ids_.end(), id);
            if (rank == ids_.end()) continue; // an orphan
            *rank = -1;
            --living_;
            note_end(which_.first + static_cast<int>(rank - ids_.begin()), how);
        }
        left_behind_ = id == 0;
    }
    void note_end(int rank, int how) {
        if (told_ && WIFSIGNALED(how) && WTERMSIG(how) == SIGTERM) { // by us
            obeyed_ = true;
            return;
        }
        auto const text = detail::describe_end(how);
        ended_.push_back({rank, how, text.empty() && memory_ && detail::is_attached(*memory_, rank)});
        if (text.empty()) return;
        failed_ = true;
        if (memory_) detail::note_death(*memory_, rank, text);
    }
    /// A script may end later than those who have seen the death of its program.
    bool one_is_ending() const {
        for (std::size_t i = 0; memory_ && !told_ && i < ids_.size(); ++i)
            if (ids_[i] > 0 && memory_->has_died(which_.first + static_cast<int>(i))) return true;
        return false;
    }
    /// Once: the first that failed, after one that ended as if all were well, but before its session.
    void name_the_first() {
        if (!failed_ || status_ != 0) return;
        std::stable_partition(ended_.begin(), ended_.end(), [](end const& each) { return is_cause(each.how); });
        auto const early = std::ranges::find(ended_, true, &end::early);
        auto const first = std::ranges::find_if(ended_, [](end const& each) { return each.how != 0; });
        auto const before =
            early == ended_.end()
                ? std::string()
                : fmt::format("rank {} ended with status 0 in the middle of its session; ", early->rank);
        status_ = status_of(first->how);
        fmt::print(stderr, "chorus: run: {}rank {} {}\n", before, first->rank, detail::describe_end(first->how));
    }

    bool must_end() const {
        return asked_ != 0 || (living_ == 0 && left_behind_) || (failed_ && !(memory_ && detail::goes_on(*memory_)));
    }
    /// Those that are to end have a moment to notice by themselves, and to say what they saw; then they are asked, then
    /// killed.
    bool is_overdue() {
        if (!must_end())
            ending_since_.reset();
        else if (!ending_since_)
            ending_since_ = chorus::clock::now(), told_ = false;
        if (!ending_since_) return false;
        auto const waited = chorus::clock::now() - *ending_since_;
        if (waited > which_.grace && !std::exchange(told_, true)) signal_descendants(SIGTERM);
        if (waited <= which_.grace + std::chrono::seconds(1)) return false;
        fmt::print(stderr, "chorus: run: what has not ended in time is killed\n");
        return true;
    }

    ranks_here which_;
    signal_file const* signals_;
    detail::descriptor caller_;
    pid_t group_ = ::getpgrp(); ///< of the ranks: the caller's
    store_server store_;
    detail::local_socket door_ = detail::local_socket::listen(1024); ///< for sessions
    std::string where_;                                              ///< the store, as ranks are told
    std::vector<pid_t> ids_; ///< by rank, from the first one here; -1: has ended
    std::size_t living_ = 0;
    bool left_behind_ = false; ///< processes that ranks have started
    std::shared_ptr<detail::shm_job> memory_;
    int status_ = 0;
    int asked_ = 0;          ///< the first signal that asked for the end
    std::vector<end> ended_; ///< in their order
    bool failed_ = false, told_ = false, obeyed_ = false;
    std::optional<chorus::clock::time_point> ending_since_;
};

/// Passes signals on to the launcher, with whether they are of the terminal, and returns its status.
int look_after(pid_t launcher, signal_file const& signals) {
    int how = 0;
    while (::waitpid(launcher, &how, WNOHANG) == 0) {
        pollfd file{signals.get(), POLLIN, 0};
        ::poll(&file, 1, -1);
        while (auto const what = signals.next())
            ::sigqueue(launcher, static_cast<int>(what->ssi_signo), {.sival_int = what->ssi_code == SI_KERNEL ? 1 : 0});
    }
    if (WIFSIGNALED(how)) fmt::print(stderr, "chorus: run: the launcher {}\n", detail::describe_end(how));
    end_descendants();
    return status_of(how);
}

} // namespace

/// The ranks stay in the group of the terminal, where they may read. The launcher leaves it, and has another name than
/// the command: who kills the group, or all processes of a name, leaves it to clean up.
int run_ranks(ranks_here const& which, std::vector<std::string> const& program) {
    signal_file const signals;
    adopt_orphans();
    int ends[2];
    detail::require_system(::pipe2(ends, O_CLOEXEC), "pipe");
    detail::descriptor caller(ends[0]), life(ends[1]);
    std::fflush(nullptr);
    auto const id = detail::require_system(::fork(), "fork");
    if (id > 0) return look_after(id, signals);
    life = detail::descriptor();
    adopt_orphans();
    ::prctl(PR_SET_NAME, "rank-launcher");
    return launcher(which, signals, std::move(caller)).run(program);
}

} // namespace chorus::tools
