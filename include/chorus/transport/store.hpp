#pragma once
/// Stores: where the ranks of a job leave what the others need to find them, before there is a transport. A few short texts by
/// name.
///
///   file_store     a folder that all ranks see
///   socket_store   a server on this host, which the launcher runs (store_server.hpp)
///   tcp_store      the same server, for ranks on other hosts (tcp_store.hpp)
///   mpi_store      messages of an MPI job (mpi_store.hpp)

#include <chorus/core/errors.hpp>
#include <chorus/transport/detail/descriptor.hpp>
#include <chorus/transport/detail/local_socket.hpp>
#include <chorus/transport/detail/system_error.hpp>
#include <chorus/transport/transport.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace chorus {

/// `set` makes the value known to all under that name, once. `get` waits for it, at most until then; nothing where it did not
/// come. Names consist of letters, digits, '.', '-' and '_'; values are any bytes, at most a page of them.
template <class T>
concept store = requires(T& t, std::string_view name, std::string_view value, clock::time_point until) {
    t.set(name, value);
    { t.get(name, until) } -> std::same_as<std::optional<std::string>>;
};

/// One file for each name, in a folder that exists and belongs to the job: whoever made it removes it.
class file_store {
public:
    explicit file_store(std::string folder) : folder_(std::move(folder)) {}

    /// Readers see the whole value or none: the file gets its name when it is complete.
    void set(std::string_view name, std::string_view value) {
        auto const path = path_of(name), unfinished = detail::text({path, ".", ::getpid(), ".part"});
        detail::descriptor const file(
            detail::require_system(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), unfinished));
        auto const written = ::write(file.get(), value.data(), value.size());
        if (written != static_cast<ssize_t>(value.size())) detail::system_failure(unfinished, written < 0 ? errno : ENOSPC);
        detail::require_system(::rename(unfinished.c_str(), path.c_str()), path);
    }
    std::optional<std::string> get(std::string_view name, clock::time_point until) {
        auto const path = path_of(name);
        auto pause = std::chrono::microseconds(100);
        for (;;) {
            if (detail::descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); file.valid()) return read(file, path);
            if (errno != ENOENT) detail::system_failure(path);
            if (clock::now() >= until) return std::nullopt;
            std::this_thread::sleep_for(pause);
            pause = std::min(2 * pause, std::chrono::microseconds(20'000));
        }
    }

private:
    std::string path_of(std::string_view name) const { return detail::text({folder_, "/", name}); }
    static std::string read(detail::descriptor const& file, std::string const& path) {
        std::string value(4096, '\0');
        auto const size = detail::require_system(static_cast<int>(::read(file.get(), value.data(), value.size())), path);
        value.resize(static_cast<std::size_t>(size));
        return value;
    }

    std::string folder_;
};

/// A store on this host behind a socket of the abstract name space: no file, and gone with the server.
class socket_store {
public:
    /// The server's address as it says it (store_server::address).
    explicit socket_store(std::string address) : address_(std::move(address)) {}

    void set(std::string_view name, std::string_view value) { ask(detail::text({"set ", name, "\n", value}), clock::now() + patience); }
    std::optional<std::string> get(std::string_view name, clock::time_point until) {
        auto answer = ask(detail::text({"get ", name, "\n"}), until);
        if (!answer || answer->empty()) return std::nullopt;
        return answer->substr(1); // after the mark that it is there
    }

private:
    static constexpr std::chrono::seconds patience{30};

    /// A connection for each question: the server answers when it can. Nothing where `until` passed first.
    std::optional<std::string> ask(std::string const& question, clock::time_point until) {
        detail::local_socket const line = detail::local_socket::connect(address_, until);
        line.send(question);
        return line.receive(until);
    }

    std::string address_;
};

static_assert(store<file_store> && store<socket_store>);

} // namespace chorus
