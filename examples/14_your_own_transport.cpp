// A transport in a page: a locked list of messages that all ranks share. Sends copy, receives look for their match. What
// each function promises is said in include/chorus/transport/transport.hpp; docs/transports.md walks through this file.
#include <chorus/chorus.hpp>

#include <algorithm>
#include <cstdio>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

using chorus::clock, chorus::completion, chorus::exchange, chorus::piece, chorus::token, chorus::transport_failure;

struct message { int from, to; exchange ex; std::vector<std::byte> bytes; };
struct post_office { int ranks; std::mutex mutex; std::list<message> messages; std::optional<transport_failure> failure; };

class post_transport {
public:
    static constexpr std::string_view name = "post";
    static constexpr bool gathers = false; // a message is one piece: the runtime packs what is scattered

    post_transport(post_office& office, int rank) : office_(office), rank_(rank) {}
    int rank() const { return rank_; }
    int size() const { return office_.ranks; }

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token) {
        message letter{rank_, peer, ex, {}};
        for (auto const& each : pieces) letter.bytes.assign(each.data, each.data + each.bytes);
        std::lock_guard const hold(office_.mutex);
        office_.messages.push_back(std::move(letter));
        return true; // finished already: the caller may overwrite its memory
    }
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        wishes_.push_back({peer, ex, pieces.empty() ? piece{} : pieces[0], tok});
        return false; // poll will tell
    }
    std::size_t poll(std::span<completion> done) {
        std::lock_guard const hold(office_.mutex);
        std::size_t count = 0;
        std::erase_if(wishes_, [&](wish const& w) { // the oldest wish first, the oldest message first: in order
            auto const found = std::find_if(office_.messages.begin(), office_.messages.end(), [&](message const& m) {
                return m.from == w.peer && m.to == rank_ && matches(m.ex, w.ex);
            });
            if (found == office_.messages.end() || count == done.size()) return false;
            if (found->ex.signature != w.ex.signature || found->bytes.size() != w.into.bytes) {
                mismatch_ = {transport_failure::kind::mismatch, w.peer, "calls something else", found->ex.signature};
                return false;
            }
            std::copy(found->bytes.begin(), found->bytes.end(), w.into.data);
            office_.messages.erase(found);
            done[count++] = {w.tok, nullptr};
            return true;
        });
        return count;
    }
    void idle(int, clock::time_point) { std::this_thread::yield(); }
    std::optional<transport_failure> failure() {
        std::lock_guard const hold(office_.mutex);
        return mismatch_ ? mismatch_ : office_.failure;
    }
    void revoke(transport_failure const& why) {
        std::lock_guard const hold(office_.mutex);
        if (!office_.failure) office_.failure = why;
    }
    bool withdraw() { return wishes_.clear(), true; }

private:
    struct wish { int peer; exchange ex; piece into; token tok; };
    post_office& office_;
    int rank_;
    std::vector<wish> wishes_;
    std::optional<transport_failure> mismatch_;
};
static_assert(chorus::transport<post_transport>);

int main() {
    post_office office{4, {}, {}, {}};
    std::vector<std::jthread> ranks;
    for (int rank = 0; rank < office.ranks; ++rank)
        ranks.emplace_back([&office, rank] {
            auto over = chorus::any_transport::own(std::make_unique<post_transport>(office, rank));
            chorus::communicator comm(std::make_shared<chorus::context>(std::move(over), chorus::options{}));
            std::vector<int> data(1000, rank + 1);
            chorus::all_reduce(comm, data, std::plus<>{}, chorus::ring{});
            if (rank == 0) std::printf("1 + 2 + 3 + 4 = %d\n", data[999]);
        });
}
