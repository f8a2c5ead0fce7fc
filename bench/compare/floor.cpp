// The bare floor: what any library must do at least, without messages, signatures, errors or choice. Buffers that all ranks see, a
// barrier of flags, the least memory traffic that the collective needs, a barrier of flags.
//
//     compare_floor JOB CONTROL FLAGS RANKS BYTES         BYTES: the largest vector
//
// Paths
//   plain        a barrier, folds or copies straight from the others' inputs, a barrier, since the inputs may change afterwards
//   loop         the same with a loop where plain copies with memmove
//   streaming    the same with stores around the caches
//   one_shot     an all_reduce in which every rank folds everything
//   slots        small vectors: everybody copies its input into a slot, one barrier; slots are used in turn, so none is needed at the end

#include "worker.hpp"

#include <sys/wait.h>

#include <cstdio>
#include <memory>

namespace {

using compare::cell;
using compare::collective;
using compare::prepared;

constexpr std::size_t page = std::size_t{2} << 20;
constexpr std::size_t slot_bytes = std::size_t{32} << 10;

/// An input and an output for every rank, taken before the ranks are forked.
class arena {
public:
    arena(std::size_t ranks, std::size_t bytes) : ranks_(ranks), each_((bytes + page) / page * page), bytes_(3 * ranks * each_) {
        memory_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
        ::madvise(memory_, bytes_, MADV_HUGEPAGE);
    }
    float* in(std::size_t rank) const { return at(2 * rank); }
    float* out(std::size_t rank) const { return at(2 * rank + 1); }
    float* slot(std::size_t rank, std::size_t turn) const { return at(2 * ranks_ + rank) + turn * slot_bytes / sizeof(float); }
    void give_back(std::size_t rank) const { ::madvise(in(rank), 2 * each_, MADV_REMOVE); }

private:
    float* at(std::size_t i) const { return reinterpret_cast<float*>(static_cast<std::byte*>(memory_) + i * each_); }
    std::size_t ranks_, each_, bytes_;
    void* memory_;
};

// The widest instructions that the processor has.
#define COMPARE_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))

COMPARE_WIDE void add(float* __restrict to, float const* a, float const* b, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] = a[i] + b[i];
}
COMPARE_WIDE void add_to(float* __restrict to, float const* from, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] += from[i];
}
COMPARE_WIDE void loop_copy(float* __restrict to, float const* from, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
}

/// Of vectors that begin on a cache line; the rest goes through the caches.
void store_around(float* to, float const* from, std::size_t count) {
    std::size_t i = 0;
    for (; i + 4 <= count && reinterpret_cast<std::uintptr_t>(to) % 16 == 0; i += 4) _mm_stream_ps(to + i, _mm_loadu_ps(from + i));
    std::copy(from + i, from + count, to + i);
}

class floor_library : public compare::library {
public:
    floor_library(arena const& memory, void* flags, int rank, int ranks, compare::waiting waits)
        : memory_(memory), rank_(static_cast<std::size_t>(rank)), ranks_(static_cast<std::size_t>(ranks)), flags_(flags, rank, ranks, waits == compare::waiting::spins ? waits : compare::waiting::yields) {}

    int rank() const override { return static_cast<int>(rank_); }
    int ranks() const override { return static_cast<int>(ranks_); }
    std::string version() const override { return "flags and loops"; }
    prepared prepare(cell const& what) override {
        if (what.path == "slots" && std::max(what.in(), what.out()) * sizeof(float) > slot_bytes) throw std::invalid_argument("slots are for small vectors");
        from_.resize(ranks_);
        return {memory_.in(rank_), memory_.out(rank_), [this, what] { run(what); }};
    }
    void drop() override { memory_.give_back(rank_); }

private:
    void run(cell const& what) {
        if (what.path == "slots") return from_slots(what);
        for (std::size_t r = 0; r < ranks_; ++r) from_[r] = what.what == collective::broadcast ? memory_.out(r) : memory_.in(r);
        flags_.barrier();
        if (what.path == "one_shot") one_shot(what.count);
        else if (what.what == collective::all_reduce) two_shot(what.count, what.path == "streaming");
        else one_pass(what);
        flags_.barrier();
    }
    void from_slots(cell const& what) {
        auto const turn = turn_++ % 2;
        if (what.what != collective::broadcast) std::copy_n(memory_.in(rank_), what.in(), memory_.slot(rank_, turn));
        else if (rank_ == 0) std::copy_n(memory_.out(0), what.count, memory_.slot(0, turn));
        for (std::size_t r = 0; r < ranks_; ++r) from_[r] = memory_.slot(r, turn);
        flags_.barrier();
        if (what.what == collective::all_reduce) one_shot(what.count);
        else one_pass(what);
    }
    /// Its own block first, then those of its neighbours: not all ranks read from the same one.
    void one_pass(cell const& what) {
        auto const streaming = what.path == "streaming";
        if (what.what == collective::reduce_scatter) scatter(what.block, streaming);
        else if (what.what == collective::broadcast) {
            if (rank_ != 0) copy(what.path, from_[0], what.count, memory_.out(rank_));
        } else
            for (std::size_t k = 0; k < ranks_; ++k) {
                auto const r = (rank_ + k) % ranks_;
                auto const* const from = what.what == collective::all_to_all ? from_[r] + rank_ * what.block : from_[r];
                copy(what.path, from, what.block, memory_.out(rank_) + r * what.block);
            }
        if (streaming) _mm_sfence(); // before the flag, which does not order them
    }
    static void copy(std::string const& path, float const* from, std::size_t count, float* to) {
        if (path == "streaming") store_around(to, from, count);
        else if (path == "loop") loop_copy(to, from, count);
        else std::copy_n(from, count, to);
    }
    /// Cut so that the sums of a piece stay in the first cache until every output has them.
    void two_shot(std::size_t count, bool streaming) {
        auto const begin = count * rank_ / ranks_ / 16 * 16, end = rank_ + 1 == ranks_ ? count : count * (rank_ + 1) / ranks_ / 16 * 16;
        for (auto at = begin; at < end; at += piece) {
            auto const size = std::min(piece, end - at);
            if (!streaming) {
                sum(memory_.out(rank_) + at, at, size);
                for (std::size_t r = 0; r < ranks_; ++r)
                    if (r != rank_) std::copy_n(memory_.out(rank_) + at, size, memory_.out(r) + at);
                continue;
            }
            sum(sums_.data(), at, size);
            for (std::size_t r = 0; r < ranks_; ++r) store_around(memory_.out(r) + at, sums_.data(), size);
        }
        if (streaming) _mm_sfence();
    }
    void scatter(std::size_t block, bool streaming) {
        for (std::size_t at = 0; at < block; at += piece) {
            auto const size = std::min(piece, block - at);
            sum(streaming ? sums_.data() : memory_.out(rank_) + at, rank_ * block + at, size);
            if (streaming) store_around(memory_.out(rank_) + at, sums_.data(), size);
        }
    }
    void one_shot(std::size_t count) {
        for (std::size_t at = 0; at < count; at += piece) sum(memory_.out(rank_) + at, at, std::min(piece, count - at));
    }
    void sum(float* to, std::size_t at, std::size_t size) const {
        add(to, from_[0] + at, from_[1] + at, size);
        for (std::size_t r = 2; r < ranks_; ++r) add_to(to, from_[r] + at, size);
    }

    static constexpr std::size_t piece = 2048;
    arena const& memory_;
    std::size_t rank_, ranks_;
    compare::flags flags_;
    std::size_t turn_ = 0;
    std::vector<float const*> from_; ///< of each rank, what is read
    alignas(64) std::array<float, piece> sums_{};
};

void run_rank(compare::arguments const& with, arena const& memory, void* flags, int rank, int ranks) {
    auto const waits = compare::pin(rank, ranks);
    floor_library of(memory, flags, rank, ranks, waits);
    compare::serve(with, of, waits);
}

} // namespace

int main(int argc, char** argv) {
    try {
        compare::arguments const with(argc, argv);
        auto const ranks = std::stoi(with.more.at(0));
        if (ranks < 2) throw std::invalid_argument("at least two ranks");
        arena const memory(static_cast<std::size_t>(ranks), std::stoull(with.more.at(1)));
        auto* const flags = ::mmap(nullptr, compare::flags::bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (flags == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
        for (int rank = 0; rank < ranks; ++rank) {
            auto const child = ::fork();
            if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
            if (child > 0) continue;
            run_rank(with, memory, flags, rank, ranks);
            return 0;
        }
        auto all_well = true;
        for (int status = 0; ::wait(&status) > 0;) all_well = all_well && status == 0;
        return all_well ? 0 : 1;
    } catch (std::exception const& e) {
        std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
        return 1;
    }
}
