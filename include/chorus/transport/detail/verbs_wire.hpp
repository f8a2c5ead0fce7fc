#pragma once
/// What the ranks of the verbs transport say to each other. Needs no device.

#include <chorus/transport/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace chorus::detail {

/// Ports of a rank that are used at once.
inline constexpr int most_rails = 8;

enum class verbs_kind : std::uint8_t {
    eager,      ///< the message follows
    invitation, ///< a long receive is posted: where to write
    impatience, ///< a long send has waited for its invitation: so that a mismatch is seen on both ends
    credit,     ///< nothing but credits
};

/// In front of everything that is sent. Credits go back with whatever goes that way.
struct verbs_header {
    verbs_kind kind = verbs_kind::credit;
    std::uint8_t lane = 0;
    std::uint16_t credits = 0;
    std::uint32_t communicator = 0;
    std::uint32_t sequence = 0;
    std::uint32_t unused = 0;
    std::uint64_t signature = 0;
    std::uint64_t bytes = 0; ///< of the message

    exchange ex() const { return {communicator, sequence, signature, lane}; }
    static verbs_header of(verbs_kind kind, exchange const& ex, std::size_t bytes) {
        return {kind, ex.lane, 0, ex.communicator, ex.sequence, 0, ex.signature, bytes};
    }
};
static_assert(sizeof(verbs_header) == 32);

/// Where a long message is to be written, and what the last write of each stripe has to say with it.
struct verbs_target {
    std::uint64_t address = 0;
    std::uint32_t slot = 0;
    std::uint32_t keys[most_rails] = {}; ///< one for each of the receiver's devices
    std::uint32_t unused = 0;
};
static_assert(sizeof(verbs_target) == 48);

/// The 32 bits that come with a write: which receive it belongs to, and of how many stripes that consists.
struct verbs_immediate {
    static constexpr std::uint32_t most_slots = 1U << 24;

    std::uint32_t slot = 0;
    std::uint32_t stripes = 1; ///< 1 to 255

    std::uint32_t value() const { return slot << 8 | stripes; }
    static verbs_immediate from(std::uint32_t value) { return {value >> 8, value & 0xFF}; }
};

/// What a rank tells of its queue pairs before they are connected.
struct verbs_hello {
    struct port {
        std::uint32_t mtu = 0; ///< as ibv_mtu
        std::uint32_t lid = 0;
        std::uint8_t gid[16] = {};
    };

    std::uint32_t version = 1;
    std::uint32_t rails = 0;
    std::uint32_t count = 0; ///< queue pairs; number q is on rail q modulo `rails`
    std::uint32_t numbers[8] = {};
    std::uint32_t eager_bytes = 0;
    std::uint32_t credits = 0;
    port ports[most_rails];
};
static_assert(std::is_trivially_copyable_v<verbs_hello>);
/// Before that: on some devices the choice of queue pairs depends on who is at the other end.
struct verbs_name {
    char endpoint[512] = {}; ///< in a plan; of several rails separated by commas
};

/// Messages of the side channel: a letter, and what belongs to it.
enum class verbs_note : std::uint8_t { name = 'n', hello = 'h', ready = 'r', failed = 'f', farewell = 'b' };

struct verbs_failure_note {
    std::uint8_t why = 0;
    std::int32_t rank = -1;
    std::uint64_t signature = 0;
    char text[1000] = {};
};

template <class T>
std::vector<std::byte> note_of(verbs_note kind, T const& what) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<std::byte> bytes(1 + sizeof what);
    bytes[0] = static_cast<std::byte>(kind);
    std::memcpy(bytes.data() + 1, &what, sizeof what);
    return bytes;
}
inline std::vector<std::byte> note_of(verbs_note kind) { return {static_cast<std::byte>(kind)}; }
/// Nothing where the length is another one.
template <class T>
std::optional<T> read_note(std::span<std::byte const> bytes) {
    if (bytes.size() != 1 + sizeof(T)) return std::nullopt;
    T what;
    std::memcpy(&what, bytes.data() + 1, sizeof what);
    return what;
}

/// Messages that may be sent before the other side has read earlier ones, and those that it has to be told of.
///
/// Each side has given the other `window` buffers. A message takes one; the receiver gives it back when it has read the message, with
/// whatever it sends next, or by a message of its own once half of them are owed. That takes no credit: there are `reserve` buffers
/// more, since before a second of them leaves, the first one's credits must have been used.
class verbs_credits {
public:
    static constexpr int reserve = 3;

    explicit verbs_credits(int window) : window_(window) {}
    /// The other side's window, once it is known.
    void grant(int credits) { left_ = credits; }

    bool any() const { return left_ > 0; }
    void use() { --left_; }
    void returned(int credits) { left_ += credits; }

    /// A message was read and its buffer waits again.
    void owe() { ++owed_; }
    bool must_tell() const { return 2 * owed_ >= window_; }
    /// What goes into the next header.
    std::uint16_t tell() {
        auto const all = owed_;
        owed_ = 0;
        return static_cast<std::uint16_t>(all);
    }

private:
    int window_;
    int left_ = 0, owed_ = 0;
};

} // namespace chorus::detail
