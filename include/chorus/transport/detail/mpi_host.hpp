#pragma once
/// Which ranks share a host, and a noticeboard in memory that those of one host share: what everyone entered last. It
/// is written with three stores per collective and read when a deadline has passed.

#include <chorus/core/errors.hpp>
#include <chorus/transport/detail/descriptor.hpp>
#include <chorus/transport/detail/mpi_api.hpp>
#include <chorus/transport/detail/note.hpp>
#include <chorus/transport/detail/shared_memory.hpp>
#include <chorus/transport/transport.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
        mpi_communicator host(comm);
        here_ = host.size();

        int mine[2] = {rank, host.rank()}; // the least rank of the host names it
        require_mpi(MPI_Bcast(mine, 1, MPI_INT, 0, comm), "MPI_Bcast");
        std::vector<int> theirs(2 * ranks);
        require_mpi(MPI_Allgather(mine, 2, MPI_INT, theirs.data(), 2, MPI_INT, all.get()), "MPI_Allgather");
        host_of_.resize(ranks);
        for (std::size_t i = 0; i < ranks; ++i) host_of_[i] = theirs[2 * i];
        share_board(host);
        if (board_) pin_notices(mine[0], mine[1], theirs);
        host.reset();
    }

    int host_of(int rank) const { return host_of_[static_cast<std::size_t>(rank)]; }
    int ranks_here() const { return here_; }
    bool is_only_host() const { return here_ == static_cast<int>(host_of_.size()); }

    void note(exchange const& ex) {
        if (mine_ != nullptr) mine_->write(ex);
    }
    /// Nothing for ranks of other hosts and for those that entered nothing yet.
    std::optional<exchange> noted_by(int rank) const {
        auto const* const what = notices_.empty() ? nullptr : notices_[static_cast<std::size_t>(rank)];
        return what != nullptr ? what->read() : std::nullopt;
    }

private:
    using notice = detail::note; // `note` is a function here
    static constexpr std::size_t notice_bytes = 128; ///< apart in the cache

    /// Where the memory can be opened: a descriptor of a process, in a name space of processes.
    struct address {
        std::uint64_t process = 0, names = 0;
        std::int64_t file = -1;
    };

    /// Not a window of MPI's: its end would take all ranks together, and one that comes late would wait for ever. A
    /// board is a convenience: who cannot have the memory goes without.
    void share_board(mpi_communicator const& host) {
        address where;
        if (host.rank() == 0) create_board(where);
        require_mpi(MPI_Bcast(&where, sizeof where, MPI_BYTE, 0, host.get()), "MPI_Bcast");
        if (host.rank() != 0 && where.file >= 0 && where.names == name_space()) open_board(where);
        require_mpi(MPI_Barrier(host.get()), "MPI_Barrier"); // until here rank 0 keeps it for those that open it
    }
    void create_board(address& where) try {
        auto const bytes = round_up(static_cast<std::size_t>(here_) * notice_bytes, 4096);
        board_.emplace(shared_memory::create(bytes));
        board_->commit(0, bytes);
        for (int place = 0; place < here_; ++place) std::construct_at(notice_at(place));
        where = {static_cast<std::uint64_t>(::getpid()), name_space(), board_->file()};
    } catch (transport_error const&) {
        board_.reset();
    }
    void open_board(address const& where) try {
        auto const path = text({"/proc/", where.process, "/fd/", where.file});
        if (descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC)); file.valid())
            board_.emplace(shared_memory::adopt(std::move(file)));
    } catch (transport_error const&) {
        board_.reset();
    }
    static std::uint64_t name_space() {
        struct stat about {};
        return ::stat("/proc/self/ns/pid", &about) == 0 ? about.st_ino : 0;
    }

    notice* notice_at(int place) const {
        return reinterpret_cast<notice*>(board_->data() + static_cast<std::size_t>(place) * notice_bytes);
    }
    void pin_notices(int host, int place, std::vector<int> const& theirs) {
        mine_ = notice_at(place);
        notices_.assign(host_of_.size(), nullptr);
        for (std::size_t rank = 0; rank < notices_.size(); ++rank)
            if (theirs[2 * rank] == host) notices_[rank] = notice_at(theirs[2 * rank + 1]);
    }

    int here_ = 1;
    std::vector<int> host_of_;
    std::optional<shared_memory> board_;
    notice* mine_ = nullptr;
    std::vector<notice const*> notices_; ///< by rank; null on other hosts
};

} // namespace chorus::detail
