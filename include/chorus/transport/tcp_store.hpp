#pragma once
/// A store for ranks on several hosts: a server that listens at a TCP port (store_server.hpp).

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/tcp_socket.hpp>
#include <chorus/transport/store.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace chorus {

/// The key keeps strangers out; it travels as it is, so it is no secret from those who can listen on the network.
class tcp_store {
public:
    /// "HOST:PORT/KEY", as the server was told. A usage_error where it is none.
    explicit tcp_store(std::string_view address) : where_(detail::tcp_place::parse(address)) {}

    void set(std::string_view name, std::string_view value) { ask(detail::text({"set ", name, "\n", value}), clock::now() + patience); }
    std::optional<std::string> get(std::string_view name, clock::time_point until) {
        auto answer = ask(detail::text({"get ", name, "\n"}), until);
        if (!answer || answer->empty()) return std::nullopt;
        return answer->substr(1); // after the mark that it is there
    }

private:
    static constexpr std::chrono::seconds patience{30};

    /// The server may come up later than this rank, but not later than `until`.
    std::optional<std::string> ask(std::string const& question, clock::time_point until) const {
        auto line = detail::tcp_socket::connect(where_, until);
        line.send(detail::text({where_.key, "\n", question}));
        return line.receive(until);
    }

    detail::tcp_place where_;
};

static_assert(store<tcp_store>);

} // namespace chorus
