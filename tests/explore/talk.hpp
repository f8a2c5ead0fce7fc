#pragma once
/// What the scenarios share: transports of the ranks of one run, made as small as they can be, and a rank that talks
/// through one of them and checks everything that it is told.

#include "explore/engine/explore.hpp"

#include <chorus/transport/erased.hpp>
#include <chorus/transport/shm.hpp>
#include <chorus/transport/threads.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace chorus::testing::explore {

enum class waiting { spins, sleeps };

/// Ranks as threads.
class thread_world {
public:
    using transport = threads_transport;
    static constexpr char const* name = "threads";

    explicit thread_world(int ranks) {
        auto const hub = std::make_shared<detail::thread_hub>(ranks);
        for (int rank = 0; rank < ranks; ++rank) all_.push_back(std::make_unique<transport>(hub, rank));
    }
    transport& of(int rank) { return *all_[static_cast<std::size_t>(rank)]; }
    std::unique_ptr<any_transport> give(int rank) {
        return any_transport::own(std::move(all_[static_cast<std::size_t>(rank)]));
    }
    /// The rank's function returns.
    void leave(int rank) { all_[static_cast<std::size_t>(rank)].reset(); }
    /// Memory that goes its direct way.
    std::byte* memory(int, std::size_t bytes) { return new std::byte[bytes]; }

private:
    std::vector<std::unique_ptr<transport>> all_;
};

/// Ranks as processes, all in the mapping of this one. Two slots in a mailbox, two states, a ring of four parts.
class shm_world {
public:
    using transport = shm_transport;
    static constexpr char const* name = "shm";

    explicit shm_world(int ranks) : job_(fresh(ranks)) {
        for (int rank = 0; rank < ranks; ++rank)
            as_rank(rank, [&] { all_.push_back(std::make_unique<transport>(job_, rank, clock::time_point::max())); });
    }
    transport& of(int rank) { return *all_[static_cast<std::size_t>(rank)]; }
    std::unique_ptr<any_transport> give(int rank) {
        return any_transport::own(std::move(all_[static_cast<std::size_t>(rank)]));
    }
    void leave(int rank) { all_[static_cast<std::size_t>(rank)].reset(); }
    std::byte* memory(int rank, std::size_t bytes) { return of(rank).allocate(bytes); }

private:
    /// The same memory in each run, as if new: all ranks have come.
    static std::shared_ptr<detail::shm_job> fresh(int ranks) {
        auto const job = kept(ranks);
        auto& header = job->header();
        std::memset(reinterpret_cast<std::byte*>(&header.ready) + sizeof header.ready, 0,
                    4096 - sizeof header.shape - sizeof header.ready);
        std::memset(job->at(job->shape().signs_at()), 0, job->shape().rings_at() - job->shape().signs_at());
        header.attached.store(static_cast<std::uint32_t>(ranks));
        for (int rank = 0; rank < ranks; ++rank)
            as_rank(rank, [&] { job->sign(rank).process.store(static_cast<std::uint32_t>(::getpid())); });
        return job;
    }
    static std::shared_ptr<detail::shm_job> const& kept(int ranks) {
        static std::array<std::shared_ptr<detail::shm_job>, 5> jobs;
        auto& job = jobs.at(static_cast<std::size_t>(ranks));
        if (job) return job;
        outside_of_runs([&] {
            auto const large = detail::shm_job::create(ranks, {.heap_bytes = detail::huge_page, .ring_bytes = 4096});
            large->header().shape.slots = 2;
            large->header().shape.states = 2;
            job = detail::shm_job::adopt(detail::descriptor(::dup(large->file())));
        });
        return job;
    }

    std::shared_ptr<detail::shm_job> job_;
    std::vector<std::unique_ptr<transport>> all_;
};

/// One rank and what it has posted. Messages are filled with one number; what may be overwritten is overwritten at
/// once.
template <class World>
class talker {
public:
    talker(World& world, int rank, waiting how = waiting::spins) : world_(&world), rank_(rank), how_(how) {}

    static exchange on(std::uint32_t sequence, std::uint8_t lane = 0) { return {1, sequence, 42, lane}; }

    /// Sends so many bytes of that value; `direct`: of memory that a peer may read.
    void send(int peer, exchange const& ex, std::size_t bytes, int value, bool direct = true) {
        auto& made = add(kind::send, bytes, value, direct);
        if (over().post_send(peer, ex, made.pieces(), made.tok)) finish(made, nullptr);
    }
    void receive(int peer, exchange const& ex, std::size_t bytes, int value) {
        auto& made = add(kind::receive, bytes, value, true);
        if (over().post_recv(peer, ex, made.pieces(), made.tok)) finish(made, nullptr);
    }
    /// A receive whose answer may be written by the peer instead, and the send that offers that.
    void send_with_offer(int peer, exchange const& ex, std::size_t bytes, int value, int answer, std::uint32_t place,
                         bool posted_before) {
        auto const receive_at = posts_.size();
        auto& wanted = add(kind::receive, bytes, answer, true);
        if (posted_before && over().post_recv(peer, ex, wanted.pieces(), wanted.tok)) finish(wanted, nullptr);
        auto& made = add(kind::send, bytes, value, true);
        reply_offer offer{};
        if (!posts_[receive_at]->over) offer = {posts_[receive_at]->one, posts_[receive_at]->tok, place};
        if (over().post_offer(peer, ex, made.pieces(), made.tok, offer)) finish(made, nullptr);
        if (posted_before) return;
        poll();
        auto& later = *posts_[receive_at];
        if (!later.over && over().post_recv(peer, ex, later.pieces(), later.tok)) finish(later, nullptr);
    }
    /// Sees a message where it lies; its token.
    token view(int peer, exchange const& ex, std::size_t bytes, int value) {
        auto& made = add(kind::view, bytes, value, true);
        if (auto const* const there = over().post_view(peer, ex, made.one, made.tok)) finish(made, there);
        return made.tok;
    }
    enum class answered { no, straight, taken_back };
    /// Waits for the view, checks it, and answers it straight if it may.
    answered answer(token which, std::uint32_t place, int value) {
        auto& seen = *posts_[which];
        if (!wait_for(seen)) return answered::taken_back;
        auto* const memory = seen.is_shown() ? over().reply_memory(which, place, seen.one.bytes) : nullptr;
        if (seen.is_shown() && !over().touch(which)) return answered::taken_back;
        check(seen.shown, seen.one.bytes, seen.value);
        if (memory != nullptr) std::memset(memory, value, seen.one.bytes);
        if (!seen.is_shown()) return answered::no;
        if (!over().touch(which)) return answered::taken_back;
        if (memory != nullptr)
            over().reply(which);
        else
            over().release(which);
        return memory != nullptr ? answered::straight : answered::no;
    }

    bool poll() {
        std::array<completion, 4> done;
        auto const count = over().poll(done);
        for (std::size_t i = 0; i < count; ++i) {
            require(done[i].which < posts_.size() && !posts_[done[i].which]->over,
                    "a completion is of something posted, and comes once");
            finish(*posts_[done[i].which], done[i].view);
        }
        return count > 0;
    }
    /// False where the transport says that nothing more is to be expected.
    bool wait_for_all() {
        return wait_until(
            [&] { return std::all_of(posts_.begin(), posts_.end(), [](auto const& each) { return each->over; }); });
    }
    template <class Done>
    bool wait_until(Done done) {
        while (!done()) {
            if (poll()) continue;
            if (auto const why = over().failure()) {
                failed = *why;
                return false;
            }
            if (how_ == waiting::spins)
                std::this_thread::yield();
            else
                over().idle(1 << 20, clock::now() + std::chrono::milliseconds(20));
        }
        return true;
    }
    /// Gives up: from then on nobody touches what was posted, which is overwritten to see that.
    void give_up(bool tells_others = true) {
        if (tells_others) over().revoke({transport_failure::kind::revoked, rank_, "gives up", 0, 0});
        require(over().withdraw(), "withdraw succeeds");
        for (auto& each : posts_) {
            std::memset(each->one.data, 0x55, each->one.bytes);
            each->over = true;
        }
    }
    /// Receives of that exchange that have finished, in the order of their posts.
    std::vector<int> received() const {
        std::vector<int> values;
        for (auto const& each : posts_)
            if (each->what == kind::receive) values.push_back(each->finished ? each->value : -1);
        return values;
    }
    typename World::transport& over() { return world_->of(rank_); }
    World& world() { return *world_; }

    std::optional<transport_failure> failed;

private:
    enum class kind : unsigned char { send, receive, view };
    struct post {
        kind what;
        piece one;
        int value;
        token tok;
        bool over = false;     ///< nothing more comes of it
        bool finished = false; ///< it has been done
        std::byte const* shown = nullptr;
        std::span<piece const> pieces() const { return {&one, 1}; }
        bool is_shown() const { return shown != nullptr && shown != one.data; }
    };

    post& add(kind what, std::size_t bytes, int value, bool direct) {
        auto* const memory = direct ? world_->memory(rank_, bytes) : new std::byte[bytes];
        std::memset(memory, what == kind::send ? value : 0, bytes);
        posts_.push_back(std::make_unique<post>(post{what, {memory, bytes}, value, posts_.size()}));
        return *posts_.back();
    }
    bool wait_for(post const& which) {
        return wait_until([&] { return which.over; });
    }
    void finish(post& what, std::byte const* shown) {
        what.over = what.finished = true;
        what.shown = shown;
        if (what.what == kind::receive) check(what.one.data, what.one.bytes, what.value);
        if (what.what != kind::view) std::memset(what.one.data, 0xee, what.one.bytes);
    }
    void check(std::byte const* memory, std::size_t bytes, int value) {
        for (std::size_t i = 0; i < bytes; ++i)
            if (memory[i] != static_cast<std::byte>(value))
                fail("byte " + std::to_string(i) + " of " + std::to_string(bytes) + " is " +
                     std::to_string(std::to_integer<int>(memory[i])) + " instead of " + std::to_string(value));
    }

    World* world_;
    int rank_;
    waiting how_;
    std::vector<std::unique_ptr<post>> posts_;
};

/// Prints how much was explored, and returns the fault.
inline std::string told(std::string const& what, outcome const& found) {
    std::printf("%-30s %9llu orders, %8llu redundant, up to %5llu steps%s\n", what.c_str(),
                static_cast<unsigned long long>(found.runs), static_cast<unsigned long long>(found.redundant),
                static_cast<unsigned long long>(found.longest), found.complete ? "" : ", not all");
    std::fflush(stdout);
    return found.fault;
}
inline std::string explored(std::string const& what, limits const& to, std::function<void()> const& scenario) {
    return told(what, explore(to, scenario));
}
inline std::string sampled(std::string const& what, std::uint64_t seed, std::uint64_t runs,
                           std::function<void()> const& scenario) {
    return told(what, sample(seed, runs, {}, scenario));
}

} // namespace chorus::testing::explore
