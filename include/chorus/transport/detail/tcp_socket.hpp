#pragma once
/// Packets over TCP, between hosts: short ones, each with its length before it.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/descriptor.hpp>
#include <chorus/transport/detail/local_socket.hpp>
#include <chorus/transport/detail/system_error.hpp>
#include <chorus/transport/transport.hpp>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace chorus::detail {

/// "HOST:PORT/KEY", "[::1]:PORT/KEY": where to find a server, and the word that it wants to hear first.
struct tcp_place {
    std::string host, key;
    std::uint16_t port = 0;

    /// A usage_error where it is none. The key may not be left out: whoever reaches the port could meddle with the job otherwise.
    static tcp_place parse(std::string_view text) {
        tcp_place found;
        auto const slash = text.find('/');
        auto const where = text.substr(0, slash);
        auto const colon = where.rfind(':');
        if (slash == std::string_view::npos || colon == std::string_view::npos) wrong(text);
        auto host = where.substr(0, colon);
        if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
        else if (host.find(':') != std::string_view::npos) wrong(text);
        found.host = host;
        found.key = text.substr(slash + 1);
        auto const digits = where.substr(colon + 1);
        auto const [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), found.port);
        auto const is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
        if (problem != std::errc() || end != digits.data() + digits.size() || host.empty() || found.key.empty() || found.key.size() > 200 ||
            !std::all_of(found.key.begin(), found.key.end(), is_word))
            wrong(text);
        return found;
    }

private:
    [[noreturn]] static void wrong(std::string_view text) {
        misuse({"'", text, "' is no HOST:PORT/KEY, where the key is a word of letters, digits, '-' and '_'"});
    }
};

/// Never blocks but in `connect` and `receive`, until their deadline.
class tcp_socket {
public:
    static constexpr std::size_t most_bytes = 8192; ///< of a packet

    static tcp_socket listen(tcp_place const& where, int waiting) {
        auto const name = text({"listening at ", where.host, ":", where.port});
        int problem = EADDRNOTAVAIL;
        for (auto const all = resolved(where, AI_PASSIVE); auto const& each : list(all.get())) {
            tcp_socket made(open(*each));
            int const on = 1;
            ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
            if (::bind(made.get(), each->ai_addr, each->ai_addrlen) == 0 && ::listen(made.get(), waiting) == 0) return made;
            problem = errno;
        }
        system_failure(name, problem);
    }
    /// Tries again until then where nobody listens there yet, which is a transport_error in the end.
    static tcp_socket connect(tcp_place const& where, clock::time_point until) {
        auto const all = resolved(where, 0);
        for (auto pause = std::chrono::milliseconds(1);; pause = std::min(2 * pause, std::chrono::milliseconds(100))) {
            int problem = ETIMEDOUT;
            for (auto const& each : list(all.get())) {
                tcp_socket made(open(*each));
                problem = made.finish(::connect(made.get(), each->ai_addr, each->ai_addrlen), until);
                if (problem == 0) return made;
            }
            if (clock::now() >= until) system_failure(text({"connection to ", where.host, ":", where.port}), problem);
            std::this_thread::sleep_for(pause);
        }
    }
    /// The next connection, or nothing.
    std::optional<tcp_socket> accept() const {
        descriptor file(::accept4(get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!file.valid()) return std::nullopt;
        return tcp_socket(std::move(file));
    }

    int get() const { return file_.get(); }
    std::uint16_t port() const { ///< of one that listens
        sockaddr_storage where{};
        socklen_t size = sizeof where;
        require_system(::getsockname(get(), reinterpret_cast<sockaddr*>(&where), &size), "getsockname");
        return ntohs(where.ss_family == AF_INET ? reinterpret_cast<sockaddr_in const*>(&where)->sin_port
                                                : reinterpret_cast<sockaddr_in6 const*>(&where)->sin6_port);
    }

    /// A transport_error where the other end is gone or has not taken what was sent before.
    void send(std::string_view packet) const {
        std::string framed;
        for (int shift = 24; shift >= 0; shift -= 8) framed += static_cast<char>(packet.size() >> shift & 0xFF);
        framed += packet;
        auto const sent = ::send(get(), framed.data(), framed.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(framed.size())) system_failure("sending to another host", sent < 0 ? errno : EAGAIN);
    }
    /// The next packet; nothing where it is not complete by then. A transport_error where the other end is gone, or sends no packets.
    std::optional<std::string> receive(clock::time_point until) {
        for (;;) {
            if (auto packet = complete()) return packet;
            char some[2048];
            auto const bytes = ::recv(get(), some, sizeof some, MSG_DONTWAIT);
            if (bytes == 0) system_failure("a process of another host has hung up", ECONNRESET);
            if (bytes > 0) came_.append(some, static_cast<std::size_t>(bytes));
            else if (errno != EAGAIN && errno != EINTR) system_failure("receiving from another host");
            else if (!wait_readable(get(), until)) return std::nullopt;
        }
    }

private:
    explicit tcp_socket(descriptor file) : file_(std::move(file)) {}

    using addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;
    /// To loop over the addresses of a name.
    struct list {
        struct place {
            addrinfo* at;
            addrinfo* operator*() const { return at; }
            void operator++() { at = at->ai_next; }
            bool operator!=(place const& other) const { return at != other.at; }
        };
        explicit list(addrinfo* from) : first{from} {}
        place begin() const { return first; }
        place end() const { return {nullptr}; }
        place first;
    };

    static addresses resolved(tcp_place const& where, int flags) {
        addrinfo wanted{};
        wanted.ai_socktype = SOCK_STREAM;
        wanted.ai_flags = flags | AI_NUMERICSERV;
        addrinfo* found = nullptr;
        auto const problem = ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &wanted, &found);
        if (problem != 0) throw transport_error(text({"chorus: there is no host ", where.host, ": ", ::gai_strerror(problem)}), {});
        return {found, ::freeaddrinfo};
    }
    static descriptor open(addrinfo const& of) {
        return descriptor(require_system(::socket(of.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
    }
    /// 0, or why there is no connection.
    int finish(int result, clock::time_point until) const {
        if (result == 0) return 0;
        if (errno != EINPROGRESS) return errno;
        std::chrono::milliseconds left{0};
        if (auto const now = clock::now(); now < until)
            left = std::chrono::duration_cast<std::chrono::milliseconds>(std::min<clock::duration>(until - now, std::chrono::seconds(5)));
        pollfd what{get(), POLLOUT, 0};
        if (::poll(&what, 1, static_cast<int>(left.count()) + 1) <= 0) return ETIMEDOUT;
        int problem = 0;
        socklen_t size = sizeof problem;
        return ::getsockopt(get(), SOL_SOCKET, SO_ERROR, &problem, &size) == 0 ? problem : errno;
    }
    std::optional<std::string> complete() {
        if (came_.size() < 4) return std::nullopt;
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < 4; ++i) bytes = bytes << 8 | static_cast<unsigned char>(came_[i]);
        if (bytes > most_bytes) system_failure("a process of another host sends no packets", EPROTO);
        if (came_.size() < 4 + bytes) return std::nullopt;
        auto packet = came_.substr(4, bytes);
        came_.erase(0, 4 + bytes);
        return packet;
    }

    descriptor file_;
    std::string came_; ///< bytes of packets that are not complete
};

} // namespace chorus::detail
