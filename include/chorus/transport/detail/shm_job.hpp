#pragma once
/// The ranks of one host that share memory: its parts by name, who failed, who left, and who goes on.

#include <chorus/core/errors.hpp>
#include <chorus/transport/detail/futex.hpp>
#include <chorus/transport/detail/shm_layout.hpp>
#include <chorus/transport/detail/uneven_barrier.hpp>
#include <chorus/transport/shm_options.hpp>
#include <chorus/transport/transport.hpp>

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace chorus {

namespace detail {

class shm_job {
public:
    static constexpr int most_ranks = 1024;
    /// Holds `renewing` where no rank does.
    static constexpr std::uint32_t outsider = ~std::uint32_t{0};

    /// Memory for so many ranks. A transport_error where there is too little.
    [[gnu::cold]] static std::shared_ptr<shm_job> create(int ranks, shm_options const& how) {
        auto const shape = shape_for(ranks, how);
        auto memory = shared_memory::create(shape.total());
        memory.commit(0, shape.heaps_at());
        auto const made = std::make_shared<shm_job>(std::move(memory));
        made->header().shape = shape;
        made->header().ready.store(1, std::memory_order_release);
        made->adopt_shape();
        return made;
    }
    /// The memory that a rank of the same job has created.
    [[gnu::cold]] static std::shared_ptr<shm_job> adopt(descriptor file) {
        auto const made = std::make_shared<shm_job>(shared_memory::adopt(std::move(file)));
        made->adopt_shape();
        return made;
    }
    explicit shm_job(shared_memory memory) : memory_(std::move(memory)) {}

    int size() const { return static_cast<int>(shape_.ranks); }
    int file() const { return memory_.file(); }
    shared_memory const& memory() const { return memory_; }
    shm_geometry const& shape() const { return shape_; }
    std::byte* at(std::size_t offset) const { return memory_.data() + offset; }

    shm_header& header() const { return *reinterpret_cast<shm_header*>(at(0)); }
    shm_sign& sign(int rank) const { return reinterpret_cast<shm_sign*>(at(shape_.signs_at()))[rank]; }
    shm_state& state(int sender, std::uint32_t which) const {
        return reinterpret_cast<shm_state*>(at(shape_.states_at()))[static_cast<std::size_t>(sender) * shape_.states + which];
    }
    /// How many messages of a mailbox the receiver is done with.
    std::atomic<std::uint32_t>& taken(int from, int to) const { return *reinterpret_cast<std::atomic<std::uint32_t>*>(mailbox(from, to)); }
    shm_slot& slot(int from, int to, std::uint32_t number) const {
        return *reinterpret_cast<shm_slot*>(mailbox(from, to) + 64 + std::size_t{number & (shape_.slots - 1)} * shape_.slot_bytes);
    }
    std::size_t ring_at(int rank) const { return shape_.rings_at() + static_cast<std::size_t>(rank) * shape_.ring_bytes; }
    std::size_t heap_at(int rank) const { return shape_.heaps_at() + static_cast<std::size_t>(rank) * shape_.heap_bytes; }

    // Sleeping.

    uneven_barrier const& barrier() const { return barrier_; }
    /// Called after something has changed that the rank may sleep for.
    void wake(int rank) const {
        barrier_.light();
        auto& asleep = sign(rank).asleep;
        if (asleep.load(std::memory_order_relaxed) == 0) return;
        asleep.store(0, std::memory_order_relaxed);
        futex_wake_all(asleep);
    }
    void wake_all() const {
        for (int rank = 0; rank < size(); ++rank) wake(rank);
    }

    // Failure.

    /// The first caller's reason is kept; everybody is woken. Nothing where the others have gone on since `round`.
    [[gnu::cold]] void revoke(transport_failure const& why, std::uint32_t round) const {
        auto& kept = header().failure;
        auto expected = shm_failure::word(round, shm_failure::none);
        if (kept.state.compare_exchange_strong(expected, shm_failure::word(round, shm_failure::writing))) {
            kept.why = static_cast<std::uint32_t>(why.why);
            kept.rank = why.rank;
            kept.signature = why.signature;
            kept.text[why.text.copy(kept.text, sizeof kept.text - 1)] = '\0';
            kept.state.store(shm_failure::word(round, shm_failure::written), std::memory_order_seq_cst);
        }
        wake_all();
    }
    /// For one who looks on from outside and may learn late that a rank has ended: nothing where the others have gone on without it.
    [[gnu::cold]] void revoke_for(int gone, std::string const& text) const {
        auto& word = header().renewing;
        auto const until = clock::now() + std::chrono::seconds(1); // a rank holds it for microseconds, unless it died in there
        auto held = false;
        for (std::uint32_t holder = 0; !held && clock::now() < until; holder = 0) {
            held = word.compare_exchange_strong(holder, outsider);
            if (!held) std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
        if (round() == 0 || survives(gone)) revoke({transport_failure::kind::left, gone, text, 0, 0}, round());
        if (held) word.store(0, std::memory_order_release);
    }
    /// As of the last renewal.
    bool survives(int rank) const {
        return ((header().survivors[static_cast<std::size_t>(rank) / 64].load(std::memory_order_relaxed) >> (rank % 64)) & 1u) != 0;
    }
    std::uint32_t round() const { return header().round.load(std::memory_order_acquire); }
    bool failed() const { return (header().failure.state.load(std::memory_order_acquire) & 3u) == shm_failure::written; }
    std::optional<transport_failure> failure() const {
        if (!failed()) return std::nullopt;
        auto const& kept = header().failure;
        return transport_failure{static_cast<transport_failure::kind>(kept.why), kept.rank, std::string(kept.text), kept.signature, 0, true};
    }

    /// `left`: it will not send or receive any more; `died`: its process ended without a word.
    void leave(int rank, shm_sign::presence how) const {
        auto expected = std::uint32_t{shm_sign::present};
        sign(rank).is.compare_exchange_strong(expected, how);
        wake_all();
    }
    bool is_gone(int rank) const { return sign(rank).is.load(std::memory_order_acquire) != shm_sign::present; }
    bool is_excluded(int rank) const { return sign(rank).is.load(std::memory_order_acquire) == shm_sign::excluded; }
    bool has_died(int rank) const { return sign(rank).is.load(std::memory_order_acquire) == shm_sign::died; }

    // Processors: a rank says which it may run on, so that all can tell how crowded they are.

    void note_processors(int rank) const {
        cpu_set_t allowed;
        CPU_ZERO(&allowed);
        if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
        for (std::size_t cpu = 0; cpu < 1024; ++cpu)
            if (CPU_ISSET(cpu, &allowed)) sign(rank).processors[cpu / 64].fetch_or(std::uint64_t{1} << (cpu % 64));
    }
    unsigned processors() const {
        unsigned count = 0;
        for (std::size_t word = 0; word < 16; ++word) {
            std::uint64_t any = 0;
            for (int rank = 0; rank < size(); ++rank) any |= sign(rank).processors[word].load(std::memory_order_relaxed);
            count += static_cast<unsigned>(__builtin_popcountll(any));
        }
        return count > 0 ? count : std::max(1u, std::thread::hardware_concurrency());
    }

private:
    /// More ranks have smaller mailboxes: there is one for each pair, and its memory is really there.
    static shm_geometry shape_for(int ranks, shm_options const& how) {
        if (ranks < 1 || ranks > most_ranks) misuse({"shared memory serves 1 to ", most_ranks, " ranks, not ", ranks});
        shm_geometry shape{};
        shape.version = shm_geometry::current_version;
        shape.ranks = static_cast<std::uint32_t>(ranks);
        shape.slots = ranks <= 16 ? 32 : 8;
        shape.slot_bytes = ranks <= 16 ? 576 : 192;
        shape.states = 256;
        shape.ring_bytes = round_up(how.ring_bytes > 0 ? how.ring_bytes : usual_ring(ranks), 4096);
        shape.registered_for_barrier = uneven_barrier::register_process() ? 1 : 0;
        shape.heap_bytes = heap_for(shape, how);
        return shape;
    }
    /// Twice the second-level cache or less was the same within noise; half of it cost a tenth at 1 MiB and above.
    static std::size_t usual_ring(int ranks) { return ranks <= 4 ? std::size_t{2} << 20 : ranks <= 16 ? std::size_t{1} << 20 : std::size_t{256} << 10; }
    static std::size_t heap_for(shm_geometry const& shape, shm_options const& how) {
        auto const machine = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        constexpr auto address_space = std::size_t{32} << 40; // a quarter of what a process has
        auto wanted = std::min(how.heap_bytes > 0 ? round_up(how.heap_bytes, huge_page) : machine, address_space / shape.ranks);
        for (auto const what : {RLIMIT_FSIZE, RLIMIT_AS}) { // of address space half is left to the program
            rlimit most{};
            if (::getrlimit(what, &most) != 0 || most.rlim_cur == RLIM_INFINITY) continue;
            auto const room = most.rlim_cur > shape.heaps_at() ? most.rlim_cur - shape.heaps_at() : 0;
            wanted = std::min(wanted, static_cast<std::size_t>(room) / 2 / shape.ranks);
        }
        return wanted / huge_page * huge_page;
    }

    void adopt_shape() {
        auto const& kept = header();
        if (memory_.size() < sizeof(shm_header) || kept.ready.load(std::memory_order_acquire) != 1 ||
            kept.shape.version != shm_geometry::current_version)
            misuse({"the ranks of this job were compiled from different versions of Chorus"});
        shape_ = kept.shape;
        barrier_ = uneven_barrier(shape_.registered_for_barrier != 0 && uneven_barrier::register_process());
    }
    std::byte* mailbox(int from, int to) const {
        return at(shape_.mailboxes_at() + (static_cast<std::size_t>(from) * shape_.ranks + static_cast<std::size_t>(to)) * shape_.mailbox_bytes());
    }

    shared_memory memory_;
    shm_geometry shape_{};
    uneven_barrier barrier_{false};
};

} // namespace detail
} // namespace chorus
