#pragma once
/// Which ranks share a host, and a noticeboard in memory that those of one host share: what everyone entered last. It
/// is written with three stores per collective and read when a deadline has passed.

#include <chorus/transport/detail/mpi_api.hpp>
#include <chorus/transport/detail/note.hpp>
#include <chorus/transport/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace chorus::detail {

class mpi_host {
public:
    explicit mpi_host(mpi_communicator const& all) {
        auto const rank = all.rank();
        auto const ranks = static_cast<std::size_t>(all.size());
        MPI_Comm comm = MPI_COMM_NULL;
        require_mpi(MPI_Comm_split_type(all.get(), MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &comm),
                    "MPI_Comm_split_type");
        host_ = mpi_communicator(comm);
        here_ = host_.size();

        int mine[2] = {rank, host_.rank()}; // the least rank of the host names it
        require_mpi(MPI_Bcast(mine, 1, MPI_INT, 0, comm), "MPI_Bcast");
        std::vector<int> theirs(2 * ranks);
        require_mpi(MPI_Allgather(mine, 2, MPI_INT, theirs.data(), 2, MPI_INT, all.get()), "MPI_Allgather");
        host_of_.resize(ranks);
        for (std::size_t i = 0; i < ranks; ++i) host_of_[i] = theirs[2 * i];
        set_up_board(mine[0], theirs);
    }

    int host_of(int rank) const { return host_of_[static_cast<std::size_t>(rank)]; }
    int ranks_here() const { return here_; }
    bool is_only_host() const { return here_ == static_cast<int>(host_of_.size()); }

    void note(exchange const& ex) {
        if (mine_ != nullptr) mine_->write(ex);
    }
    /// Nothing for ranks of other hosts and for those that entered nothing yet.
    std::optional<exchange> noted_by(int rank) const {
        auto const* const what = board_.empty() ? nullptr : board_[static_cast<std::size_t>(rank)];
        return what != nullptr ? what->read() : std::nullopt;
    }

    void forget_board() {
        mine_ = nullptr;
        board_.clear();
    }

    /// Takes all ranks of the host. The board is gone from then on.
    void reset() {
        forget_board();
        if (window_ != MPI_WIN_NULL) MPI_Win_free(&window_);
        host_.reset();
    }

private:
    using notice = detail::note; // `note` is a function here

    /// A board is a convenience: where there is no shared memory to be had, there is none.
    void set_up_board(int host, std::vector<int> const& theirs) {
        void* memory = nullptr;
        constexpr MPI_Aint bytes = 128; // apart in the cache; MPI aligns them for a word only
        if (MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, host_.get(), static_cast<void*>(&memory), &window_) !=
            MPI_SUCCESS) {
            window_ = MPI_WIN_NULL;
            return;
        }
        mine_ = std::construct_at(static_cast<notice*>(memory));
        board_.assign(host_of_.size(), nullptr);
        for (std::size_t rank = 0; rank < board_.size(); ++rank) {
            if (theirs[2 * rank] != host) continue;
            MPI_Aint size = 0;
            int unit = 0;
            void* place = nullptr;
            if (MPI_Win_shared_query(window_, theirs[2 * rank + 1], &size, &unit, static_cast<void*>(&place)) ==
                MPI_SUCCESS)
                board_[rank] = static_cast<notice const*>(place);
        }
        require_mpi(MPI_Barrier(host_.get()), "MPI_Barrier"); // every notice is blank before anyone reads it
    }

    mpi_communicator host_;
    int here_ = 1;
    std::vector<int> host_of_;
    MPI_Win window_ = MPI_WIN_NULL;
    notice* mine_ = nullptr;
    std::vector<notice const*> board_; ///< by rank; null on other hosts
};

} // namespace chorus::detail
