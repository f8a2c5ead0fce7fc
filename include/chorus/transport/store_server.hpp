#pragma once
/// The server of socket_store and tcp_store: what a launcher runs while its ranks find each other.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/local_socket.hpp>
#include <chorus/transport/detail/tcp_socket.hpp>

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

namespace detail {

/// Those who have connected over one kind of line, each with one question.
template <class Line>
class store_clients {
public:
    void add(Line line) { all_.push_back({std::move(line), {}, clock::now()}); }
    void add_files(std::vector<pollfd>& to) const {
        for (auto const& each : all_) to.push_back({each.line.get(), POLLIN, 0});
    }
    /// Calls understand(question), which returns the name that the client wants, if it wants one, for all questions that have come. One
    /// that misbehaves, has hung up, or has asked nothing for long is dropped.
    template <class Understand>
    void read(Understand&& understand) {
        std::vector<pollfd> files;
        add_files(files);
        ::poll(files.data(), files.size(), 0);
        auto const now = clock::now();
        std::size_t next = 0;
        std::erase_if(all_, [&](client& each) {
            auto const has_come = files[next++].revents != 0;
            if (!each.wants.empty()) return has_come; // it has nothing to say any more
            return (has_come && !asked(each, understand)) || now - each.since > patience;
        });
    }
    void answer(std::map<std::string, std::string> const& known) {
        std::erase_if(all_, [&](client const& each) {
            auto const found = each.wants.empty() ? known.end() : known.find(each.wants);
            if (found == known.end()) return false;
            try {
                each.line.send("+" + found->second);
            } catch (transport_error const&) {
            }
            return true;
        });
    }

private:
    static constexpr std::chrono::seconds patience{10};
    struct client {
        Line line;
        std::string wants; ///< the name that it waits for
        clock::time_point since;
    };

    template <class Understand>
    static bool asked(client& from, Understand& understand) try {
        auto const question = from.line.receive(clock::time_point::min());
        if (!question) return true; // the rest of it is still to come
        auto wants = understand(*question);
        if (!wants) return false;
        if (wants->empty()) from.line.send("+");
        from.wants = std::move(*wants);
        return !from.wants.empty();
    } catch (transport_error const&) { // it did not wait for the answer
        return false;
    }

    std::vector<client> all_;
};

} // namespace detail

/// Answers when `serve` is called; the launcher waits for `add_files` beside whatever else it waits for. Not thread-safe.
class store_server {
public:
    store_server() : listener_(detail::local_socket::listen(1024)) {}

    /// What ranks of this host give to socket_store.
    std::string const& address() const { return listener_.address(); }
    /// Answers those of other hosts, too: "HOST:PORT/KEY", where HOST is one of this host's. With port 0 the system chooses one.
    /// Returns what ranks give to tcp_store. A transport_error where nobody can listen there.
    std::string listen(std::string_view address) {
        auto where = detail::tcp_place::parse(address);
        over_tcp_ = detail::tcp_socket::listen(where, 1024);
        key_ = where.key;
        auto const is_ipv6 = where.host.find(':') != std::string::npos;
        return detail::text({is_ipv6 ? "[" : "", where.host, is_ipv6 ? "]:" : ":", over_tcp_->port(), "/", key_});
    }

    /// Appends the descriptors for which poll should wait.
    void add_files(std::vector<pollfd>& to) const {
        to.push_back({listener_.get(), POLLIN, 0});
        if (over_tcp_) to.push_back({over_tcp_->get(), POLLIN, 0});
        near_.add_files(to);
        far_.add_files(to);
    }

    /// Does what can be done at once. A client that misbehaves is dropped.
    void serve() {
        while (auto line = listener_.accept(clock::time_point::min())) near_.add(std::move(*line));
        while (auto line = over_tcp_ ? over_tcp_->accept() : std::nullopt) far_.add(std::move(*line));
        near_.read([&](std::string_view question) { return understood(question); });
        far_.read([&](std::string_view question) {
            auto const knows = question.starts_with(key_) && question.substr(key_.size()).starts_with('\n');
            return knows ? understood(question.substr(key_.size() + 1)) : std::nullopt;
        });
        near_.answer(known_); // after all that was set
        far_.answer(known_);
    }

private:
    /// "set NAME\nVALUE" or "get NAME\n": the name that is wanted, empty where none is. Nothing where it is neither.
    std::optional<std::string> understood(std::string_view question) {
        auto const end = question.find('\n');
        if (end == std::string_view::npos || end < 5) return std::nullopt;
        std::string name(question.substr(4, end - 4));
        if (question.starts_with("get ")) return name;
        if (!question.starts_with("set ")) return std::nullopt;
        known_[name] = question.substr(end + 1);
        return std::string();
    }

    detail::local_socket listener_;
    std::optional<detail::tcp_socket> over_tcp_;
    std::string key_;
    detail::store_clients<detail::local_socket> near_;
    detail::store_clients<detail::tcp_socket> far_;
    std::map<std::string, std::string> known_;
};

} // namespace chorus
