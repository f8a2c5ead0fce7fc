#pragma once
/// Messages over MPI, on communicators of our own. See transport.hpp for the protocol and mpi_tags.hpp for the matching.

#include <chorus/core/errors.hpp>
#include <chorus/transport/detail/backoff.hpp>
#include <chorus/transport/detail/mpi_api.hpp>
#include <chorus/transport/detail/mpi_control.hpp>
#include <chorus/transport/detail/mpi_host.hpp>
#include <chorus/transport/detail/mpi_native.hpp>
#include <chorus/transport/detail/mpi_tags.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace chorus {

struct mpi_options {
    /// After a failure: how long to wait for messages that peers have not taken yet, before giving up on the memory that
    /// MPI may still read.
    std::chrono::milliseconds grace = std::chrono::seconds(5);
    /// What happens then. MPI cannot take a send back: a report and MPI_Abort, or `withdraw` returns false.
    bool abort_after_grace = true;
};

/// Made and destroyed by all ranks of the communicator together. The destructor tells waiting peers that this rank leaves
/// and waits for them, up to the grace period. In the thread that MPI calls its main thread (MPI_THREAD_FUNNELED).
class mpi_transport {
public:
    static constexpr std::string_view name = "mpi";
    static constexpr bool gathers = false;

    explicit mpi_transport(MPI_Comm over, mpi_options how = {})
        : options_(how), data_(detail::mpi_communicator::duplicate(over)),
          control_comm_(detail::mpi_communicator::duplicate(over)), rank_(data_.rank()), size_(data_.size()), host_(data_),
          tags_(tag_upper_bound()), wait_(host_.ranks_here()),
          control_(control_comm_.get()), native_(data_.get()), left_(static_cast<std::size_t>(size_)) {
        require_mpi(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, &on_finalize, &keyval_, nullptr), "MPI_Comm_create_keyval");
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

    /// As measured with Open MPI 4.1 between processes of one host, and a guess between hosts.
    transport_estimates estimates() const {
        if (host_.is_only_host()) return {.latency = 5e-7, .per_message = 2e-7, .per_byte = 2e-10, .per_byte_folded = 1e-10};
        return {.latency = 2e-6, .per_message = 3e-7, .per_byte = 1e-10, .per_byte_folded = 1e-10};
    }

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        if (closed_) [[unlikely]] return false;
        auto const [data, bytes] = message(pieces);
        auto const tag = tags_(ex, bytes);
        MPI_Request request = MPI_REQUEST_NULL;
        if (!check(detail::mpi_isend(data, bytes, peer, tag, data_.get(), &request), "MPI_Isend", peer)) return false;
        if (bytes <= small_bytes) { // usually gone already: buffered by MPI
            int done = 0;
            if (!check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test", peer)) return false;
            if (done != 0) return true;
        }
        remember(request, {tok, ex.signature, data, bytes, peer, tag, false, false});
        return false;
    }

    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        if (closed_) [[unlikely]] return false;
        auto const [data, bytes] = message(pieces);
        auto const tag = tags_(ex, bytes);
        MPI_Request request = MPI_REQUEST_NULL;
        if (check(detail::mpi_irecv(data, bytes, peer, tag, data_.get(), &request), "MPI_Irecv", peer))
            remember(request, {tok, ex.signature, data, bytes, peer, tag, true, false});
        return false;
    }

    /// One by one where there are few: that takes MPI's short way. From three on all at once, so that MPI looks for
    /// messages once and not once per request.
    std::size_t poll(std::span<completion> done) {
        if (requests_.empty()) return 0;
        return requests_.size() <= few ? poll_each(done) : poll_some(done);
    }

    /// MPI cannot sleep: it sees messages only while somebody calls it.
    void idle(int round, clock::time_point) {
        if (wait_.next(round) == detail::rest::pause) detail::pause();
        else std::this_thread::yield();
    }

    std::optional<transport_failure> failure() {
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
        cancel_receives();
        auto const start = clock::now();
        while (!settle() && clock::now() - start < options_.grace) std::this_thread::yield();
        if (!settled_) {
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
        recent_[recent_count_++ % recent_.size()] = ex;
        host_.note(ex);
    }
    /// Known of ranks on this host.
    std::optional<exchange> last_entered(int peer) const { return host_.noted_by(peer); }

private:
    struct operation {
        token which = 0;
        std::uint64_t signature = 0;
        std::byte* data = nullptr;
        std::size_t bytes = 0;
        int peer = -1;
        int tag = 0;
        bool receives = false;
        bool seen = false; ///< was there when we last looked for trouble
    };
    struct suspicion {
        int peer;
        std::string text;
        clock::time_point until;
    };

    static constexpr std::size_t few = 2;           ///< requests that are tested one by one
    static constexpr std::size_t small_bytes = 4096; ///< messages that MPI buffers, roughly
    static constexpr std::uint64_t unknown_signature = ~std::uint64_t{0};
    static constexpr std::chrono::milliseconds look_interval{60}, answer_time{200}, helping_time{500}, patience{100};

    static piece message(std::span<piece const> pieces) { return pieces.empty() ? piece{} : pieces.front(); }

    void remember(MPI_Request request, operation const& what) {
        requests_.push_back(request);
        posted_.push_back(what);
    }
    void forget(std::size_t i) {
        requests_[i] = requests_.back();
        posted_[i] = posted_.back();
        requests_.pop_back();
        posted_.pop_back();
    }

    // ---- progress

    std::size_t poll_each(std::span<completion> done) {
        std::size_t count = 0;
        for (auto i = requests_.size(); i-- > 0 && count < done.size();) {
            int finished = 0;
            MPI_Status status;
            auto const code = MPI_Test(&requests_[i], &finished, &status);
            if (finished == 0 && code == MPI_SUCCESS) continue;
            if (accept(posted_[i], code, status)) done[count++] = {posted_[i].which, posted_[i].data};
            forget(i);
        }
        return count;
    }

    std::size_t poll_some(std::span<completion> done) {
        std::array<int, 32> which;
        std::array<MPI_Status, 32> statuses;
        if (next_ >= requests_.size()) next_ = 0;
        auto const window = std::min({requests_.size() - next_, done.size(), which.size()});
        int finished = 0;
        auto const code = MPI_Testsome(static_cast<int>(window), &requests_[next_], &finished, which.data(), statuses.data());
        auto const in_status = code != MPI_SUCCESS && detail::mpi_error_class(code) == MPI_ERR_IN_STATUS;
        if (!in_status && !check(code, "MPI_Testsome", -1)) return 0;

        std::size_t count = 0;
        for (std::size_t k = 0; finished != MPI_UNDEFINED && k < static_cast<std::size_t>(finished); ++k) {
            auto const i = next_ + static_cast<std::size_t>(which[k]);
            auto const own_code = in_status ? statuses[k].MPI_ERROR : MPI_SUCCESS;
            if (accept(posted_[i], own_code, statuses[k])) done[count++] = {posted_[i].which, posted_[i].data};
            requests_[i] = MPI_REQUEST_NULL; // where the operation failed MPI leaves it
        }
        for (auto i = next_ + window; finished > 0 && i-- > next_;)
            if (requests_[i] == MPI_REQUEST_NULL) forget(i);
        if (finished <= 0) next_ += window;
        return count;
    }

    /// Whether a finished operation did what it was posted for.
    bool accept(operation const& what, int code, MPI_Status const& status) {
        if (code == MPI_SUCCESS && (!what.receives || detail::received_bytes(status) == what.bytes)) [[likely]] return true;
        return refuse(what, code, status);
    }
    [[gnu::cold, gnu::noinline]] bool refuse(operation const& what, int code, MPI_Status const& status) {
        auto const too_long = code != MPI_SUCCESS && detail::mpi_error_class(code) == MPI_ERR_TRUNCATE;
        if (code != MPI_SUCCESS && !too_long) return broken(code, what.receives ? "MPI_Irecv" : "MPI_Isend", what.peer);
        auto text = too_long ? "sends more than the " + std::to_string(what.bytes) + " bytes that are expected"
                             : lengths(detail::received_bytes(status), what.bytes);
        fail({transport_failure::kind::mismatch, what.peer, std::move(text), what.signature});
        return false;
    }

    bool check(int code, char const* call, int peer) {
        if (code == MPI_SUCCESS) [[likely]] return true;
        return broken(code, call, peer);
    }
    [[gnu::cold, gnu::noinline]] bool broken(int code, char const* call, int peer) {
        fail({transport_failure::kind::broken, peer, detail::mpi_error_text(call, code), 0});
        return false;
    }
    void fail(transport_failure why) {
        if (!failed_) failed_ = std::move(why);
    }

    // ---- trouble: what peers say, and what can be seen of them

    using control_kind = detail::mpi_control_message::kind;

    void tell(int peer, detail::mpi_control_message message) {
        message.sender = rank_;
        control_.send(peer, message);
    }
    void tell_all(detail::mpi_control_message const& message) {
        for (int step = 1; step < size_; ++step) tell((rank_ + step) % size_, message);
    }

    void read_control() {
        while (auto const message = control_.receive()) {
            auto const sender = message->sender;
            switch (message->what) {
            case control_kind::revoke:
                revoked_ = true; // everyone has been told
                fail(message->failure());
                break;
            case control_kind::left: left_[static_cast<std::size_t>(sender)] = true; break;
            case control_kind::differ:
                if (!suspect_) tell_our_call(sender, message->tag, our_signature(message->tag));
                fail({transport_failure::kind::mismatch, sender, suspect_ ? suspect_->text : "calls something else", message->signature});
                break;
            }
        }
        if (suspect_ && !failed_ && clock::now() > suspect_->until)
            fail({transport_failure::kind::mismatch, suspect_->peer, suspect_->text, unknown_signature});
    }

    /// Looks at operations that were there at the last look already: is a peer gone, or is its message of another call?
    void look_for_trouble() {
        auto const now = clock::now();
        if (now < next_look_ || suspect_) return;
        next_look_ = now + look_interval;
        for (auto& each : posted_) {
            if (!each.seen) each.seen = true;
            else if (left_[static_cast<std::size_t>(each.peer)])
                return fail({transport_failure::kind::left, each.peer, "left", 0});
            else if (auto const sent = each.receives ? sent_instead(each) : std::nullopt) {
                suspect_ = suspicion{each.peer, lengths(*sent, each.bytes), now + answer_time};
                return tell_our_call(each.peer, each.tag, each.signature);
            }
        }
    }

    /// The length of a message that came in place of the awaited one: its tag differs only in the fold of signature and
    /// length, so that it will never be received. It may stand behind others that will.
    std::optional<std::size_t> sent_instead(operation const& awaited) const {
        int there = 0;
        MPI_Status status;
        MPI_Iprobe(awaited.peer, MPI_ANY_TAG, data_.get(), &there, &status);
        if (there == 0) return std::nullopt;
        auto const first = tags_.first_of(awaited.tag);
        for (int tag = first; tag < first + tags_.folds(); ++tag) {
            if (tag == awaited.tag) continue;
            MPI_Iprobe(awaited.peer, tag, data_.get(), &there, &status);
            if (there != 0) return detail::received_bytes(status);
        }
        return std::nullopt;
    }
    static std::string lengths(std::size_t sent, std::size_t expected) {
        if (sent == expected) return "calls something else";
        return "sends " + std::to_string(sent) + " bytes where " + std::to_string(expected) + " are expected";
    }

    void tell_our_call(int peer, int tag, std::uint64_t signature) {
        detail::mpi_control_message message;
        message.what = control_kind::differ;
        message.tag = tag;
        message.signature = signature;
        tell(peer, message);
    }
    std::uint64_t our_signature(int tag) const {
        for (auto const& each : posted_)
            if (tags_.same_place(each.tag, tag)) return each.signature;
        for (auto const& each : recent_)
            if (tags_.same_place(tags_(each, 0), tag)) return each.signature;
        return unknown_signature;
    }

    // ---- the end

    void cancel_receives() {
        for (std::size_t i = 0; i < requests_.size(); ++i)
            if (posted_[i].receives) MPI_Cancel(&requests_[i]);
    }

    /// True once nothing that was posted can touch memory any more. Takes what peers sent, so that they can settle too.
    bool settle() {
        for (auto i = requests_.size(); i-- > 0;) {
            int done = 0;
            if (MPI_Test(&requests_[i], &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || done != 0) forget(i);
        }
        take_leftovers();
        settled_ = requests_.empty() && native_.drain() && leftover_request_ == MPI_REQUEST_NULL;
        return settled_;
    }

    /// Receives, one after the other, what nobody will ask for. At full length: Open MPI 4.1 overruns the buffer of a long
    /// message that is cut off.
    void take_leftovers() {
        for (int there = 1; there != 0;) {
            int done = 0;
            MPI_Test(&leftover_request_, &done, MPI_STATUS_IGNORE);
            if (done == 0) return;
            MPI_Message found = MPI_MESSAGE_NULL;
            MPI_Status status;
            if (MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, data_.get(), &there, &found, &status) != MPI_SUCCESS || there == 0) return;
            auto const bytes = detail::received_bytes(status);
            leftover_ = std::make_unique_for_overwrite<std::byte[]>(bytes + 1);
            detail::mpi_imrecv(leftover_.get(), bytes, &found, &leftover_request_);
        }
    }

    /// True once all ranks have settled. Every rank takes part exactly once, after a failure or in its destructor.
    bool everyone_settled() {
        if (!farewell_begun_) {
            farewell_begun_ = true;
            if (MPI_Ibarrier(control_comm_.get(), &farewell_) != MPI_SUCCESS) return false;
        }
        take_leftovers();
        control_.flush();
        int done = 0;
        MPI_Test(&farewell_, &done, MPI_STATUS_IGNORE);
        return done != 0;
    }

    /// Waits for the others. Those that wait for us are told, at once where an exception drives us away.
    void say_farewell(bool at_once) {
        cancel_receives();
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
            if (waited < patience) std::this_thread::yield();
            else std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
        all_left_ = true;
    }

    /// Where some rank did not come, communicators are left to MPI_Finalize: freeing them takes all ranks.
    void release_all() {
        if (std::exchange(closed_, true)) return;
        control_.close();
        if (leftover_request_ != MPI_REQUEST_NULL) static_cast<void>(leftover_.release()); // MPI may still write there
        if (all_left_) {
            native_.reset();
            host_.reset();
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
        host_.forget_board();
        native_.end();
        requests_.clear();
        posted_.clear();
        fail({transport_failure::kind::broken, rank_, "MPI has been finalised", 0});
    }

    void report_and_abort() const {
        auto const& stuck = posted_.empty() ? operation{} : posted_.front();
        std::fprintf(stderr,
                     "chorus: rank %d cannot take back %zu messages after a failure (%s); the first, of %zu bytes, goes to rank %d "
                     "and was not received within %lld ms. MPI may still read its memory: MPI_Abort.\n",
                     rank_, posted_.size(), failed_ ? failed_->text.c_str() : "none", stuck.bytes, stuck.peer,
                     static_cast<long long>(options_.grace.count()));
        MPI_Abort(data_.get(), 3);
    }

    // ---- set-up

    static void require_mpi(int code, char const* call) { detail::require_mpi(code, call); }

    int tag_upper_bound() const {
        void* value = nullptr;
        int found = 0;
        require_mpi(MPI_Comm_get_attr(data_.get(), MPI_TAG_UB, static_cast<void*>(&value), &found), "MPI_Comm_get_attr");
        return found != 0 ? *static_cast<int*>(value) : 32767;
    }

    mpi_options options_;
    detail::mpi_communicator data_, control_comm_;
    int rank_, size_;
    detail::mpi_host host_;
    detail::mpi_tags tags_;
    detail::backoff wait_;

    std::vector<MPI_Request> requests_; ///< what is posted, and beside it what it is
    std::vector<operation> posted_;
    std::size_t next_ = 0; ///< where the next poll_some begins

    detail::mpi_control control_;
    detail::mpi_native native_;
    std::vector<bool> left_;
    std::array<exchange, 16> recent_{};
    std::size_t recent_count_ = 0;
    std::optional<transport_failure> failed_;
    std::optional<suspicion> suspect_;
    clock::time_point next_look_{};
    bool revoked_ = false;

    std::unique_ptr<std::byte[]> leftover_; ///< being received to be thrown away
    MPI_Request leftover_request_ = MPI_REQUEST_NULL;
    MPI_Request farewell_ = MPI_REQUEST_NULL;
    bool farewell_begun_ = false;
    bool settled_ = false;
    bool all_left_ = false;
    bool closed_ = false;
    int keyval_ = MPI_KEYVAL_INVALID;
};

static_assert(observing_transport<mpi_transport> && host_aware_transport<mpi_transport> && estimating_transport<mpi_transport>);

} // namespace chorus
