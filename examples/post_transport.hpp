#pragma once
/// A transport as small as one can be: a list of messages under a lock, which all ranks share. Sends copy, receives
/// look for their match. For 14_your_own_transport.cpp and docs/transports.md.

#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

/// What the ranks share. Everything but `ranks` is touched under the mutex only.
struct post_office {
    struct letter {
        int from, to;
        chorus::exchange ex;
        std::vector<std::byte> bytes;
    };
    int ranks = 1;
    std::mutex mutex;
    std::list<letter> letters; ///< sent and not received yet, the oldest first
    std::optional<chorus::transport_failure> failure;
};

/// One rank's access to the post office. Used by that rank's thread only.
class post_transport {
public:
    static constexpr std::string_view name = "post";
    static constexpr bool gathers = false; // one piece per message: the runtime packs what lies scattered

    post_transport(post_office& office, int rank) : office_(office), rank_(rank) {}

    int rank() const { return rank_; }
    int size() const { return office_.ranks; }

    /// The bytes are copied, so that the send has finished when this returns.
    bool post_send(int peer, chorus::exchange const& ex, std::span<chorus::piece const> pieces, chorus::token) {
        auto const memory = only(pieces);
        std::lock_guard const hold(office_.mutex);
        office_.letters.push_back({rank_, peer, ex, {memory.data, memory.data + memory.bytes}});
        return true;
    }

    /// Only noted down; `poll` does the work.
    bool post_recv(int peer, chorus::exchange const& ex, std::span<chorus::piece const> pieces, chorus::token tok) {
        expected_.push_back({peer, ex, only(pieces), tok});
        return false;
    }

    /// Both lists are searched from their oldest entry, so that messages of one exchange stay in order.
    std::size_t poll(std::span<chorus::completion> done) {
        std::size_t count = 0;
        std::lock_guard const hold(office_.mutex);
        for (auto at = expected_.begin(); at != expected_.end() && count < done.size() && !mismatch_;) {
            auto const found = std::find_if(office_.letters.begin(), office_.letters.end(), [&](auto const& each) {
                return each.from == at->peer && each.to == rank_ && matches(each.ex, at->ex);
            });
            if (found == office_.letters.end()) {
                ++at;
                continue;
            }
            if (found->ex.signature != at->ex.signature || found->bytes.size() != at->memory.bytes) {
                mismatch_ = {chorus::transport_failure::kind::mismatch, at->peer, "sends something else",
                             found->ex.signature};
                break;
            }
            std::copy(found->bytes.begin(), found->bytes.end(), at->memory.data);
            done[count++] = {at->tok, nullptr};
            office_.letters.erase(found);
            at = expected_.erase(at);
        }
        return count;
    }

    void idle(int, chorus::clock::time_point) { std::this_thread::yield(); }

    std::optional<chorus::transport_failure> failure() {
        std::lock_guard const hold(office_.mutex);
        return mismatch_ ? mismatch_ : office_.failure;
    }
    void revoke(chorus::transport_failure const& why) {
        std::lock_guard const hold(office_.mutex);
        if (!office_.failure) office_.failure = why;
    }
    /// Nothing of the caller's memory is known to anybody but this rank.
    bool withdraw() {
        expected_.clear();
        return true;
    }

private:
    struct expectation {
        int peer;
        chorus::exchange ex;
        chorus::piece memory;
        chorus::token tok;
    };
    static chorus::piece only(std::span<chorus::piece const> pieces) {
        return pieces.empty() ? chorus::piece{} : pieces[0];
    }

    post_office& office_;
    int rank_;
    std::vector<expectation> expected_; ///< posted and not arrived yet, the oldest first
    std::optional<chorus::transport_failure> mismatch_;
};

static_assert(chorus::transport<post_transport>);
