#pragma once
/// What this rank has called of late, and what it has asked its peers about theirs. MPI's messages carry no signature:
/// that calls differ is said only where two ranks have compared them.

#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace chorus::detail {

/// A place in the order of calls, by which two ranks can compare them.
struct mpi_place {
    std::uint32_t communicator = 0;
    std::uint32_t number = 0; ///< of the collective, or of the message from one of the two to the other
    bool message = false;     ///< point-to-point

    friend bool operator==(mpi_place const&, mpi_place const&) = default;
};

/// The calls of this rank.
class mpi_calls {
public:
    /// A collective begins.
    void enter(exchange const& ex) { collectives_.add({{ex.communicator, ex.sequence, false}, nobody, ex.signature}); }
    /// A message is posted. Those of a collective have its place.
    mpi_place send(int peer, exchange const& ex) {
        if (ex.sequence != 0) [[likely]]
            return {ex.communicator, ex.sequence, false};
        mpi_place const place{ex.communicator, next(peer, ex.communicator, false), true};
        sends_.add({place, peer, ex.signature});
        return place;
    }
    mpi_place receive(int peer, exchange const& ex) {
        if (ex.sequence != 0) [[likely]]
            return {ex.communicator, ex.sequence, false};
        return {ex.communicator, next(peer, ex.communicator, true), true};
    }

    /// The signature of this rank's call at that place, or of its message to that peer: nothing where it has not come
    /// that far, or has forgotten it.
    std::optional<std::uint64_t> at(mpi_place const& place, int peer) const {
        return place.message ? sends_.find(place, peer) : collectives_.find(place, nobody);
    }

private:
    static constexpr int nobody = -1;

    struct entry {
        mpi_place place;
        int peer = nobody;
        std::uint64_t signature = 0;
    };
    class recent {
    public:
        void add(entry const& what) { entries_[count_++ % entries_.size()] = what; }
        /// From the last one backwards. What has a lower number was there before: it may be of an older communicator.
        std::optional<std::uint64_t> find(mpi_place const& place, int peer) const {
            auto const kept = std::min(count_, entries_.size());
            for (std::size_t back = 1; back <= kept; ++back) {
                auto const& each = entries_[(count_ - back) % entries_.size()];
                if (each.peer != peer || each.place.communicator != place.communicator ||
                    each.place.number > place.number)
                    continue;
                return each.place == place ? std::optional(each.signature) : std::nullopt;
            }
            return std::nullopt;
        }

    private:
        std::array<entry, 512> entries_{};
        std::size_t count_ = 0;
    };

    std::uint32_t next(int peer, std::uint32_t communicator, bool receives) {
        auto const line = static_cast<std::uint32_t>(peer) << 1 | static_cast<std::uint32_t>(receives);
        return ++messages_[std::uint64_t{communicator} << 32 | line];
    }

    recent collectives_, sends_;
    std::unordered_map<std::uint64_t, std::uint32_t>
        messages_; ///< by communicator, peer and direction: how many so far
};

/// What was asked: one open question for each peer, however long it does not answer.
class mpi_questions {
public:
    enum class state : std::uint8_t { none, open, same, later };

    explicit mpi_questions(int peers) : to_(static_cast<std::size_t>(peers)) {}

    /// Whether to ask the peer now. If so, it is taken as asked.
    bool ask(int peer, mpi_place const& about, clock::time_point now) {
        auto& it = of(peer);
        if (it.how == state::open) return false;
        if (it.about != about) it = {about, now, shortest, state::none};
        if (it.how == state::same || now < it.when) return false;
        it.how = state::open;
        it.when = now;
        return true;
    }
    void answer(int peer, mpi_place const& about, state how) {
        auto& it = of(peer);
        if (it.about != about) return;
        it.how = how;
        it.when = clock::now() + it.pause;
        it.pause = std::min(2 * it.pause, longest);
    }
    /// From now on the peer calls nothing new: an older answer is worth nothing.
    void left(int peer) {
        auto& it = of(peer);
        if (it.how == state::later) it.how = state::none, it.when = {};
    }
    /// Whether the peer has said that it has not come that far, or says nothing.
    bool is_missing(int peer, mpi_place const& about, clock::time_point now) const {
        auto const& it = to_[static_cast<std::size_t>(peer)];
        if (it.how == state::open) return now > it.when + silence;
        return it.about == about && it.how == state::later;
    }

private:
    using milliseconds = std::chrono::milliseconds;
    static constexpr milliseconds shortest{60}, longest{2000}, silence{1000};

    struct question {
        mpi_place about;
        clock::time_point when{}; ///< open: asked then; later: to be asked again
        milliseconds pause = shortest;
        state how = state::none;
    };
    question& of(int peer) { return to_[static_cast<std::size_t>(peer)]; }

    std::vector<question> to_;
};

} // namespace chorus::detail
