#pragma once
/// Notices when the process of another rank ends, however that happens.

#include <chorus/transport/detail/descriptor.hpp>
#include <chorus/transport/detail/shm_job.hpp>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace chorus::detail {

inline descriptor open_process(std::uint32_t process) {
    return descriptor(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(process), 0)));
}

/// One descriptor per process. Where the kernel has none (before Linux 5.3) deaths are left to the deadline.
class shm_watch {
public:
    shm_watch(std::shared_ptr<shm_job> job, int rank) : job_(std::move(job)), rank_(rank) {}

    /// All ranks have attached.
    [[gnu::cold]] void begin() {
        for (int other = 0; other < job_->size(); ++other) {
            auto const process = job_->sign(other).process.load(std::memory_order_acquire);
            if (other == rank_ || process == static_cast<std::uint32_t>(::getpid())) continue;
            processes_.push_back(open_process(process));
            if (!processes_.back().valid() && errno == ESRCH) job_->leave(other, shm_sign::died);
            polled_.push_back({processes_.back().get(), POLLIN, 0});
            ranks_.push_back(other);
        }
    }

    /// Marks the ranks whose process has ended; looks rarely, since it is a system call.
    [[gnu::cold]] void look() {
        auto const now = clock::now();
        if (now < next_look_ || polled_.empty()) return;
        next_look_ = now + std::chrono::milliseconds(10);
        if (::poll(polled_.data(), polled_.size(), 0) <= 0) return;
        for (std::size_t i = 0; i < polled_.size(); ++i) {
            if ((polled_[i].revents & POLLIN) == 0) continue;
            job_->leave(ranks_[i], shm_sign::died);
            polled_[i].fd = -1; // poll passes over it from now on
            polled_[i].revents = 0;
        }
    }

private:
    std::shared_ptr<shm_job> job_;
    int rank_;
    std::vector<descriptor> processes_;
    std::vector<pollfd> polled_;
    std::vector<int> ranks_;
    clock::time_point next_look_{};
};

} // namespace chorus::detail
