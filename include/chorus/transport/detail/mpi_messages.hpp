#pragma once
/// What is posted over MPI, from the post to its completion: the part of the MPI transport that must be quick.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/mpi_api.hpp>
#include <chorus/transport/detail/mpi_questions.hpp>
#include <chorus/transport/detail/mpi_tags.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace chorus::detail {

class mpi_messages {
public:
    struct operation {
        token which = 0;
        std::uint64_t signature = 0;
        std::byte* data = nullptr;
        std::size_t bytes = 0;
        int peer = -1;
        mpi_place place;
        bool receives = false;
        bool seen = false; ///< was there when somebody last looked for trouble
    };

    /// `on` must outlive this object's use.
    explicit mpi_messages(MPI_Comm on) : on_(on), tags_(tag_upper_bound()) {}

    bool send(int peer, exchange const& ex, piece const& what, token tok, mpi_place const& place) {
        auto const tag = tags_(ex, what.bytes);
        MPI_Request request = MPI_REQUEST_NULL;
        if (!check(mpi_isend(what.data, what.bytes, peer, tag, on_, &request), "MPI_Isend", peer)) return false;
        if (what.bytes <= small_bytes) { // usually gone already: buffered by MPI
            int done = 0;
            if (!check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test", peer)) return false;
            if (done != 0) return true;
        }
        remember(request, {tok, ex.signature, what.data, what.bytes, peer, place, false, false});
        return false;
    }

    void receive(int peer, exchange const& ex, piece const& what, token tok, mpi_place const& place) {
        auto const tag = tags_(ex, what.bytes);
        MPI_Request request = MPI_REQUEST_NULL;
        if (check(mpi_irecv(what.data, what.bytes, peer, tag, on_, &request), "MPI_Irecv", peer))
            remember(request, {tok, ex.signature, what.data, what.bytes, peer, place, true, false});
    }

    /// One by one where there are few: that takes MPI's short way. More of them all at once, so that MPI looks for
    /// messages once and not once per request.
    std::size_t poll(std::span<completion> done) {
        if (requests_.empty()) return 0;
        return requests_.size() <= few ? poll_each(done) : poll_some(done);
    }

    /// Why nothing more is to be expected, once MPI reported an error.
    std::optional<transport_failure> const& problem() const { return problem_; }
    /// A receive that was met by a message of another length. It never finishes.
    struct misfit {
        operation what;
        std::string text; ///< "rank 1 sends 48 bytes where 44 are expected"
    };
    std::optional<misfit> const& misfitting() const { return misfit_; }

    std::span<operation> posted() { return posted_; }
    std::span<operation const> posted() const { return posted_; }
    // The end.

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
        return requests_.empty() && leftover_request_ == MPI_REQUEST_NULL;
    }

    /// Nothing of MPI is touched from here on, and what is still being received keeps its memory for ever.
    void abandon() {
        requests_.clear();
        posted_.clear();
        if (leftover_request_ != MPI_REQUEST_NULL) static_cast<void>(leftover_.release());
        leftover_request_ = MPI_REQUEST_NULL;
    }

private:
    static constexpr std::size_t few = 2;
    static constexpr std::size_t small_bytes = 4096; ///< messages that MPI buffers, roughly

    /// MPI promises the attribute on MPI_COMM_WORLD only; it holds for all communicators.
    static int tag_upper_bound() {
        void* value = nullptr;
        int found = 0;
        require_mpi(MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, static_cast<void*>(&value), &found), "MPI_Comm_get_attr");
        return found != 0 ? *static_cast<int*>(value) : 32767;
    }

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
        auto const code =
            MPI_Testsome(static_cast<int>(window), &requests_[next_], &finished, which.data(), statuses.data());
        auto const in_status = code != MPI_SUCCESS && mpi_error_class(code) == MPI_ERR_IN_STATUS;
        if (!in_status && !check(code, "MPI_Testsome", -1)) return 0;

        std::size_t count = 0;
        for (std::size_t k = 0; finished > 0 && k < static_cast<std::size_t>(finished); ++k) {
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
        if (code == MPI_SUCCESS && (!what.receives || received_bytes(status) == what.bytes)) [[likely]]
            return true;
        return refuse(what, code, status);
    }
    [[gnu::cold, gnu::noinline]] bool refuse(operation const& what, int code, MPI_Status const& status) {
        auto const too_long = code != MPI_SUCCESS && mpi_error_class(code) == MPI_ERR_TRUNCATE;
        if (code != MPI_SUCCESS && !too_long) return broken(code, what.receives ? "MPI_Irecv" : "MPI_Isend", what.peer);
        auto const sent = too_long ? std::string("more") : text({received_bytes(status), " bytes"});
        if (!misfit_)
            misfit_ = {what, text({"rank ", what.peer, " sends ", sent, " where ", what.bytes, " are expected"})};
        return false;
    }

    bool check(int code, char const* call, int peer) {
        if (code == MPI_SUCCESS) [[likely]]
            return true;
        return broken(code, call, peer);
    }
    [[gnu::cold, gnu::noinline]] bool broken(int code, char const* call, int peer) {
        if (!problem_) problem_ = {transport_failure::kind::broken, peer, mpi_error_text(call, code), 0};
        return false;
    }

    /// Receives, one after the other, what nobody will ask for. At full length: Open MPI 4.1 overruns the buffer of a
    /// long message that is cut off.
    void take_leftovers() {
        for (int there = 1; there != 0;) {
            int done = 0;
            MPI_Test(&leftover_request_, &done, MPI_STATUS_IGNORE);
            if (done == 0) return;
            MPI_Message found = MPI_MESSAGE_NULL;
            MPI_Status status;
            if (MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, on_, &there, &found, &status) != MPI_SUCCESS) return;
            if (there == 0) return;
            auto const bytes = received_bytes(status);
            leftover_ = std::make_unique_for_overwrite<std::byte[]>(bytes + 1);
            mpi_imrecv(leftover_.get(), bytes, &found, &leftover_request_);
        }
    }

    MPI_Comm on_;
    mpi_tags tags_;
    std::vector<MPI_Request> requests_; ///< what is posted, and beside it what it is
    std::vector<operation> posted_;
    std::size_t next_ = 0; ///< where the next poll_some begins
    std::optional<transport_failure> problem_;
    std::optional<misfit> misfit_;
    std::unique_ptr<std::byte[]> leftover_; ///< being received to be thrown away
    MPI_Request leftover_request_ = MPI_REQUEST_NULL;
};

} // namespace chorus::detail
