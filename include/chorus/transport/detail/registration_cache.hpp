#pragma once
/// Memory that a device knows, kept for the next message from or to it.

#include <chorus/transport/detail/address_counts.hpp>
#include <chorus/transport/detail/memory_monitor.hpp>

#include <unistd.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <utility>

namespace chorus::detail {

/// Makes memory known to a device. `add` throws a transport_error where that cannot be; it gets whole pages.
template <class T>
concept registrar = requires(T& t, std::byte* memory, std::size_t bytes, typename T::handle known) {
    { t.add(memory, bytes) } -> std::same_as<typename T::handle>;
    t.remove(std::move(known));
};

/// How much may be registered, what `pin` keeps aside. What leases hold counts, but is never taken from them.
struct registration_limits {
    std::size_t bytes = std::size_t{1} << 30;
    std::size_t entries = 1024;
};

struct registration_counts {
    std::uint64_t hits = 0, misses = 0;
    std::uint64_t evicted = 0;     ///< for want of room
    std::uint64_t invalidated = 0; ///< the memory was gone
};

/// A request is served by an entry that contains it. Entries are not merged: a merged one would have to be registered anew while
/// messages use its parts, and would grow with every neighbour. None contains another, so that begins and ends are in the same order
/// and one look finds the entry.
///
/// Freed memory and memory that was mapped anew at its address are told apart by the monitor. What it cannot watch is registered for
/// its lease alone, as is everything where there is no monitor. The least recently used entries leave first.
///
/// For one thread. All leases end before the cache. Cost of `get`: O(log entries) and a system call, or a registration.
template <registrar Registrar, class Monitor = memory_monitor>
class registration_cache {
    struct entry {
        address_range where;
        typename Registrar::handle known;
        std::size_t leases = 0;
        bool watched = false;
        bool pinned = false;
        bool indexed = false; ///< may be given out again
    };
    using entries = std::list<entry>;

public:
    using handle = typename Registrar::handle;

    /// Keeps the registration until it ends.
    class lease {
    public:
        lease() = default;
        lease(lease&& other) noexcept : of_(std::exchange(other.of_, nullptr)), what_(other.what_), pins_(other.pins_) {}
        lease& operator=(lease&& other) noexcept {
            std::swap(of_, other.of_);
            std::swap(what_, other.what_);
            std::swap(pins_, other.pins_);
            return *this;
        }
        ~lease() { reset(); }

        explicit operator bool() const { return of_ != nullptr; }
        handle const& key() const { return what_->known; }
        void reset() {
            if (auto* const of = std::exchange(of_, nullptr)) of->give_back(what_, pins_);
        }

    private:
        friend registration_cache;
        lease(registration_cache& of, typename entries::iterator what, bool pins) : of_(&of), what_(what), pins_(pins) { ++what->leases; }

        registration_cache* of_ = nullptr;
        typename entries::iterator what_{};
        bool pins_ = false;
    };

    /// Without a monitor nothing is kept.
    explicit registration_cache(Registrar over, registration_limits limits = {}, std::shared_ptr<Monitor> monitor = Monitor::shared())
        : registrar_(std::move(over)), limits_(limits), monitor_(std::move(monitor)), page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
        if (monitor_ != nullptr) monitor_->subscribe(told_);
    }
    registration_cache(registration_cache const&) = delete;
    registration_cache& operator=(registration_cache const&) = delete;
    ~registration_cache() {
        clear();
        if (monitor_ != nullptr) monitor_->unsubscribe(told_);
    }

    /// A registration of this memory. Throws what the registrar does; it is asked twice where room could be made.
    lease get(std::byte const* memory, std::size_t bytes) {
        tidy();
        auto const where = pages_of(memory, bytes, page_);
        auto const found = find(where);
        if (found == index_.end()) {
            ++counts_.misses;
            return add(where, false);
        }
        ++counts_.hits;
        auto const known = found->second;
        if (known->leases == 0) busy_.splice(busy_.end(), idle_, known);
        return {*this, known, false};
    }
    /// One that stays until this lease ends, and serves others meanwhile; outside the limits. For memory that whoever holds the lease
    /// unmaps only afterwards: it is kept without a monitor, too.
    lease pin(std::byte const* memory, std::size_t bytes) {
        tidy();
        return add(pages_of(memory, bytes, page_), true);
    }

    /// Forgets what is gone; what is in use ends with its lease.
    void tidy() {
        if (monitor_ != nullptr) monitor_->collect(told_, [&](address_range const& gone) { invalidate(gone); });
    }
    /// Forgets all that nobody uses.
    void clear() {
        while (!idle_.empty()) forget(idle_.begin());
    }

    std::size_t bytes() const { return bytes_; } ///< registered, without what is pinned
    std::size_t size() const { return busy_.size() + idle_.size(); }
    registration_counts const& counts() const { return counts_; }

private:
    using map = std::map<std::uintptr_t, typename entries::iterator>;

    typename map::iterator find(address_range const& where) {
        auto const after = index_.upper_bound(where.begin);
        return after != index_.begin() && std::prev(after)->second->where.contains(where) ? std::prev(after) : index_.end();
    }
    lease add(address_range const& where, bool pinned) {
        entry made{where, {}, 0, false, pinned, false};
        if (!pinned) make_room(where.bytes());
        made.watched = monitor_ != nullptr && where.bytes() <= limits_.bytes && monitor_->watch(where); // before the device looks at it
        try {
            made.known = registered(where);
        } catch (...) {
            if (made.watched) monitor_->unwatch(where);
            throw;
        }
        busy_.push_back(std::move(made));
        auto const kept = std::prev(busy_.end());
        if (!pinned) {
            bytes_ += where.bytes();
            ++counted_;
        }
        lease result(*this, kept, pinned);
        if (kept->watched || pinned) index(kept);
        return result;
    }
    handle registered(address_range const& where) {
        auto* const memory = reinterpret_cast<std::byte*>(where.begin);
        if (!idle_.empty()) {
            try {
                return registrar_.add(memory, where.bytes());
            } catch (std::exception const&) { // the limit of locked memory, perhaps
                clear();
            }
        }
        return registrar_.add(memory, where.bytes());
    }

    void index(typename entries::iterator what) {
        if (find(what->where) != index_.end()) return; // pinned inside something known
        for (auto each = index_.lower_bound(what->where.begin); each != index_.end() && what->where.contains(each->second->where);) {
            auto const smaller = each->second;
            ++each;
            forget(smaller);
        }
        index_.emplace(what->where.begin, what);
        what->indexed = true;
    }
    /// Not to be given out any more.
    void unlist(typename entries::iterator what) {
        if (std::exchange(what->indexed, false)) index_.erase(what->where.begin);
        if (std::exchange(what->watched, false)) monitor_->unwatch(what->where);
    }
    void forget(typename entries::iterator what) {
        unlist(what);
        if (what->leases == 0) end(what, idle_);
    }
    void end(typename entries::iterator what, entries& in) {
        if (!what->pinned) {
            bytes_ -= what->where.bytes();
            --counted_;
        }
        registrar_.remove(std::move(what->known));
        in.erase(what);
    }

    void give_back(typename entries::iterator what, bool pins) {
        if (pins) unlist(what); // its memory is about to go
        if (--what->leases > 0) return;
        if (!what->indexed) return end(what, busy_);
        idle_.splice(idle_.end(), busy_, what);
        make_room(0);
    }
    void make_room(std::size_t bytes) {
        auto const entries_too = bytes > 0 ? 1U : 0U;
        while (!idle_.empty() && (bytes_ + bytes > limits_.bytes || counted_ + entries_too > limits_.entries)) {
            ++counts_.evicted;
            forget(idle_.begin());
        }
    }
    void invalidate(address_range const& gone) {
        auto each = index_.lower_bound(gone.begin);
        while (each != index_.begin() && std::prev(each)->second->where.end > gone.begin) --each;
        while (each != index_.end() && each->first < gone.end) {
            auto const what = each->second;
            ++each;
            if (!what->where.meets(gone)) continue;
            ++counts_.invalidated;
            forget(what);
        }
    }

    Registrar registrar_;
    registration_limits limits_;
    std::shared_ptr<Monitor> monitor_;
    typename Monitor::subscriber told_;
    std::size_t page_;
    std::size_t bytes_ = 0, counted_ = 0;
    entries busy_, idle_; ///< idle: least recently used first
    map index_;
    registration_counts counts_;
};

} // namespace chorus::detail
