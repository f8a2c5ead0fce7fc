#pragma once
/// What lies where in the memory that the ranks of one host share. All of it is reached by offsets from the beginning of the
/// mapping, since every process maps it somewhere else.
///
///     header | a sign per rank | a mailbox per ordered pair | states per rank | a ring per rank | a heap per rank
///
/// Memory model. Plain data are written by one process before a std::atomic is stored with release, and read by another after
/// the same atomic was loaded with acquire. Lock-free atomics are operations on the memory and know nothing of processes;
/// two mappings of one page are the same memory. So the rules for threads hold.

#include <chorus/transport/detail/note.hpp>
#include <chorus/transport/detail/shared_memory.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace chorus::detail {

/// Where a message that lies in shared memory stands. The sender stores `posted`; the receiver moves it to `shown` when it
/// keeps a view for later, to `reading` before it touches the message and to `done` (release) afterwards, or to `answered` if
/// it has also written the sender's reply memory. A sender that gives up moves it to `withdrawn`: whoever still reads then finds
/// out when it is through, and forgets what it read. The epoch stands above, so that a rank that was stopped across a renewal
/// moves nothing of the next epoch. On a line of its own: two processes wait for it.
struct alignas(64) shm_state {
    enum : std::uint32_t { done, posted, shown, reading, withdrawn, answered };
    std::atomic<std::uint32_t> now;

    static std::uint32_t word(std::uint16_t epoch, std::uint32_t what) { return std::uint32_t{epoch} << 16 | what; }
};

enum class shm_kind : std::uint8_t {
    inlined, ///< the bytes are in the slot
    copied,  ///< they are in the sender's ring; the sender has finished
    direct,  ///< they are in the sender's heap, the caller's own memory
    stream,  ///< they are in private memory: copied through the ring part by part once the receiver is ready
    part,    ///< of a stream
};

/// An announcement, on the first cache line of its slot, with the first bytes of a short message.
struct shm_announcement {
    std::atomic<std::uint32_t> turn; ///< the number of the message in its mailbox, from 1: stored last, with release
    std::uint16_t epoch;
    std::uint8_t lane;
    shm_kind kind;
    std::uint32_t communicator;
    std::uint32_t sequence;
    std::uint64_t signature;
    std::uint64_t bytes; ///< of the whole message

    exchange ex() const { return {communicator, sequence, signature, lane}; }
};
static_assert(sizeof(shm_announcement) == 32);

/// What follows an announcement that is not inlined.
struct shm_place {
    std::uint64_t offset; ///< in the mapping
    std::uint64_t bytes;  ///< that lie there
    std::uint64_t at;     ///< part: where in the message they belong; direct: the sender's reply memory, 0: none
    std::uint32_t state;  ///< which of the sender's states
    std::uint32_t stream; ///< part: the state of its stream; direct: reply_offer::place
};

struct shm_slot {
    shm_announcement what;
    shm_place& place() { return *reinterpret_cast<shm_place*>(bytes()); }
    std::byte* bytes() { return reinterpret_cast<std::byte*>(this) + sizeof *this; }
};

/// What the others see of a rank.
struct alignas(64) shm_sign {
    alignas(64) std::atomic<std::uint32_t> asleep; ///< a futex
    alignas(64) note entered;
    alignas(64) std::atomic<std::uint32_t> process; ///< its id, once it has attached
    /// `excluded`: it did not come to a renewal in time, and the others have gone on without it.
    enum presence : std::uint32_t { present, left, died, excluded };
    std::atomic<std::uint32_t> is;
    std::atomic<std::uint32_t> renews;              ///< the round that it waits for in `survivors`; 0: none
    std::array<std::atomic<std::uint64_t>, 16> processors; ///< that it may run on
};

/// Why somebody gave up; written once per round.
struct shm_failure {
    enum : std::uint32_t { none, writing, written };
    std::atomic<std::uint32_t> state; ///< below the round, so that nobody of an earlier round writes

    static std::uint32_t word(std::uint32_t round, std::uint32_t what) { return round << 2 | what; }
    std::uint32_t why;
    std::int32_t rank;
    std::uint64_t signature;
    char text[1000];
};

/// How much of everything.
struct shm_geometry {
    std::uint32_t version;
    std::uint32_t ranks;
    std::uint32_t slots;       ///< of a mailbox: a power of two
    std::uint32_t slot_bytes;
    std::uint64_t ring_bytes;  ///< per rank
    std::uint64_t heap_bytes;  ///< per rank, as address space
    std::uint32_t registered_for_barrier;
    std::uint32_t states = 256; ///< per rank

    static constexpr std::uint32_t current_version = 1;

    std::size_t inline_bytes() const { return slot_bytes - sizeof(shm_announcement); }
    std::size_t mailbox_bytes() const { return 64 + std::size_t{slots} * slot_bytes; }
    std::size_t signs_at() const { return 4096; }
    std::size_t mailboxes_at() const { return signs_at() + ranks * sizeof(shm_sign); }
    std::size_t states_at() const { return mailboxes_at() + std::size_t{ranks} * ranks * mailbox_bytes(); }
    std::size_t rings_at() const { return round_up(states_at() + std::size_t{ranks} * states * sizeof(shm_state), huge_page); }
    std::size_t heaps_at() const { return round_up(rings_at() + ranks * ring_bytes, huge_page); }
    std::size_t total() const { return heaps_at() + ranks * heap_bytes; }
};

struct shm_header {
    shm_geometry shape;
    std::atomic<std::uint32_t> ready; ///< what follows is initialised
    std::atomic<std::uint32_t> attached; ///< ranks that have mapped it
    alignas(64) shm_failure failure;
    alignas(64) std::atomic<std::uint32_t> round;    ///< counts renewals
    std::atomic<std::uint32_t> renewing; ///< 1 + the rank that is working out who is left (or shm_job::outsider); 0: nobody
    std::array<std::atomic<std::uint64_t>, 16> survivors; ///< bits
};
static_assert(sizeof(shm_header) <= 4096);

} // namespace chorus::detail
