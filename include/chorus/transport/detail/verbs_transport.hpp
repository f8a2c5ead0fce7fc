#pragma once
/// The verbs transport: reliable-connected queue pairs of libibverbs, made when two ranks first have to do with each other.
///
///   eager        up to verbs_options::eager_bytes: sent into a buffer that waits in the shared receive queue, and read or folded
///                there. The send has finished
///   rendezvous   longer: both ends know the size, so the *receiver* speaks first: it says where its memory is, and the sender writes
///                there. No request goes before. In stripes over the queue pairs, each of which ends with an immediate
///   rails        with several ports, queue pair q of each peer is on port q modulo their number; short messages take the first
///
/// Nobody sends what the other side has no buffer for (verbs_credits), and nobody posts what a queue has no room for: a receiver that
/// is not ready is an error here, since it cannot happen. A TCP connection for each pair (side_channel.hpp) carries the numbers of the
/// queue pairs, tells everybody when somebody gives up, and ends when a process dies. A dead link does not end it: while a rank waits
/// for another one it probes the way to it with writes of no bytes, which fail after all retries.
///
/// The device touches the caller's memory from post to completion, or to `withdraw`: queue pairs are in the error state then, and all
/// they had is flushed. Not thread-safe. Linux.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/backoff.hpp>
#include <chorus/transport/detail/side_channel.hpp>
#include <chorus/transport/detail/verbs_objects.hpp>
#include <chorus/transport/detail/verbs_peer.hpp>
#include <chorus/transport/detail/verbs_ports.hpp>
#include <chorus/transport/detail/verbs_rail.hpp>
#include <chorus/transport/detail/verbs_registrations.hpp>
#include <chorus/transport/detail/verbs_steering.hpp>
#include <chorus/transport/detail/verbs_wire.hpp>
#include <chorus/transport/store.hpp>
#include <chorus/transport/transport.hpp>
#include <chorus/transport/verbs_options.hpp>

#include <infiniband/verbs.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace chorus {

class verbs_transport {
public:
    static constexpr std::string_view name = "verbs";
    static constexpr bool gathers = false;

    /// Collective over all ranks that use the store; `job` tells several of them apart. A transport_error where there is no device that
    /// can be used, a timeout_error where a rank has not come by then.
    template <store Store>
    verbs_transport(Store& over, int rank, int size, clock::time_point until, verbs_options how = verbs_options::from_environment(),
                    std::string_view job = "verbs")
        : options_(checked(std::move(how))), rank_(rank), size_(size), rails_(open_rails()),
          side_(over, rank, size, until, job, options_.address), backoff_(soft() ? detail::backoff::that_gives_way(side_.ranks_here()) : detail::backoff(side_.ranks_here())) {
        prepare();
        for (int const neighbour : {(rank - 1) / 2, 2 * rank + 1, 2 * rank + 2}) // a tree through which everybody learns of everything
            if (neighbour >= 0 && neighbour != rank && neighbour < size) side_.open(neighbour);
    }
    verbs_transport(verbs_transport const&) = delete;
    verbs_transport& operator=(verbs_transport const&) = delete;
    ~verbs_transport();

    int rank() const { return rank_; }
    int size() const { return size_; }
    /// Which ports, why, what is in force, and what went over each of them so far, for people.
    std::string describe() const;
    /// What was given to each port's device to send, headers included.
    struct rail_counts {
        std::string name; ///< DEVICE:PORT
        std::uint64_t requests, bytes;
    };
    std::vector<rail_counts> rails() const;
    /// For those who watch a queue pair, or break it. Null where nobody has wanted that peer yet.
    ibv_qp* queue_pair(int peer, int number) const {
        auto const& lines = peers_[static_cast<std::size_t>(peer)].lines;
        return static_cast<std::size_t>(number) < lines.size() ? lines[static_cast<std::size_t>(number)].pair.get() : nullptr;
    }
    transport_estimates estimates() const {
        if (soft())
            return {.latency = backoff_.shared() ? 6e-5 : 1e-5, .per_message = 1e-5, .rendezvous = 4e-5, .eager_bytes = options_.eager_bytes,
                    .per_byte = 2.5e-9 * std::max(2, side_.ranks_here()), .per_byte_folded = 1e-9, .segment_bytes = std::size_t{1} << 20};
        return {.latency = 2e-6, .per_message = 3e-7, .rendezvous = 3e-6, .eager_bytes = options_.eager_bytes,
                .per_byte = 1e-10 / static_cast<double>(rails_.size())};
    }
    transport_paths paths() const { return paths_; }
    /// How often memory that is not of `allocate` was known to the device already.
    detail::registration_counts const& registrations() const { return registrations_->counts(); }

    /// Memory that the device knows as long as it lives. A transport_error where it cannot be registered.
    std::byte* allocate(std::size_t bytes);
    void free(std::byte* memory);

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok);
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return post(peer, {ex, pieces.empty() ? piece{} : pieces[0], tok, false}) != nullptr;
    }
    std::byte const* post_view(int peer, exchange const& ex, piece staging, token tok) { return post(peer, {ex, staging, tok, true}); }
    bool touch(token) const { return true; } // it lies in a buffer of this rank
    void release(token tok) {
        for (std::size_t i = 0; i < shown_.size(); ++i) {
            if (shown_[i].tok != tok) continue;
            give_back(shown_[i].peer, shown_[i].buffer);
            push(shown_[i].peer);
            shown_[i] = shown_.back();
            return shown_.pop_back();
        }
    }

    std::size_t poll(std::span<completion> done) {
        if (finished_.empty()) drain();
        if (finished_.empty() && ++empty_polls_ % polls_between_listening == 0) listen();
        auto const count = std::min(done.size(), finished_.size());
        std::copy_n(finished_.begin(), count, done.begin());
        finished_.erase(finished_.begin(), finished_.begin() + static_cast<std::ptrdiff_t>(count));
        return count;
    }
    void idle(int round, clock::time_point until);

    std::optional<transport_failure> failure();
    void revoke(transport_failure const& why) {
        if (!failure_) failure_ = why;
        tell_all(*failure_, rank_);
    }
    bool withdraw();

private:
    using kind = detail::verbs_kind;
    static constexpr unsigned polls_between_listening = 1024; ///< to listen takes system calls
    struct shown {
        token tok;
        int peer;
        std::byte* buffer;
    };
    struct allocation {
        std::size_t bytes;
        detail::verbs_keys registered;
    };

    static verbs_options checked(verbs_options how) {
        if (how.queue_pairs < 1 || how.queue_pairs > verbs_options::most_queue_pairs) detail::misuse({"verbs: 1 to 8 queue pairs for each peer, not ", how.queue_pairs});
        if (how.credits < 4 || how.credits > 1000 || how.send_queue < 16 || how.send_queue > 4096) detail::misuse({"verbs: 4 to 1000 credits and 16 to 4096 work requests"});
        if (how.timeout < 1 || how.timeout > 31 || how.retries < 0 || how.retries > 7) detail::misuse({"verbs: a timeout from 1 to 31 and 0 to 7 retries"});
        return how;
    }
    std::vector<detail::verbs_rail> open_rails();
    void prepare();
    bool soft() const { return rails_[0].port.soft; } ///< the kernel plays the device
    std::size_t rail_of(int queue) const { return static_cast<std::size_t>(queue) % rails_.size(); }

    detail::verbs_peer& at(int peer) { return peers_[static_cast<std::size_t>(peer)]; }
    std::size_t packet_bytes() const { return sizeof(detail::verbs_header) + options_.eager_bytes; }
    int receive_buffers() const { return options_.credits + detail::verbs_credits::reserve; }

    // Connections.
    void want(int peer);
    void make_lines(int peer);
    detail::verbs_queue steered_pair(int peer, int queue);
    path_table::connection const* planned(int peer, int queue);
    void connect(int peer);
    void move_to(detail::verbs_line& line, detail::verbs_hello::port const& other, std::uint32_t number, std::uint32_t label) const;
    std::uint32_t label_of(int peer, int queue);
    static bool set_source_port(ibv_qp& pair, std::uint32_t label);
    void listen();
    void noted(int from, std::span<std::byte const> message);
    void tell_all(transport_failure const& why, int but);

    // Sending.
    void push(int peer);
    void send_packet(int peer, detail::verbs_header head, void const* payload, std::size_t bytes);
    bool can_send(int peer) { return at(peer).up() && at(peer).credits.any() && at(peer).lines[0].has_room(options_.send_queue); }
    void invite(int peer, detail::verbs_invitation const& what);
    void start_write(detail::verbs_write& what, detail::verbs_invitation const& to, int peer);
    bool advance_write(int peer, detail::verbs_write& what);
    void post_request(int peer, int queue, ibv_send_wr& request, bool awaited, detail::verbs_write* write);
    detail::verbs_keys const& keys_of(std::byte* memory, std::size_t bytes, detail::verbs_registrations::lease& own);

    // Receiving.
    std::byte const* post(int peer, detail::verbs_incoming const& wish);
    void give_back(int peer, std::byte* buffer, bool owed = true);
    void wait_for_message(detail::verbs_rail& rail, std::byte* buffer);
    void drain() {
        for (auto& each : rails_) drain(each);
    }
    void drain(detail::verbs_rail& rail);
    void received(int peer, detail::verbs_rail& rail, ibv_wc const& what);
    void landed(int peer, std::uint32_t immediate);
    void eager_came(int peer, detail::verbs_header const& head, std::byte* buffer);
    void confirmed(int peer, int queue, std::uint32_t at);

    void fail(transport_failure why) {
        if (!failure_) failure_ = std::move(why);
    }
    static transport_failure gone(int peer, std::string text) { return {transport_failure::kind::left, peer, std::move(text), 0, 0}; }
    void mismatch(int peer, exchange const& theirs, std::size_t their_bytes, exchange const& ours, std::size_t our_bytes, bool we_send) {
        auto const text = we_send ? detail::text({"expects ", their_bytes, " bytes where ", our_bytes, " are sent"})
                                  : detail::text({"sends ", their_bytes, " bytes where ", our_bytes, " are expected"});
        fail({transport_failure::kind::mismatch, peer, text, theirs.signature, ours.signature});
    }

    verbs_options options_;
    int rank_, size_;
    std::vector<detail::verbs_rail> rails_; ///< at least one, and never another
    std::unique_ptr<std::byte[]> inbox_;    ///< the buffers of the first rail's receive queue
    detail::verbs_keys inbox_registered_;
    detail::descriptor sleeper_; ///< an epoll of the completion channels and the side channel
    detail::side_channel side_;
    detail::backoff backoff_;
    std::map<std::byte*, allocation> allocations_;
    std::optional<detail::verbs_registrations> registrations_; ///< of all other memory
    std::unordered_map<std::uint32_t, detail::verbs_landing> landings_; ///< by slot
    std::uint32_t next_slot_ = 0;
    std::vector<shown> shown_;
    std::vector<completion> finished_;
    std::optional<transport_failure> failure_;
    bool told_ = false, withdrawn_ = false;
    unsigned empty_polls_ = 0;
    int connected_ = 0, planned_ = 0, steered_ = 0; ///< queue pairs, those whose flow label is a planned one, and whose source port is
    transport_paths paths_;
    std::vector<detail::verbs_peer> peers_; ///< last: queue pairs go before what they use
};

} // namespace chorus

#include <chorus/transport/detail/verbs_connections.hpp>
#include <chorus/transport/detail/verbs_ending.hpp>
#include <chorus/transport/detail/verbs_messages.hpp>
