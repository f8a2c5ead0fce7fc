#pragma once
/// The server of socket_store: what a launcher runs while its ranks find each other.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/local_socket.hpp>

#include <poll.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

/// Answers when `serve` is called; the launcher waits for `files()` beside whatever else it waits for. Not thread-safe.
class store_server {
public:
    store_server() : listener_(detail::local_socket::listen(1024)) {}

    /// What ranks give to socket_store.
    std::string const& address() const { return listener_.address(); }

    /// Appends the descriptors for which poll should wait.
    void add_files(std::vector<pollfd>& to) const {
        to.push_back({listener_.get(), POLLIN, 0});
        for (auto const& each : clients_)
            if (each.wants.empty()) to.push_back({each.line.get(), POLLIN, 0});
    }

    /// Does what can be done at once. A client that misbehaves is dropped.
    void serve() {
        auto const at_once = clock::time_point::min();
        while (auto line = listener_.accept(at_once)) clients_.push_back({std::move(*line), {}});
        std::erase_if(clients_, [&](client& each) { return asks(each) && !understood(each); });
        std::erase_if(clients_, [&](client const& each) { return answered(each); }); // after all that was set
    }

private:
    struct client {
        detail::local_socket line;
        std::string wants; ///< the name that it waits for
    };

    static bool asks(client const& from) { return from.wants.empty() && detail::wait_readable(from.line.get(), clock::time_point::min()); }
    /// "set NAME\nVALUE" or "get NAME\n". False where the client is done with, or misbehaves.
    bool understood(client& from) try {
        auto const question = from.line.receive(clock::time_point::min()).value_or("");
        auto const end = question.find('\n');
        if (end == std::string::npos || end < 5) return false;
        auto const name = question.substr(4, end - 4);
        if (question.starts_with("get ")) {
            from.wants = name;
            return true;
        }
        if (question.starts_with("set ")) known_[name] = question.substr(end + 1);
        from.line.send("+");
        return false;
    } catch (transport_error const&) { // it did not wait for the answer
        return false;
    }
    bool answered(client const& to) const {
        auto const found = to.wants.empty() ? known_.end() : known_.find(to.wants);
        if (found == known_.end()) return false;
        try {
            to.line.send("+" + found->second);
        } catch (transport_error const&) {
        }
        return true;
    }

    detail::local_socket listener_;
    std::vector<client> clients_;
    std::map<std::string, std::string> known_;
};

} // namespace chorus
