#pragma once
/// What the decorators share: forwarding, and holding back by seed.

#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace chorus {

/// Forwards everything, refinements included (but for `native` and offers of reply memory: what wraps messages cannot wrap
/// those).
template <transport T>
class transport_decorator {
public:
    static constexpr std::string_view name = T::name;
    static constexpr bool gathers = T::gathers;

    explicit transport_decorator(std::unique_ptr<T> inner) : inner_(std::move(inner)) {}

    int rank() const { return inner_->rank(); }
    int size() const { return inner_->size(); }
    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return inner_->post_send(peer, ex, pieces, tok);
    }
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return inner_->post_recv(peer, ex, pieces, tok);
    }
    std::size_t poll(std::span<completion> done) { return inner_->poll(done); }
    void idle(int round, clock::time_point until) { inner_->idle(round, until); }
    std::optional<transport_failure> failure() { return inner_->failure(); }
    void revoke(transport_failure const& why) { inner_->revoke(why); }
    bool withdraw() { return inner_->withdraw(); }

    std::byte const* post_view(int peer, exchange const& ex, piece staging, token tok) requires viewing_transport<T> {
        return inner_->post_view(peer, ex, staging, tok);
    }
    bool touch(token tok) requires viewing_transport<T> { return inner_->touch(tok); }
    void release(token tok) requires viewing_transport<T> { inner_->release(tok); }
    void enter(exchange const& ex) requires observing_transport<T> { inner_->enter(ex); }
    std::optional<exchange> last_entered(int peer) requires observing_transport<T> {
        return inner_->last_entered(peer);
    }
    void await(int peer) requires attentive_transport<T> { inner_->await(peer); }
    rank_activity activity(int peer) requires attentive_transport<T> { return inner_->activity(peer); }
    std::vector<int> survivors(clock::time_point until) requires renewable_transport<T> {
        return inner_->survivors(until);
    }
    int host_of(int rank) const requires host_aware_transport<T> { return inner_->host_of(rank); }
    transport_estimates estimates() const requires estimating_transport<T> { return inner_->estimates(); }

    T& inner() { return *inner_; }

private:
    std::unique_ptr<T> inner_;
};

namespace detail {

/// A small random generator (splitmix64), so that a seed means the same everywhere.
class dice {
public:
    explicit dice(std::uint64_t seed) : state_(seed) {}
    std::uint64_t roll() {
        auto x = state_ += 0x9e3779b97f4a7c15u;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        return x ^ (x >> 31);
    }
    bool one_in(std::uint64_t n) { return roll() % n == 0; }

private:
    std::uint64_t state_;
};

/// Every post and every completion waits until a poll lets it go, which each does with probability 1 / `patience`.
template <transport T, bool Reorders>
class held_back : public transport_decorator<T> {
public:
    held_back(std::unique_ptr<T> inner, std::uint64_t seed, std::uint64_t patience = 3)
        : transport_decorator<T>(std::move(inner)),
          dice_(seed),
          patience_(patience) {}

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return post({peer, ex, pieces, {}, tok, sends}) != nullptr;
    }
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return post({peer, ex, pieces, {}, tok, receives}) != nullptr;
    }
    std::byte const* post_view(int peer, exchange const& ex, piece staging, token tok) requires viewing_transport<T> {
        return post({peer, ex, {}, staging, tok, views});
    }

    std::size_t poll(std::span<completion> done) {
        let_posts_go();
        std::array<completion, 32> finished;
        auto const found = this->inner().poll(finished);
        done_.insert(done_.end(), finished.begin(), finished.begin() + static_cast<std::ptrdiff_t>(found));
        std::size_t count = 0;
        for (std::size_t i = 0; i < done_.size() && count < done.size();) {
            auto const k = Reorders ? i + dice_.roll() % (done_.size() - i) : i;
            std::swap(done_[i], done_[k]);
            if (dice_.one_in(patience_)) {
                done[count++] = done_[i];
                done_.erase(done_.begin() + static_cast<std::ptrdiff_t>(i));
            } else if (Reorders) {
                ++i;
            } else {
                break;
            }
        }
        return count;
    }
    void idle(int round, clock::time_point until) {
        if (held_.empty() && done_.empty())
            this->inner().idle(round, until);
        else
            std::this_thread::yield();
    }
    bool withdraw() {
        held_.clear();
        done_.clear();
        return this->inner().withdraw();
    }
    std::vector<int> survivors(clock::time_point until) requires renewable_transport<T> {
        withdraw();
        return this->inner().survivors(until);
    }

private:
    enum kind : std::uint8_t { sends, receives, views };
    struct held {
        int peer;
        exchange ex;
        std::span<piece const> pieces;
        piece staging;
        token tok;
        kind what;
    };

    /// Whether one may not overtake the other: messages of one channel, or anything where order is kept.
    static bool in_order(held const& a, held const& b) {
        return !Reorders || (a.peer == b.peer && matches(a.ex, b.ex) && (a.what == sends) == (b.what == sends));
    }
    bool must_wait(held const& what, std::size_t before) const {
        return std::any_of(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(before),
                           [&](held const& each) { return in_order(each, what); });
    }
    /// Where the message can be read, or something else than null, if it has finished.
    std::byte const* post(held const& what) {
        if (!must_wait(what, held_.size()) && dice_.one_in(patience_)) return post_now(what);
        held_.push_back(what);
        return nullptr;
    }
    std::byte const* post_now(held const& what) {
        static constexpr std::byte finished{};
        if (what.what == sends)
            return this->inner().post_send(what.peer, what.ex, what.pieces, what.tok) ? &finished : nullptr;
        if constexpr (viewing_transport<T>)
            if (what.what == views) return this->inner().post_view(what.peer, what.ex, what.staging, what.tok);
        return this->inner().post_recv(what.peer, what.ex, what.pieces, what.tok) ? &finished : nullptr;
    }
    void let_posts_go() {
        for (std::size_t i = 0; i < held_.size();) {
            if (must_wait(held_[i], i) || !dice_.one_in(patience_)) {
                ++i;
                continue;
            }
            auto const what = held_[i];
            held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
            if (auto const* const view = post_now(what)) done_.push_back({what.tok, view});
        }
    }

    dice dice_;
    std::uint64_t patience_;
    std::vector<held> held_;
    std::vector<completion> done_;
};

} // namespace detail
} // namespace chorus
