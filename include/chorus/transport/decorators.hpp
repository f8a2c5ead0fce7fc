#pragma once
/// Transports that wrap another one and make life harder, within what the protocol allows: for tests of whatever runs
/// on top. They can be nested.
///
///   unviewed     messages are never shown where they lie: received into staging memory
///   ungathered   messages have one piece: callers pack
///   rendezvous   a send finishes only when its receive is posted: nothing is eager
///   delayed      posts and completions are held back for a while, in order
///   reordering   the same, and what is free to overtake does
///   failing      the machinery breaks, or the rank is gone without a word, at a given operation

#include <chorus/transport/detail/held_back.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

template <transport T>
class unviewed : public transport_decorator<T> {
public:
    using transport_decorator<T>::transport_decorator;
    std::byte const* post_view(int peer, exchange const& ex, piece staging, token tok) = delete;
};

/// Throws std::logic_error where a message has more than one piece all the same.
template <transport T>
class ungathered : public transport_decorator<T> {
public:
    static constexpr bool gathers = false;
    using transport_decorator<T>::transport_decorator;

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        require_one(pieces);
        return this->inner().post_send(peer, ex, pieces, tok);
    }
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        require_one(pieces);
        return this->inner().post_recv(peer, ex, pieces, tok);
    }

private:
    static void require_one(std::span<piece const> pieces) {
        if (pieces.size() > 1)
            throw std::logic_error("a message of several pieces for a transport that does not gather");
    }
};

template <transport T>
class delayed : public detail::held_back<T, false> {
public:
    using detail::held_back<T, false>::held_back;
};

/// Posts of different (peer, exchange, direction), and all completions, overtake each other.
template <transport T>
class reordering : public detail::held_back<T, true> {
public:
    using detail::held_back<T, true>::held_back;
};

/// The receiver invites: posting a receive sends an empty message the other way, on a lane of its own (lane + 4), and a
/// message starts when its invitation is there.
template <transport T>
class rendezvous : public transport_decorator<T> {
public:
    using transport_decorator<T>::transport_decorator;

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        waiting_.push_back({peer, ex, pieces, tok, ++last_});
        if (!this->inner().post_recv(peer, invitation(ex), {}, own | last_)) return false;
        auto const first = invited(last_);
        if (!first) return false;
        if (*first == tok) return true;
        started_.push_back(*first);
        return false;
    }
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        this->inner().post_send(peer, invitation(ex), {}, own);
        return this->inner().post_recv(peer, ex, pieces, tok);
    }
    std::byte const* post_view(int peer, exchange const& ex, piece staging, token tok) requires viewing_transport<T> {
        this->inner().post_send(peer, invitation(ex), {}, own);
        return this->inner().post_view(peer, ex, staging, tok);
    }
    std::size_t poll(std::span<completion> done) {
        auto const found = this->inner().poll(done);
        std::size_t count = 0;
        for (std::size_t i = 0; i < found; ++i) {
            if ((done[i].which & own) == 0)
                done[count++] = done[i];
            else if (done[i].which != own)
                if (auto const tok = invited(done[i].which & ~own)) started_.push_back(*tok);
        }
        while (count < done.size() && !started_.empty()) {
            done[count++] = {started_.back(), nullptr};
            started_.pop_back();
        }
        return count;
    }
    void idle(int round, clock::time_point until) {
        if (started_.empty()) this->inner().idle(round, until);
    }
    bool withdraw() {
        waiting_.clear();
        started_.clear();
        return this->inner().withdraw();
    }
    std::vector<int> survivors(clock::time_point until) requires renewable_transport<T> {
        withdraw();
        return this->inner().survivors(until);
    }

private:
    static constexpr token own = token{1} << 63; ///< marks our tokens; alone: an invitation was sent
    struct message {
        int peer;
        exchange ex;
        std::span<piece const> pieces;
        token tok;
        token invitation;
    };

    static exchange invitation(exchange ex) {
        ex.lane = static_cast<std::uint8_t>(ex.lane | 4u);
        return ex;
    }
    /// An invitation has come: starts the first message that it may be for. The message's token where that has
    /// finished.
    std::optional<token> invited(token number) {
        auto const came =
            std::find_if(waiting_.begin(), waiting_.end(), [&](auto const& each) { return each.invitation == number; });
        if (came == waiting_.end()) return std::nullopt;
        auto const first = std::find_if(waiting_.begin(), waiting_.end(), [&](auto const& each) {
            return each.peer == came->peer && matches(each.ex, came->ex);
        });
        auto const what = *first;
        came->invitation = what.invitation; // completions of one channel may be told in any order
        waiting_.erase(first);
        if (this->inner().post_send(what.peer, what.ex, what.pieces, what.tok)) return what.tok;
        return std::nullopt;
    }

    std::vector<message> waiting_; ///< for their invitations, in the order of posting
    std::vector<token> started_;   ///< messages that finished as they started
    token last_ = 0;
};

/// What a `failing` transport throws when its rank is to be gone.
class departure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// When and how a `failing` transport fails. Operations are: every post, every poll that delivers something, and the
/// first poll of each wait.
struct failure_plan {
    enum class kind : std::uint8_t {
        breaks, ///< failure() says so; nothing moves any more
        leaves, ///< throws a `departure`; the peers are not told by this rank
    };
    kind how = kind::breaks;
    std::uint64_t at = 0; ///< the how-manieth operation, from 1; 0: none
};

template <transport T>
class failing : public transport_decorator<T> {
public:
    failing(std::unique_ptr<T> inner, failure_plan when) : transport_decorator<T>(std::move(inner)), plan_(when) {}

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return next_operation() && this->inner().post_send(peer, ex, pieces, tok);
    }
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return next_operation() && this->inner().post_recv(peer, ex, pieces, tok);
    }
    std::byte const* post_view(int peer, exchange const& ex, piece staging, token tok) requires viewing_transport<T> {
        return next_operation() ? this->inner().post_view(peer, ex, staging, tok) : nullptr;
    }
    std::size_t poll(std::span<completion> done) {
        if (failed_) return 0;
        auto const count = this->inner().poll(done);
        if (count == 0 && waits_) return 0;
        auto const goes_on = next_operation();
        waits_ = count == 0;
        return goes_on ? count : 0;
    }
    void idle(int round, clock::time_point until) {
        if (!failed_) this->inner().idle(round, until);
    }
    std::optional<transport_failure> failure() {
        if (!failed_) return this->inner().failure();
        return transport_failure{transport_failure::kind::broken, this->rank(), reason(), 0, 0};
    }
    void revoke(transport_failure const& why) {
        if (!failed_ || plan_.how == failure_plan::kind::breaks) this->inner().revoke(why);
    }

private:
    std::string reason() const { return "failure on purpose at operation " + std::to_string(plan_.at); }
    bool next_operation() {
        waits_ = false;
        if (failed_ || ++count_ != plan_.at) return !failed_;
        failed_ = true;
        if (plan_.how == failure_plan::kind::breaks) return false;
        this->inner().withdraw();
        throw departure(reason());
    }

    failure_plan plan_;
    std::uint64_t count_ = 0;
    bool waits_ = false;
    bool failed_ = false;
};

} // namespace chorus
