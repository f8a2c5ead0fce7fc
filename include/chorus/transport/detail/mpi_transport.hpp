#pragma once
/// Messages over MPI, on communicators of our own. See transport.hpp for the protocol, mpi_messages.hpp for the
/// messages themselves and mpi_tags.hpp for how they are matched; here is what happens when something goes wrong, and
/// the end.

#include <chorus/core/errors.hpp>
#include <chorus/transport/detail/backoff.hpp>
#include <chorus/transport/detail/mpi_api.hpp>
#include <chorus/transport/detail/mpi_control.hpp>
#include <chorus/transport/detail/mpi_host.hpp>
#include <chorus/transport/detail/mpi_messages.hpp>
#include <chorus/transport/detail/mpi_native.hpp>
#include <chorus/transport/detail/mpi_questions.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace chorus {

struct mpi_options {
    /// After a failure: how long to wait for messages that peers have not taken yet, before giving up on the memory
    /// that MPI may still read.
    std::chrono::milliseconds grace = std::chrono::seconds(5);
    /// What happens then. MPI cannot take a send back: a report and MPI_Abort, or `withdraw` returns false. The same where a blocking
    /// call of the MPI library's own sees no end within `options::timeout`: a report and MPI_Abort, or the report alone.
    bool abort_after_grace = true;
};

/// Made and destroyed by all ranks of the communicator together. The destructor tells waiting peers that this rank
/// leaves and waits for them, up to the grace period. In the thread that MPI calls its main thread
/// (MPI_THREAD_FUNNELED).
class mpi_transport {
public:
    static constexpr std::string_view name = "mpi";
    static constexpr bool gathers = false;

    explicit mpi_transport(MPI_Comm over, mpi_options how = {})
        : options_(how),
          data_(detail::mpi_communicator::duplicate(over)),
          control_comm_(detail::mpi_communicator::duplicate(over)),
          rank_(data_.rank()),
          size_(data_.size()),
          host_(data_),
          wait_(host_.ranks_here()),
          messages_(data_.get()),
          control_(control_comm_.get()),
          native_(data_.get(), how.abort_after_grace),
          questions_(size_),
          left_(static_cast<std::size_t>(size_)) {
        require_mpi(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, &on_finalize, &keyval_, nullptr),
                    "MPI_Comm_create_keyval");
        require_mpi(MPI_Comm_set_attr(MPI_COMM_SELF, keyval_, this), "MPI_Comm_set_attr");
    }
    mpi_transport(mpi_transport const&) = delete;
    mpi_transport& operator=(mpi_transport const&) = delete;
    ~mpi_transport() {
        if (closed_) return;
        say_farewell(std::uncaught_exceptions() > 0);
        release_all();
    }

    int rank() const { return rank_; }
    int size() const { return size_; }
    int host_of(int rank) const { return host_.host_of(rank); }
    native_collectives* native() { return &native_; }

    /// As measured with Open MPI 4.1 between processes of one host, and a guess between hosts. What folds has just been
    /// copied by MPI and is still in the cache.
    transport_estimates estimates() const {
        auto const here = host_.is_only_host();
        transport_estimates result;
        result.latency = here ? 5e-7 : 2e-6;
        result.per_message = here ? 2e-7 : 3e-7;
        result.per_byte = here ? 2e-10 : 1e-10;
        result.per_byte_folded = 1e-11;
        result.rendezvous = 1.5e-5;
        result.eager_bytes = 4000; // and the headers of MPI's 4096
        result.segment_bytes = std::size_t{4} << 20; // smaller ones cost more messages than their overlap is worth
        return result;
    }

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return !closed_ && messages_.send(peer, ex, only(pieces), tok, calls_.send(peer, ex));
    }
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        if (!closed_) messages_.receive(peer, ex, only(pieces), tok, calls_.receive(peer, ex));
        return false;
    }
    std::size_t poll(std::span<completion> done) { return messages_.poll(done); }

    /// MPI cannot sleep: it sees messages only while somebody calls it.
    void idle(int round, clock::time_point) {
        switch (wait_.next(round)) {
        case detail::rest::none: return;
        case detail::rest::pause: return detail::pause();
        default: return std::this_thread::yield();
        }
    }

    std::optional<transport_failure> failure() {
        if (!failed_) failed_ = messages_.problem();
        if (!closed_) read_control();
        if (!closed_ && !failed_) look_for_trouble();
        return failed_;
    }

    void revoke(transport_failure const& why) {
        if (!failed_) failed_ = why;
        if (revoked_ || closed_) return;
        revoked_ = true;
        detail::mpi_control_message text;
        text.what = detail::mpi_control_message::kind::revoke;
        text.why = static_cast<std::int32_t>(why.why);
        text.about = why.rank;
        text.signature = why.signature;
        text.set_text(why.text);
        tell_all(text);
    }

    bool withdraw() {
        if (closed_) return true;
        messages_.cancel_receives();
        auto const start = clock::now();
        auto settled = settle();
        for (; !settled && clock::now() - start < options_.grace; settled = settle()) std::this_thread::yield();
        if (!settled) {
            if (options_.abort_after_grace) report_and_abort();
            return false;
        }
        // Peers may be waiting for us to take what they sent.
        auto const until = std::min(start + options_.grace, clock::now() + helping_time);
        while (!everyone_settled() && clock::now() < until) std::this_thread::yield();
        return true;
    }

    /// Notes the collective that begins, for peers that ask what we called.
    void enter(exchange const& ex) {
        calls_.enter(ex);
        host_.note(ex);
    }
    /// Known of ranks on this host.
    std::optional<exchange> last_entered(int peer) const { return host_.noted_by(peer); }

private:
    static constexpr std::chrono::milliseconds look_interval{60}, answer_time{1000}, helping_time{500}, patience{100};

    using control_kind = detail::mpi_control_message::kind;
    using operation = detail::mpi_messages::operation;

    static piece only(std::span<piece const> pieces) { return pieces.empty() ? piece{} : pieces.front(); }
    static void require_mpi(int code, char const* call) { detail::require_mpi(code, call); }
    void fail(transport_failure why) {
        if (!failed_) failed_ = std::move(why);
    }

    // Trouble: what peers say, and what can be seen of them.

    void tell(int peer, detail::mpi_control_message message) {
        message.sender = rank_;
        control_.send(peer, message);
    }
    void tell_all(detail::mpi_control_message const& message) {
        for (int step = 1; step < size_; ++step) tell((rank_ + step) % size_, message);
    }

    void read_control() {
        using state = detail::mpi_questions::state;
        while (auto const message = control_.receive()) {
            auto const sender = message->sender;
            switch (message->what) {
            case control_kind::revoke:
                revoked_ = true; // everyone has been told
                fail(message->failure());
                break;
            case control_kind::left:
                left_[static_cast<std::size_t>(sender)] = true;
                questions_.left(sender);
                break;
            case control_kind::ask:
                answer(*message);
                break;
            case control_kind::same:
                questions_.answer(sender, message->place, state::same);
                break;
            case control_kind::later:
                questions_.answer(sender, message->place, state::later);
                break;
            case control_kind::differ:
                differ(sender, message->signature, message->asked);
                break;
            }
        }
    }

    /// A mismatch is what both sides say is one.
    void differ(int peer, std::uint64_t theirs, std::uint64_t ours) {
        fail({transport_failure::kind::mismatch, peer, "calls something else", theirs, ours});
    }

    void ask(operation const& about) {
        detail::mpi_control_message message;
        message.what = control_kind::ask;
        message.place = about.place;
        message.signature = about.signature;
        tell(about.peer, message);
    }
    void answer(detail::mpi_control_message const& question) {
        auto const ours = calls_.at(question.place, question.sender);
        detail::mpi_control_message message;
        message.what = !ours                         ? control_kind::later
                       : *ours == question.signature ? control_kind::same
                                                     : control_kind::differ;
        message.place = question.place;
        message.signature = ours.value_or(0);
        message.asked = question.signature;
        tell(question.sender, message);
        if (message.what == control_kind::differ) differ(question.sender, question.signature, *ours);
    }

    /// Looks at operations that were there at the last look already: is a peer gone, or did it call something else? A
    /// send from point to point is the receiver's to ask about.
    void look_for_trouble() {
        auto const now = clock::now();
        if (now < next_look_) return;
        next_look_ = now + look_interval;
        look_at_misfit(now);
        for (auto& each : messages_.posted()) {
            if (!std::exchange(each.seen, true)) continue;
            auto const comparable = each.receives || !each.place.message;
            if (comparable && questions_.ask(each.peer, each.place, now)) ask(each);
            if (!left_[static_cast<std::size_t>(each.peer)]) continue;
            if (!comparable || questions_.is_missing(each.peer, each.place, now))
                return fail({transport_failure::kind::left, each.peer, "left", 0});
        }
    }

    /// The sender knows what it called, if it still answers.
    void look_at_misfit(clock::time_point now) {
        auto const& misfit = messages_.misfitting();
        if (!misfit) return;
        if (!misfit_since_) ask(misfit->what);
        if (!misfit_since_) misfit_since_ = now;
        if (now - *misfit_since_ > answer_time)
            fail({transport_failure::kind::broken, misfit->what.peer, misfit->text, 0});
    }

    // The end.

    bool settle() { return messages_.settle() && native_.drain(); }

    /// True once all ranks have settled. Every rank takes part exactly once, after a failure or in its destructor.
    bool everyone_settled() {
        if (!farewell_begun_) {
            farewell_begun_ = true;
            if (MPI_Ibarrier(control_comm_.get(), &farewell_) != MPI_SUCCESS) return false;
        }
        messages_.settle();
        control_.flush();
        int done = 0;
        MPI_Test(&farewell_, &done, MPI_STATUS_IGNORE);
        read_control(); // others may still ask
        return done != 0;
    }

    /// Waits for the others. Those that wait for us are told, at once where an exception drives us away.
    void say_farewell(bool at_once) {
        messages_.cancel_receives();
        auto const start = clock::now();
        auto told = revoked_;
        while (!settle() || !everyone_settled()) {
            auto const waited = clock::now() - start;
            if (!told && (at_once || waited > patience)) {
                detail::mpi_control_message message;
                message.what = control_kind::left;
                tell_all(message);
                told = true;
            }
            if (waited > options_.grace) return;
            if (waited < patience)
                std::this_thread::yield();
            else
                std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
        all_left_ = true;
    }

    /// Where some rank did not come, MPI may still be at work for it: the communicators are left to MPI_Finalize.
    /// Whoever comes last frees them alone, so nothing may be freed here that MPI waits for others in: no window.
    void release_all() {
        if (std::exchange(closed_, true)) return;
        control_.close();
        messages_.abandon();
        if (all_left_) {
            native_.reset();
            control_comm_.reset();
            data_.reset();
        }
        if (keyval_ != MPI_KEYVAL_INVALID) {
            MPI_Comm_delete_attr(MPI_COMM_SELF, keyval_);
            MPI_Comm_free_keyval(&keyval_);
        }
    }

    /// MPI_Finalize deletes the attributes of MPI_COMM_SELF first: the last moment to leave in order. Nothing of MPI is
    /// touched from then on.
    static int on_finalize(MPI_Comm, int, void* self, void*) {
        static_cast<mpi_transport*>(self)->end_with_mpi();
        return MPI_SUCCESS;
    }
    void end_with_mpi() {
        if (std::exchange(closed_, true)) return;
        control_.close();
        native_.end();
        messages_.abandon();
        fail({transport_failure::kind::broken, rank_, "MPI has been finalised", 0});
    }

    void report_and_abort() const {
        auto const posted = messages_.posted();
        auto const stuck = posted.empty() ? operation{} : posted.front();
        std::fprintf(stderr,
                     "chorus: rank %d cannot take back %zu messages after a failure (%s); the first, of %zu bytes, "
                     "goes to rank %d "
                     "and was not received within %lld ms. MPI may still read its memory: MPI_Abort.\n",
                     rank_, posted.size(), failed_ ? failed_->text.c_str() : "none", stuck.bytes, stuck.peer,
                     static_cast<long long>(options_.grace.count()));
        MPI_Abort(data_.get(), 3);
    }

    mpi_options options_;
    detail::mpi_communicator data_, control_comm_;
    int rank_, size_;
    detail::mpi_host host_;
    detail::backoff wait_;
    detail::mpi_messages messages_;
    detail::mpi_control control_;
    detail::mpi_native native_;
    detail::mpi_calls calls_;
    detail::mpi_questions questions_;
    std::vector<bool> left_;
    std::optional<transport_failure> failed_;
    std::optional<clock::time_point> misfit_since_;
    clock::time_point next_look_{};
    bool revoked_ = false;

    MPI_Request farewell_ = MPI_REQUEST_NULL;
    bool farewell_begun_ = false;
    bool all_left_ = false;
    bool closed_ = false;
    int keyval_ = MPI_KEYVAL_INVALID;
};

static_assert(observing_transport<mpi_transport> && host_aware_transport<mpi_transport> &&
              estimating_transport<mpi_transport>);

} // namespace chorus
