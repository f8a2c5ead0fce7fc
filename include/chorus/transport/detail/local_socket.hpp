#pragma once
/// Unix sockets in the abstract name space, between processes of one user: packets, and descriptors that travel with them. There
/// is no file that could be left behind.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/descriptor.hpp>
#include <chorus/transport/detail/system_error.hpp>
#include <chorus/transport/transport.hpp>

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace chorus::detail {

/// Whether the descriptor can be read before then. A hang-up counts.
inline bool wait_readable(int file, clock::time_point until) {
    constexpr std::chrono::milliseconds most{1000}, tick{1};
    for (;;) {
        auto const now = clock::now();
        std::chrono::milliseconds left{0}; // at once, where it is late
        if (now < until) left = std::chrono::duration_cast<std::chrono::milliseconds>(std::min<clock::duration>(until - now, most)) + tick;
        pollfd what{file, POLLIN, 0};
        auto const found = ::poll(&what, 1, static_cast<int>(left.count()));
        if (found > 0) return true;
        if (found < 0 && errno != EINTR) system_failure("poll");
        if (left.count() == 0) return false;
    }
}

class local_socket {
public:
    static constexpr std::size_t most_bytes = 8192; ///< of a packet

    /// A socket that listens under a name that nobody else has.
    static local_socket listen(int waiting) {
        std::uint64_t number[2];
        if (::getrandom(number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) system_failure("getrandom");
        local_socket made(open());
        made.address_ = text({"chorus-", ::getpid(), "-", number[0] >> 1, "-", number[1] >> 1});
        auto const where = name_of(made.address_);
        require_system(::bind(made.get(), reinterpret_cast<sockaddr const*>(&where.first), where.second), "bind");
        require_system(::listen(made.get(), waiting), "listen");
        return made;
    }
    /// A transport_error where nobody listens there, or not in time.
    static local_socket connect(std::string const& address, clock::time_point until) {
        local_socket made(open());
        auto const where = name_of(address);
        while (::connect(made.get(), reinterpret_cast<sockaddr const*>(&where.first), where.second) != 0) {
            if ((errno != EAGAIN && errno != EINTR) || clock::now() > until) system_failure(text({"connection to ", address}));
            std::this_thread::sleep_for(std::chrono::milliseconds(1)); // too many at once
        }
        made.require_same_user();
        return made;
    }
    /// The next connection, or nothing. Those of other users are refused.
    std::optional<local_socket> accept(clock::time_point until) const {
        while (wait_readable(get(), until)) {
            local_socket made(descriptor(::accept4(get(), nullptr, nullptr, SOCK_CLOEXEC)));
            if (made.file_.valid() && made.is_same_user()) return made;
        }
        return std::nullopt;
    }

    int get() const { return file_.get(); }
    std::string const& address() const { return address_; } ///< of one that listens

    /// One packet, with a descriptor beside it where that is not -1.
    void send(std::string_view packet, int beside = -1) const {
        iovec part{const_cast<char*>(packet.data()), packet.size()};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        if (beside >= 0) {
            message.msg_control = control;
            message.msg_controllen = sizeof control;
            auto* const head = CMSG_FIRSTHDR(&message);
            head->cmsg_level = SOL_SOCKET;
            head->cmsg_type = SCM_RIGHTS;
            head->cmsg_len = CMSG_LEN(sizeof(int));
            std::memcpy(CMSG_DATA(head), &beside, sizeof beside);
        }
        require_system(static_cast<int>(::sendmsg(get(), &message, MSG_NOSIGNAL)), "sending to a process of this host");
    }
    /// The next packet; nothing where none came in time. A transport_error where the other end is gone. A descriptor that came
    /// with it is put into `beside`.
    std::optional<std::string> receive(clock::time_point until, descriptor* beside = nullptr) const {
        if (!wait_readable(get(), until)) return std::nullopt;
        std::string packet(most_bytes, '\0');
        iovec part{packet.data(), packet.size()};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        auto const bytes = require_system(static_cast<int>(::recvmsg(get(), &message, MSG_CMSG_CLOEXEC)), "receiving from a process of this host");
        if (auto* const head = CMSG_FIRSTHDR(&message); head != nullptr && head->cmsg_type == SCM_RIGHTS) {
            int file = -1;
            std::memcpy(&file, CMSG_DATA(head), sizeof file);
            descriptor received(file);
            if (beside != nullptr) *beside = std::move(received);
        }
        if (bytes == 0) system_failure("a process of this host has hung up", ECONNRESET);
        packet.resize(static_cast<std::size_t>(bytes));
        return packet;
    }

private:
    explicit local_socket(descriptor file) : file_(std::move(file)) {}

    static descriptor open() { return descriptor(require_system(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket")); }
    static std::pair<sockaddr_un, socklen_t> name_of(std::string_view address) {
        sockaddr_un where{};
        where.sun_family = AF_UNIX; // a name that begins with a zero is no file
        auto const length = address.copy(where.sun_path + 1, sizeof where.sun_path - 1);
        return {where, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length)};
    }
    bool is_same_user() const {
        ucred who{};
        socklen_t size = sizeof who;
        return ::getsockopt(get(), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == ::geteuid();
    }
    void require_same_user() const {
        if (!is_same_user()) system_failure("a process of another user listens there", EPERM);
    }

    descriptor file_;
    std::string address_;
};

} // namespace chorus::detail
