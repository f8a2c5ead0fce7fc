#pragma once
/// What a rank did, step by step: events for Perfetto and Chrome (chrome://tracing), and counters per peer.
///
///     chorus::options how;
///     how.wrap = chorus::traced;                          // otherwise nothing of this is there: off costs nothing
///     chorus::run_threads(4, how, [](chorus::communicator& comm) {
///         chorus::all_reduce(comm, data);
///         chorus::write_trace(comm, "run.json");          // collective: all ranks in one file
///     });
///
/// It looks at what passes between runtime and transport: messages with their collective, step, lane, peer and bytes, from being
/// posted to being finished; folds that read a message where it lies; and the time in which the rank waited.

#include <chorus/core/collective.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/runtime/trace_event.hpp>
#include <chorus/transport/erased.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

/// What one rank exchanged with one peer.
struct peer_counters {
    std::uint64_t messages_sent = 0, bytes_sent = 0;
    std::uint64_t messages_received = 0, bytes_received = 0;
    transport_paths paths;  ///< of messages sent that moved when they were posted; transports that do not count leave it zero
    double waiting = 0;     ///< seconds in which this rank had nothing to do, and the oldest message it waited for was this peer's
};

/// A transport that takes notes of all that passes. Keeps at most `most_events`; further ones are only counted.
class trace final : public any_transport {
public:
    static constexpr std::size_t most_events = std::size_t{1} << 20;

    explicit trace(std::unique_ptr<any_transport> inner) : inner_(std::move(inner)), peers_(static_cast<std::size_t>(inner_->size())) {}

    std::vector<trace_event> const& events() const { return events_; }
    std::uint64_t dropped() const { return dropped_; }
    peer_counters const& with(int peer) const { return peers_[static_cast<std::size_t>(peer)]; }
    void clear() {
        events_.clear();
        dropped_ = 0;
        std::fill(peers_.begin(), peers_.end(), peer_counters{});
    }

    // The transport.
    int rank() const override { return inner_->rank(); }
    int size() const override { return inner_->size(); }
    std::string_view name() const override { return inner_->name(); }
    bool gathers() const override { return inner_->gathers(); }
    bool views() const override { return inner_->views(); }
    int host_of(int rank) const override { return inner_->host_of(rank); }
    transport_estimates estimates() const override { return inner_->estimates(); }

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) override {
        return sending(peer, ex, total(pieces), tok, [&] { return inner_->post_send(peer, ex, pieces, tok); });
    }
    bool post_offer(int peer, exchange const& ex, std::span<piece const> pieces, token tok, reply_offer const& offer) override {
        offers_.push_back({offer.tok, {trace_event::kind::receive, peer, ex.lane, step_of(offer.tok), offer.target.bytes, ex, now(), 0}});
        return sending(peer, ex, total(pieces), tok, [&] { return inner_->post_offer(peer, ex, pieces, tok, offer); });
    }
    std::byte* reply_memory(token tok, std::uint32_t place, std::size_t bytes) override { return inner_->reply_memory(tok, place, bytes); }
    bool may_keep(std::byte const* view) const override { return inner_->may_keep(view); }
    /// The answer is as long as the message that it answers.
    void reply(token tok) override {
        if (auto const answered = end_fold(tok)) {
            auto& with = peers_[static_cast<std::size_t>(answered->peer)];
            ++with.messages_sent;
            with.bytes_sent += answered->bytes;
        }
        inner_->reply(tok);
    }
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) override {
        auto const bytes = received(peer, total(pieces));
        take(offers_, tok); // nothing came of it, or it is finished under this name
        auto const begin = begins();
        auto const done = inner_->post_recv(peer, ex, pieces, tok);
        posted(trace_event::kind::receive, peer, ex, bytes, tok, begin, done);
        return done;
    }
    std::byte const* post_view(int peer, exchange const& ex, piece const& staging, token tok) override {
        auto const bytes = received(peer, staging.bytes);
        auto const begin = begins();
        auto const* const view = inner_->post_view(peer, ex, staging, tok);
        posted(trace_event::kind::receive_to_fold, peer, ex, bytes, tok, begin, view != nullptr);
        if (view != nullptr && view != staging.data) shown_.push_back({tok, {trace_event::kind::fold, peer, ex.lane, step_of(tok), bytes, ex, now(), 0}});
        return view;
    }
    bool touch(token tok) override { return inner_->touch(tok); }
    void release(token tok) override {
        end_fold(tok);
        inner_->release(tok);
    }
    std::size_t poll(std::span<completion> done) override {
        auto const found = inner_->poll(done);
        if (found > 0) waits(false);
        for (std::size_t i = 0; i < found; ++i) finished(done[i]);
        return found;
    }
    void idle(int round, clock::time_point until) override {
        waits(true);
        inner_->idle(round, until);
    }
    std::optional<transport_failure> failure() override { return inner_->failure(); }
    void revoke(transport_failure const& why) override { inner_->revoke(why); }
    bool withdraw() override {
        open_.clear();
        offers_.clear();
        shown_.clear();
        return inner_->withdraw();
    }
    void enter(exchange const& ex) override {
        waits(false);
        end_call();
        call_ = {trace_event::kind::call, -1, 0, -1, 0, ex, now(), now()};
        inner_->enter(ex);
    }
    std::optional<exchange> last_entered(int peer) override { return inner_->last_entered(peer); }
    void await(int peer) override { inner_->await(peer); }
    std::optional<rank_activity> activity(int peer) override { return inner_->activity(peer); }
    bool renewable() const override { return inner_->renewable(); }
    std::vector<int> survivors(clock::time_point until) override { return inner_->survivors(until); }
    std::byte* allocate(std::size_t bytes) override { return inner_->allocate(bytes); }
    void free(std::byte* memory) override { inner_->free(memory); }
    transport_paths paths() const override { return inner_->paths(); }
    std::string describe() const override { return inner_->describe(); }
    native_collectives* native() override { return inner_->native(); }

    /// The events of this rank, as elements of a JSON array.
    std::string json() {
        end_call();
        return trace_json(rank(), size(), events_);
    }

private:
    struct open_message {
        token tok;
        trace_event event;
    };

    static std::int64_t now() { return std::chrono::nanoseconds(clock::now().time_since_epoch()).count(); }
    static std::int32_t step_of(token tok) { return static_cast<std::int32_t>(tok & 0xffffffffu); }
    static std::uint64_t total(std::span<piece const> pieces) {
        std::uint64_t bytes = 0;
        for (auto const& each : pieces) bytes += each.bytes;
        return bytes;
    }
    std::uint64_t received(int peer, std::uint64_t bytes) {
        ++peers_[static_cast<std::size_t>(peer)].messages_received;
        peers_[static_cast<std::size_t>(peer)].bytes_received += bytes;
        return bytes;
    }
    std::int64_t begins() {
        waits(false);
        return now();
    }
    void keep(trace_event const& what) {
        call_.end = std::max(call_.end, what.end);
        if (events_.size() < most_events) events_.push_back(what);
        else ++dropped_;
    }
    void posted(trace_event::kind what, int peer, exchange const& ex, std::uint64_t bytes, token tok, std::int64_t begin, bool done) {
        trace_event const event{what, peer, ex.lane, step_of(tok), bytes, ex, begin, done ? now() : 0};
        if (done) keep(event);
        else open_.push_back({tok, event});
    }
    /// The oldest message of that token, no longer in the list.
    static std::optional<trace_event> take(std::vector<open_message>& from, token tok) {
        for (std::size_t i = 0; i < from.size(); ++i) {
            if (from[i].tok != tok) continue;
            auto const event = from[i].event;
            from.erase(from.begin() + static_cast<std::ptrdiff_t>(i));
            return event;
        }
        return std::nullopt;
    }
    template <class Post>
    bool sending(int peer, exchange const& ex, std::uint64_t bytes, token tok, Post post) {
        auto& with = peers_[static_cast<std::size_t>(peer)];
        ++with.messages_sent;
        with.bytes_sent += bytes;
        auto const before = inner_->paths();
        auto const begin = begins();
        auto const done = post();
        auto const after = inner_->paths();
        for (std::size_t i = 0; i < after.by_path.size(); ++i) {
            with.paths.by_path[i].messages += after.by_path[i].messages - before.by_path[i].messages;
            with.paths.by_path[i].bytes += after.by_path[i].bytes - before.by_path[i].bytes;
        }
        posted(trace_event::kind::send, peer, ex, bytes, tok, begin, done);
        return done;
    }
    void finished(completion const& what) {
        auto event = take(open_, what.which);
        auto const answered = take(offers_, what.which);
        if (!event && answered) { // written by the peer before it was received
            received(answered->peer, answered->bytes);
            event = answered;
        }
        if (!event) return;
        event->end = now();
        keep(*event);
    }
    /// The rank is done with a message that it folded where it lay.
    std::optional<trace_event> end_fold(token tok) {
        auto event = take(shown_, tok);
        if (!event) return std::nullopt;
        event->end = now();
        keep(*event);
        return event;
    }
    /// Waiting begins with the first idle() and ends with whatever happens next.
    void waits(bool idle) {
        if (idle == waiting_) return;
        waiting_ = idle;
        if (idle) {
            wait_ = {trace_event::kind::wait, open_.empty() ? -1 : open_.front().event.peer, 0, -1, 0, call_.of, now(), 0};
            return;
        }
        wait_.end = now();
        if (wait_.peer >= 0) peers_[static_cast<std::size_t>(wait_.peer)].waiting += 1e-9 * static_cast<double>(wait_.end - wait_.begin);
        keep(wait_);
    }
    /// A collective is taken to last until its last message.
    void end_call() {
        auto const ended = std::exchange(call_, trace_event{});
        if (ended.of.sequence != 0) keep(ended);
    }

    std::unique_ptr<any_transport> inner_;
    std::vector<trace_event> events_;
    std::vector<open_message> open_;   ///< posted and not finished, oldest first
    std::vector<open_message> offers_; ///< receives for which a send has offered memory
    std::vector<open_message> shown_;  ///< folds of messages that lie at a peer or in the transport
    std::vector<peer_counters> peers_;
    trace_event call_, wait_;
    bool waiting_ = false;
    std::uint64_t dropped_ = 0;
};

/// For `options::wrap`.
inline std::unique_ptr<any_transport> traced(std::unique_ptr<any_transport> inner) { return std::make_unique<trace>(std::move(inner)); }

/// This rank's trace; a usage_error where its context was made without `options::wrap = traced`.
inline trace& trace_of(communicator const& comm) {
    comm.require_valid();
    auto* const found = dynamic_cast<trace*>(&comm.shared_context()->transport());
    if (found == nullptr) detail::misuse({"trace_of: nothing is traced here; set options::wrap = traced"});
    return *found;
}

/// Gathers the events of all ranks and writes them as one file, which Perfetto (ui.perfetto.dev) shows. Collective; throws an
/// `error` at rank 0 where the file cannot be written.
inline void write_trace(communicator& comm, std::string const& path) {
    auto const mine = trace_of(comm).json();
    std::vector<std::size_t> const size{mine.size()};
    std::vector<std::size_t> sizes(static_cast<std::size_t>(comm.size()));
    all_gather(comm, size, sizes, bruck{});
    std::size_t sum = 0;
    for (auto const each : sizes) sum += each;
    std::string all(comm.rank() == 0 ? sum : 0, ' ');
    gather_v(comm, mine, all, sizes, 0, direct{});
    if (comm.rank() != 0) return;
    auto* const to = std::fopen(path.c_str(), "we");
    auto good = to != nullptr && std::fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", to) >= 0;
    for (std::size_t r = 0, at = 0; good && r < sizes.size(); at += sizes[r++])
        good = std::fwrite(all.data() + at, 1, sizes[r], to) == sizes[r] && std::fputs(r + 1 < sizes.size() ? ",\n" : "\n]}\n", to) >= 0;
    if (to != nullptr) good = std::fclose(to) == 0 && good;
    if (!good) throw error("chorus: the trace file " + path + " cannot be written");
}

} // namespace chorus
