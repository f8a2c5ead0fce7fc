#pragma once
/// A thread that advances asynchronous collectives while their rank computes.

#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/context.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace chorus {

/// As long as it lives, what was started asynchronously in the context of `comm` advances by itself:
///
///     chorus::progress_thread helper(comm);
///     auto request = chorus::async_all_reduce(comm, gradient);
///     compute();         // no progress() needed
///     request.wait();
///
/// Calls are made by one thread all the same, the owner of the rank: a lock keeps the two apart, so that each Chorus call costs
/// some 20 ns more. Sleeps where nothing is unfinished; where something is and does not advance, looks every 50 us. Completion
/// callbacks run on whichever thread notices. End it before its session ends. A usage_error over MPI, which is started for one
/// thread, and where the context has such a thread already.
class progress_thread final : private detail::context_helper {
public:
    explicit progress_thread(communicator& comm) : owner_(comm.shared_context()) {
        comm.require_valid();
        auto& transport = owner_->transport();
        if (transport.native() != nullptr || transport.name() == "routed")
            detail::misuse({"progress_thread: the transport ", transport.name(), " may be called by one thread only"});
        if (owner_->helper() != nullptr) detail::misuse({"progress_thread: this context has one already"});
        owner_->set_helper(this);
        thread_ = std::thread([this] { run(); });
    }
    progress_thread(progress_thread const&) = delete;
    progress_thread& operator=(progress_thread const&) = delete;
    ~progress_thread() {
        {
            std::scoped_lock const guard(mutex_);
            stop_ = true;
            work_.notify_all();
        }
        thread_.join();
        owner_->set_helper(nullptr);
    }

private:
    void lock() override {
        ++wanted_;
        mutex_.lock();
        --wanted_;
        ++depth_;
    }
    void unlock() noexcept override {
        if (--depth_ == 0 && sleeps_ && unfinished()) work_.notify_all();
        mutex_.unlock();
    }

    bool unfinished() const { return owner_->active() > 0 && !owner_->failed(); }

    void run() {
        constexpr int eager_rounds = 64;
        constexpr auto pause = std::chrono::microseconds(50);
        std::unique_lock guard(mutex_);
        for (int idle = 0; !stop_;) {
            if (!unfinished()) {
                sleeps_ = true;
                work_.wait(guard, [&] { return stop_ || unfinished(); });
                sleeps_ = false;
                idle = 0;
                continue;
            }
            try {
                idle = owner_->progress() ? 0 : idle + 1;
            } catch (...) { // the context has failed, and says so at its owner's next call
            }
            guard.unlock();
            if (idle > eager_rounds) std::this_thread::sleep_for(pause);
            else if (idle > 0 || wanted_ > 0) std::this_thread::yield();
            guard.lock();
        }
    }

    std::shared_ptr<context> owner_;
    std::recursive_mutex mutex_; ///< whoever holds it has the context
    std::condition_variable_any work_;
    std::atomic<int> wanted_{0};
    int depth_ = 0;      ///< of the owner's calls; these three under the mutex
    bool sleeps_ = false;
    bool stop_ = false;
    std::thread thread_;
};

} // namespace chorus
