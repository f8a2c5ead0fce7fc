#pragma once
/// Notices when memory is unmapped, moved or emptied, so that what a device knows of it can be forgotten.
///
/// The kernel tells it through a userfaultfd: pages are registered for write protection, which is never switched on, so that no access
/// is slowed down. Whoever unmaps, moves (mremap) or empties (madvise) such pages waits until the event was read; a thread of the
/// monitor reads, also for programs of one thread. It allocates nothing and takes no lock that is held across an allocation: free()
/// unmaps with the locks of the allocator in its hands.
///
/// Not told by the kernel, and therefore not noticed: shmdt, and a file that another process cuts off.

#include <chorus/transport/detail/address_counts.hpp>
#include <chorus/transport/detail/descriptor.hpp>
#include <chorus/transport/detail/fork_count.hpp>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace chorus::detail {

/// One of a process. Thread-safe. A forked child has none of its parent's: it gets its own from `shared`.
class memory_monitor {
public:
    /// What has happened since the last `collect`: ranges that are gone. With too many of them, everything is.
    class subscriber {
    public:
        static constexpr std::size_t most = 128;

    private:
        friend memory_monitor;
        std::array<address_range, most> gone_;
        std::size_t count_ = 0;
        subscriber* next_ = nullptr;
    };

    /// The monitor of this process, which lives as long as somebody has it. `available()` tells whether it can do anything.
    static std::shared_ptr<memory_monitor> shared() {
        static std::mutex one_at_a_time;
        static std::weak_ptr<memory_monitor> known;
        std::lock_guard const lock(one_at_a_time);
        auto found = known.lock();
        if (found == nullptr || found->forks_ != fork_count()) known = found = std::make_shared<memory_monitor>();
        return found;
    }

    memory_monitor() : forks_(fork_count()), file_(open()) {
        if (!file_.valid()) return;
        stop_ = descriptor(::eventfd(0, EFD_CLOEXEC));
        // Signals are for the program's own threads.
        sigset_t all, usual;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &usual);
        try {
            if (stop_.valid()) reader_ = std::make_unique<std::thread>([this] { read_until_stopped(); });
        } catch (std::system_error const&) { // no thread: available() says so
        }
        ::pthread_sigmask(SIG_SETMASK, &usual, nullptr);
    }
    memory_monitor(memory_monitor const&) = delete;
    memory_monitor& operator=(memory_monitor const&) = delete;
    ~memory_monitor() {
        if (reader_ == nullptr) return;
        if (!is_ours()) { // the thread is the parent's
            static_cast<void>(reader_.release());
            return;
        }
        std::uint64_t const one = 1;
        while (::write(stop_.get(), &one, sizeof one) < 0 && errno == EINTR) {
        }
        reader_->join();
    }

    /// False where the kernel has no userfaultfd or does not let us have one, and in a forked child.
    bool available() const { return reader_ != nullptr && is_ours(); }

    void subscribe(subscriber& who) {
        if (!available()) return;
        std::lock_guard const lock(events_);
        who.next_ = first_;
        first_ = &who;
    }
    void unsubscribe(subscriber& who) {
        if (!available()) return;
        std::lock_guard const lock(events_);
        for (auto** each = &first_; *each != nullptr; each = &(*each)->next_)
            if (*each == &who) {
                *each = who.next_;
                break;
            }
    }

    /// From now on until `unwatch` all subscribers hear of these pages. False where the kernel cannot tell: not all of it is mapped,
    /// or something lies there that it cannot watch.
    bool watch(address_range const& pages) {
        if (!available()) return false;
        std::lock_guard const lock(watching_);
        uffdio_register what{{pages.begin, pages.bytes()}, UFFDIO_REGISTER_MODE_WP, 0};
        if (::ioctl(file_.get(), UFFDIO_REGISTER, &what) != 0) return false; // again, too: they may have been mapped anew
        watched_.add(pages);
        return true;
    }
    /// Takes one `watch` of exactly these pages back.
    void unwatch(address_range const& pages) {
        if (!available()) return;
        std::lock_guard const lock(watching_);
        watched_.remove(pages, [&](address_range const& alone) {
            uffdio_range what{alone.begin, alone.bytes()};
            ::ioctl(file_.get(), UFFDIO_UNREGISTER, &what); // fails where they are gone
        });
    }

    /// Calls visit(range) for what is gone. Whatever had been unmapped when it was called is told, by whichever thread, even where the
    /// unmapping call has not returned. Cost where nothing happened: a system call.
    template <class Visit>
    void collect(subscriber& who, Visit&& visit) {
        if (!available()) return;
        std::array<address_range, subscriber::most> gone;
        std::size_t count = 0;
        for (int tries = 0; is_changing(); ++tries) {
            if (tries == most_tries) return visit(everything); // a stopped thread may keep us for ever
            {
                std::lock_guard const lock(events_);
                read_events();
            }
            std::this_thread::yield(); // it has to leave the kernel
        }
        {
            std::lock_guard const lock(events_); // and the reader has put down what it has read
            count = std::exchange(who.count_, 0);
            if (count <= who.most) std::copy_n(who.gone_.begin(), count, gone.begin());
        }
        if (count > who.most) return visit(everything);
        for (std::size_t i = 0; i < count; ++i) visit(gone[i]);
    }

private:
    static constexpr address_range everything{0, std::numeric_limits<std::uintptr_t>::max()};
    static constexpr int most_tries = 10'000;

    static descriptor open() {
        constexpr int user_mode_only = 1; // what an unprivileged process may have
        auto const flags = O_CLOEXEC | O_NONBLOCK;
        descriptor file(static_cast<int>(::syscall(SYS_userfaultfd, flags | user_mode_only)));
        if (!file.valid()) file = descriptor(static_cast<int>(::syscall(SYS_userfaultfd, flags)));
        uffdio_api wanted{UFFD_API, UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE, 0};
        if (file.valid() && ::ioctl(file.get(), UFFDIO_API, &wanted) != 0) file = descriptor();
        return file;
    }
    bool is_ours() const { return forks_ == fork_count(); }

    /// Whether some thread has changed the mapping and not yet told. The kernel checks that first: EAGAIN; then the argument: EINVAL for
    /// no pages. (A null pointer would be a page fault.)
    bool is_changing() const {
        uffdio_writeprotect nothing{};
        return ::ioctl(file_.get(), UFFDIO_WRITEPROTECT, &nothing) != 0 && errno == EAGAIN;
    }

    void read_until_stopped() {
        pollfd files[2] = {{file_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
        while (files[1].revents == 0) {
            if (::poll(files, 2, -1) <= 0) continue;
            std::lock_guard const lock(events_);
            read_events();
        }
    }
    /// Holds events_ from before an event is read, which lets the unmapping thread go on, until it is put down.
    void read_events() {
        uffd_msg what;
        while (::read(file_.get(), &what, sizeof what) == static_cast<ssize_t>(sizeof what)) {
            if (what.event == UFFD_EVENT_UNMAP || what.event == UFFD_EVENT_REMOVE) tell({what.arg.remove.start, what.arg.remove.end});
            if (what.event == UFFD_EVENT_REMAP) tell({what.arg.remap.from, what.arg.remap.from + what.arg.remap.len});
        }
    }
    void tell(address_range const& gone) {
        for (auto* each = first_; each != nullptr; each = each->next_) {
            if (each->count_ < each->most) each->gone_[each->count_] = gone;
            if (each->count_ <= each->most) ++each->count_;
        }
    }

    unsigned forks_;
    descriptor file_, stop_;
    std::mutex events_;   ///< nothing is allocated or freed while it is held
    subscriber* first_ = nullptr;
    std::mutex watching_; ///< never taken by the reader
    address_counts watched_;
    std::unique_ptr<std::thread> reader_;
};

} // namespace chorus::detail
