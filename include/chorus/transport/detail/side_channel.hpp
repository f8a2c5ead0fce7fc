#pragma once
/// One TCP connection for each pair of ranks that have to do with each other: short control messages beside the data, and the end
/// of the connection is how the death of a process is noticed at once.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/descriptor.hpp>
#include <chorus/transport/detail/system_error.hpp>
#include <chorus/transport/store.hpp>
#include <chorus/transport/transport.hpp>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus::detail {

/// An address and a port, as text for the store.
struct side_address {
    sockaddr_storage where{};
    socklen_t length = 0;

    static side_address parse(std::string_view ip, std::uint16_t port) {
        side_address found;
        std::string const text(ip);
        auto* const four = reinterpret_cast<sockaddr_in*>(&found.where);
        auto* const six = reinterpret_cast<sockaddr_in6*>(&found.where);
        if (::inet_pton(AF_INET, text.c_str(), &four->sin_addr) == 1) {
            four->sin_family = AF_INET;
            four->sin_port = htons(port);
            found.length = sizeof *four;
        } else if (::inet_pton(AF_INET6, text.c_str(), &six->sin6_addr) == 1) {
            six->sin6_family = AF_INET6;
            six->sin6_port = htons(port);
            found.length = sizeof *six;
        } else {
            misuse({"'", ip, "' is no IPv4 or IPv6 address"});
        }
        return found;
    }
    sockaddr const* get() const { return reinterpret_cast<sockaddr const*>(&where); }
    std::uint16_t port() const {
        return ntohs(where.ss_family == AF_INET ? reinterpret_cast<sockaddr_in const*>(&where)->sin_port
                                                : reinterpret_cast<sockaddr_in6 const*>(&where)->sin6_port);
    }
};

/// The address that other hosts are told: of the first interface that is up and no loopback, IPv4 first; the loopback's otherwise.
inline std::string own_address() {
    std::string best = "127.0.0.1";
    auto rank_of_best = 0;
    ifaddrs* all = nullptr;
    require_system(::getifaddrs(&all), "getifaddrs");
    for (auto const* each = all; each != nullptr; each = each->ifa_next) {
        if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_UP) == 0 || (each->ifa_flags & IFF_LOOPBACK) != 0) continue;
        char text[INET6_ADDRSTRLEN] = {};
        auto value = 0;
        if (each->ifa_addr->sa_family == AF_INET) {
            value = 2;
            ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in const*>(each->ifa_addr)->sin_addr, text, sizeof text);
        } else if (each->ifa_addr->sa_family == AF_INET6) {
            auto const& address = reinterpret_cast<sockaddr_in6 const*>(each->ifa_addr)->sin6_addr;
            if (IN6_IS_ADDR_LINKLOCAL(&address)) continue; // means nothing without an interface
            value = 1;
            ::inet_ntop(AF_INET6, &address, text, sizeof text);
        }
        if (value > rank_of_best) {
            best = text;
            rank_of_best = value;
        }
    }
    ::freeifaddrs(all);
    return best;
}

/// Of one rank. The lower rank of a pair connects, the higher one accepts, so that no two connections can cross. Nothing blocks but
/// the constructor and `flush`. Not thread-safe.
class side_channel {
public:
    static constexpr std::size_t most_bytes = 4096; ///< of a message

    /// Collective over all ranks that use the store: each leaves its address there and waits for the others'. `name` tells several
    /// jobs of one store apart; `listen_at` is the address of this host to use, otherwise it is chosen. A timeout_error that names
    /// the rank that has not come.
    template <store Store>
    side_channel(Store& over, int rank, int size, clock::time_point until, std::string_view name, std::string_view listen_at = {})
        : rank_(rank), links_(static_cast<std::size_t>(size)) {
        waiter_ = descriptor(require_system(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
        auto const ip = listen_at.empty() ? own_address() : std::string(listen_at);
        listen(ip);
        if (rank == 0) {
            if (::getrandom(key_.data(), key_.size(), 0) != static_cast<ssize_t>(key_.size())) system_failure("getrandom");
            over.set(text({name, ".key"}), std::string_view(key_.data(), key_.size()));
        }
        over.set(text({name, ".", rank}), text({port_, " ", ip}));
        for (int peer = 0; peer < size; ++peer) {
            if (peer == rank) continue;
            auto const found = over.get(text({name, ".", peer}), until);
            if (!found) throw timeout_error(text({"chorus: rank ", peer, " of ", size, " has not come in time"}), {});
            auto const space = found->find(' ');
            auto const port = std::strtoul(found->c_str(), nullptr, 10);
            if (space == std::string::npos || port == 0 || port > 65535)
                throw transport_error(text({"chorus: the store has no address of rank ", peer, " but '", *found, "'"}), {});
            ranks_here_ += found->compare(space + 1, std::string::npos, ip) == 0 ? 1 : 0;
            at(peer).address = side_address::parse(found->substr(space + 1), static_cast<std::uint16_t>(port));
        }
        if (rank == 0) return;
        auto const key = over.get(text({name, ".key"}), until);
        if (!key || key->size() != key_.size()) throw timeout_error("chorus: rank 0 has left no key in the store", {});
        std::copy(key->begin(), key->end(), key_.begin());
    }
    side_channel(side_channel const&) = delete;
    side_channel& operator=(side_channel const&) = delete;

    /// Those that have left the same address, this one included.
    int ranks_here() const { return ranks_here_; }

    /// Begins to connect, where this is the lower rank. More than once does no harm.
    void open(int peer) {
        auto& to = at(peer);
        if (peer < rank_ || to.socket.valid() || to.closed) return;
        to.socket = descriptor(::socket(to.address.where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!to.socket.valid()) return end(peer, std::strerror(errno));
        if (::connect(to.socket.get(), to.address.get(), to.address.length) != 0 && errno != EINPROGRESS) return end(peer, std::strerror(errno));
        greeting const hello{magic, static_cast<std::uint32_t>(rank_), key_};
        auto const* const bytes = reinterpret_cast<std::byte const*>(&hello);
        to.out.insert(to.out.begin(), bytes, bytes + sizeof hello);
        watch(to.socket.get(), peer_tag | static_cast<std::uint64_t>(peer), EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
        no_delay(to.socket.get());
    }
    /// Whether there is a connection. It may be closed again.
    bool connected(int peer) const { return at(peer).socket.valid(); }
    /// Whether it has ended, or could not be made. All messages from before were delivered.
    bool closed(int peer) const { return at(peer).closed; }
    std::string const& why_closed(int peer) const { return at(peer).why; }

    /// Queues a message; it goes when there is a connection and room. Dropped where that has ended. Precondition: at most most_bytes.
    void send(int peer, std::span<std::byte const> message) {
        auto& to = at(peer);
        if (to.closed) return;
        auto const length = static_cast<std::uint32_t>(message.size());
        auto const* const head = reinterpret_cast<std::byte const*>(&length);
        to.out.insert(to.out.end(), head, head + sizeof length);
        to.out.insert(to.out.end(), message.begin(), message.end());
        if (to.socket.valid()) write(peer);
    }
    /// Writes what is queued for those that are connected, at most until then.
    void flush(clock::time_point until) {
        for (int peer = 0; peer < static_cast<int>(links_.size()); ++peer)
            while (at(peer).socket.valid() && !at(peer).out.empty() && clock::now() < until) {
                pollfd what{at(peer).socket.get(), POLLOUT, 0};
                ::poll(&what, 1, 10);
                write(peer);
            }
    }

    /// Accepts, reads and writes what is possible at once; on_message(peer, bytes) for each message.
    template <class Visit>
    void poll(Visit&& on_message) {
        epoll_event events[16];
        for (;;) {
            auto const count = ::epoll_wait(waiter_.get(), events, 16, 0);
            for (int i = 0; i < count; ++i) {
                auto const tag = events[i].data.u64;
                if (tag == listener_tag) accept();
                else if ((tag & peer_tag) != 0) serve(static_cast<int>(tag & 0xFFFF'FFFF), events[i].events, on_message);
                else greet(static_cast<int>(tag & 0xFFFF'FFFF), on_message);
            }
            if (count < 16) return;
        }
    }
    /// Readable when poll has something to do.
    int file() const { return waiter_.get(); }

private:
    static constexpr std::uint32_t magic = 0x43485243; // "CHRC"
    static constexpr std::uint64_t listener_tag = 0, peer_tag = std::uint64_t{1} << 40, guest_tag = std::uint64_t{1} << 41;
    using job_key = std::array<char, 16>;

    /// What the one who connects says first: strangers do not know the key.
    struct greeting {
        std::uint32_t magic;
        std::uint32_t rank;
        job_key key;
    };
    struct link {
        side_address address;
        descriptor socket;
        std::vector<std::byte> in, out;
        std::uint32_t watched = 0;
        bool closed = false;
        std::string why;
    };
    struct guest {
        descriptor socket;
        std::vector<std::byte> in;
    };

    link& at(int peer) { return links_[static_cast<std::size_t>(peer)]; }
    link const& at(int peer) const { return links_[static_cast<std::size_t>(peer)]; }

    void listen(std::string const& ip) {
        auto own = side_address::parse(ip, 0);
        listener_ = descriptor(require_system(::socket(own.where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
        require_system(::bind(listener_.get(), own.get(), own.length), text({"listening at ", ip}));
        require_system(::listen(listener_.get(), 1024), "listen");
        own.length = sizeof own.where;
        require_system(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&own.where), &own.length), "getsockname");
        port_ = own.port();
        watch(listener_.get(), listener_tag, EPOLL_CTL_ADD, EPOLLIN);
    }
    void watch(int file, std::uint64_t tag, int how, std::uint32_t events) {
        epoll_event what{};
        what.events = events;
        what.data.u64 = tag;
        require_system(::epoll_ctl(waiter_.get(), how, file, &what), "epoll_ctl");
    }
    static void no_delay(int file) {
        int const on = 1;
        ::setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }

    void accept() {
        for (;;) {
            descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (!socket.valid()) return;
            no_delay(socket.get());
            watch(socket.get(), guest_tag | static_cast<std::uint64_t>(socket.get()), EPOLL_CTL_ADD, EPOLLIN);
            guests_.push_back({std::move(socket), {}});
        }
    }
    /// Somebody who has connected and not yet said who it is. Whoever says nonsense is sent away.
    template <class Visit>
    void greet(int file, Visit&& on_message) {
        auto const who = std::find_if(guests_.begin(), guests_.end(), [&](guest const& g) { return g.socket.get() == file; });
        if (who == guests_.end()) return;
        greeting hello{};
        auto const missing = sizeof hello - who->in.size();
        std::byte buffer[sizeof hello];
        auto const got = ::recv(file, buffer, missing, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got > 0) who->in.insert(who->in.end(), buffer, buffer + got);
        if (got > 0 && who->in.size() < sizeof hello) return;
        if (got > 0) std::memcpy(&hello, who->in.data(), sizeof hello);
        auto const peer = static_cast<int>(hello.rank);
        if (got > 0 && hello.magic == magic && hello.key == key_ && peer < rank_ && peer >= 0 && !at(peer).socket.valid() && !at(peer).closed) {
            at(peer).socket = std::move(who->socket);
            guests_.erase(who);
            watch(file, peer_tag | static_cast<std::uint64_t>(peer), EPOLL_CTL_MOD, EPOLLIN);
            at(peer).watched = EPOLLIN;
            write(peer);
            return serve(peer, EPOLLIN, on_message);
        }
        guests_.erase(who);
    }

    template <class Visit>
    void serve(int peer, std::uint32_t events, Visit&& on_message) {
        auto& from = at(peer);
        if (!from.socket.valid()) return;
        if ((events & EPOLLOUT) != 0) write(peer);
        auto ended = false;
        std::string why = "its connection has ended";
        for (std::byte buffer[4096]; !ended && from.socket.valid();) {
            auto const got = ::recv(from.socket.get(), buffer, sizeof buffer, 0);
            if (got > 0) {
                from.in.insert(from.in.end(), buffer, buffer + got);
                continue;
            }
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && (errno == EAGAIN || errno == ENOTCONN)) break;
            if (got < 0) why = std::strerror(errno);
            ended = true;
        }
        ended = !deliver(peer, on_message, why) || ended;
        if (ended) end(peer, why);
    }
    /// False where what came is no message.
    template <class Visit>
    bool deliver(int peer, Visit&& on_message, std::string& why) {
        auto& in = at(peer).in;
        std::size_t begin = 0;
        std::uint32_t length = 0;
        auto good = true;
        while (good && in.size() - begin >= sizeof length) {
            std::memcpy(&length, in.data() + begin, sizeof length);
            good = length <= most_bytes;
            if (!good) why = text({"it announced a message of ", length, " bytes"});
            if (!good || in.size() - begin - sizeof length < length) break;
            std::vector<std::byte> const message(in.begin() + static_cast<std::ptrdiff_t>(begin + sizeof length),
                                                 in.begin() + static_cast<std::ptrdiff_t>(begin + sizeof length + length));
            begin += sizeof length + length;
            on_message(peer, std::span<std::byte const>(message));
        }
        in.erase(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(begin));
        return good;
    }
    void write(int peer) {
        auto& to = at(peer);
        std::size_t written = 0;
        while (written < to.out.size()) {
            auto const sent = ::send(to.socket.get(), to.out.data() + written, to.out.size() - written, MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) continue;
            if (sent <= 0) break; // an error is seen when reading
            written += static_cast<std::size_t>(sent);
        }
        to.out.erase(to.out.begin(), to.out.begin() + static_cast<std::ptrdiff_t>(written));
        auto const wanted = static_cast<std::uint32_t>(to.out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
        if (wanted != std::exchange(to.watched, wanted)) watch(to.socket.get(), peer_tag | static_cast<std::uint64_t>(peer), EPOLL_CTL_MOD, wanted);
    }
    void end(int peer, std::string why) {
        auto& gone = at(peer);
        gone.socket = descriptor();
        gone.closed = true;
        gone.why = std::move(why);
        gone.out.clear();
    }

    int rank_;
    int ranks_here_ = 1;
    std::vector<link> links_; ///< by rank
    std::vector<guest> guests_;
    descriptor waiter_, listener_;
    std::uint16_t port_ = 0;
    job_key key_{};
};

} // namespace chorus::detail
