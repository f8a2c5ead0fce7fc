// MPI's own collectives, and beside them what one writes by hand on MPI_Win_allocate_shared. Compiles with any MPI.

#include "worker.hpp"

#include <mpi.h>

#include <cstdio>

namespace {

using compare::cell;
using compare::collective;
using compare::prepared;

/// As a program reads that knows its ranks share memory: every rank reads the others' inputs where they lie.
class shared_window {
public:
    shared_window() = default;
    shared_window(shared_window const&) = delete;
    shared_window& operator=(shared_window const&) = delete;
    ~shared_window() { drop(); }

    prepared take(cell const& what, int rank, int ranks) {
        drop();
        rank_ = static_cast<std::size_t>(rank);
        ranks_ = static_cast<std::size_t>(ranks);
        auto const in_pages = (what.in() + 1023) / 1024 * 1024; // the output begins on a page
        void* base = nullptr;
        MPI_Win_allocate_shared(static_cast<MPI_Aint>((in_pages + what.out()) * sizeof(float)), sizeof(float), MPI_INFO_NULL, MPI_COMM_WORLD, &base, &window_);
        MPI_Win_lock_all(MPI_MODE_NOCHECK, window_);
        in_.assign(ranks_, nullptr);
        out_.assign(ranks_, nullptr);
        for (int r = 0; r < ranks; ++r) {
            MPI_Aint bytes = 0;
            int unit = 0;
            auto& at = in_[static_cast<std::size_t>(r)];
            MPI_Win_shared_query(window_, r, &bytes, &unit, &at);
            out_[static_cast<std::size_t>(r)] = at + in_pages;
        }
        return {in_[rank_], out_[rank_], [this, what] { run(what); }};
    }
    void drop() {
        if (window_ == MPI_WIN_NULL) return;
        MPI_Win_unlock_all(window_);
        MPI_Win_free(&window_);
    }

private:
    void everybody() const {
        MPI_Win_sync(window_);
        MPI_Barrier(MPI_COMM_WORLD);
        MPI_Win_sync(window_);
    }
    void fold(float* to, std::size_t begin, std::size_t end) const {
        for (std::size_t i = begin; i < end; ++i) to[i] = in_[0][i] + in_[1][i];
        for (std::size_t r = 2; r < ranks_; ++r)
            for (std::size_t i = begin; i < end; ++i) to[i] += in_[r][i];
    }
    void run(cell const& what) const {
        everybody();
        switch (what.what) {
        case collective::all_reduce: all_reduce(what.count); break;
        case collective::reduce_scatter: fold(out_[rank_] - rank_ * what.block, rank_ * what.block, (rank_ + 1) * what.block); break;
        case collective::all_gather:
            for (std::size_t r = 0; r < ranks_; ++r) std::copy_n(in_[r], what.block, out_[rank_] + r * what.block);
            break;
        case collective::all_to_all:
            for (std::size_t r = 0; r < ranks_; ++r) std::copy_n(in_[r] + rank_ * what.block, what.block, out_[rank_] + r * what.block);
            break;
        case collective::broadcast:
            if (rank_ != 0) std::copy_n(out_[0], what.count, out_[rank_]);
            break;
        }
        everybody();
    }
    void all_reduce(std::size_t count) const {
        if (count <= 1024) return fold(out_[rank_], 0, count);
        auto const begin = count * rank_ / ranks_, end = count * (rank_ + 1) / ranks_;
        fold(out_[rank_], begin, end);
        for (std::size_t r = 0; r < ranks_; ++r)
            if (r != rank_) std::copy(out_[rank_] + begin, out_[rank_] + end, out_[r] + begin);
    }

    MPI_Win window_ = MPI_WIN_NULL;
    std::size_t rank_ = 0, ranks_ = 1;
    std::vector<float*> in_, out_;
};

class mpi_library : public compare::library {
public:
    mpi_library() {
        MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
        MPI_Comm_size(MPI_COMM_WORLD, &ranks_);
    }
    int rank() const override { return rank_; }
    int ranks() const override { return ranks_; }
    std::string version() const override {
        std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
        int length = 0;
        MPI_Get_library_version(text.data(), &length);
        std::string whole(text.data());
        whole.resize(std::min(whole.find_first_of("\n,"), whole.size()));
        std::replace(whole.begin(), whole.end(), '\t', ' ');
        return whole;
    }
    prepared prepare(cell const& what) override {
        if (what.path == "window") return window_.take(what, rank_, ranks_);
        auto mine = memory_.take(what);
        mine.call = [in = mine.in, out = mine.out, what] { run(what, in, out); };
        return mine;
    }
    void drop() override {
        window_.drop();
        memory_.drop();
    }

private:
    static void run(cell const& what, float const* in, float* out) {
        auto const count = static_cast<int>(what.count), block = static_cast<int>(what.block);
        switch (what.what) {
        case collective::all_reduce: MPI_Allreduce(in, out, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); break;
        case collective::all_gather: MPI_Allgather(in, block, MPI_FLOAT, out, block, MPI_FLOAT, MPI_COMM_WORLD); break;
        case collective::reduce_scatter: MPI_Reduce_scatter_block(in, out, block, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); break;
        case collective::all_to_all: MPI_Alltoall(in, block, MPI_FLOAT, out, block, MPI_FLOAT, MPI_COMM_WORLD); break;
        case collective::broadcast: MPI_Bcast(out, count, MPI_FLOAT, 0, MPI_COMM_WORLD); break;
        }
    }

    int rank_ = 0, ranks_ = 1;
    compare::private_buffers memory_;
    shared_window window_;
};

} // namespace

int main(int argc, char** argv) {
    try {
        MPI_Init(&argc, &argv);
        {
            mpi_library of;
            auto const waits = compare::pin(of.rank(), of.ranks());
            compare::serve(compare::arguments(argc, argv), of, waits);
        }
        MPI_Finalize();
    } catch (std::exception const& e) {
        std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
}
