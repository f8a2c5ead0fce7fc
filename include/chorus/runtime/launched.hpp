#pragma once
/// How a rank that was started finds the others. Part of session.hpp.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/runtime/session.hpp>
#include <chorus/transport/join_shm.hpp>
#include <chorus/transport/store.hpp>
#include <chorus/transport/tcp_store.hpp>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace chorus {

[[gnu::cold]] CHORUS_INLINE launch_environment launch_environment::read() {
    launch_environment found;
    auto const number = [](char const* name) {
        auto const* const text = std::getenv(name);
        char* end = nullptr;
        auto const value = text != nullptr ? std::strtol(text, &end, 10) : -1;
        if (text == nullptr || *text == '\0' || *end != '\0' || value < 0 || value > 1'000'000)
            detail::misuse({name, text != nullptr ? std::string("=") + text + " is no number" : std::string(" is not set, but CHORUS_STORE is")});
        return static_cast<int>(value);
    };
    auto const* const where = std::getenv("CHORUS_STORE");
    if (where == nullptr) return found;
    found.store = where;
    found.rank = number("CHORUS_RANK");
    found.size = number("CHORUS_SIZE");
    if (found.rank >= found.size) detail::misuse({"CHORUS_RANK=", found.rank, " does not go with CHORUS_SIZE=", found.size});
    return found;
}

namespace detail {

[[gnu::cold]] inline std::unique_ptr<shm_transport> join(launch_environment const& as, clock::time_point until, shm_options const& memory) {
    std::string_view const where = as.store;
    if (where.empty()) return std::make_unique<shm_transport>(shm_job::create(1, memory), 0, until);
    if (where.starts_with("unix:")) {
        socket_store over{std::string(where.substr(5))};
        return join_shm(over, as.rank, as.size, until, memory);
    }
    if (where.starts_with("file:")) {
        file_store over{std::string(where.substr(5))};
        return join_shm(over, as.rank, as.size, until, memory);
    }
    if (where.starts_with("tcp:")) {
        tcp_store over(where.substr(4));
        return join_shm(over, as.rank, as.size, until, memory);
    }
    misuse({"CHORUS_STORE=", where, "; it is unix:ADDRESS, tcp:HOST:PORT/KEY or file:FOLDER"});
}

} // namespace detail

CHORUS_INLINE session::session(options const& how, shm_options const& memory)
    : owner_(std::make_shared<context>(any_transport::own(detail::join(launch_environment::read(), detail::deadline_of(how), memory)), how)) {}
CHORUS_INLINE session::~session() { owner_->close(); }
CHORUS_INLINE communicator session::world() {
    if (std::exchange(handed_out_, true)) detail::misuse({"session::world() was called before; dup() of its communicator makes another one"});
    return communicator(owner_);
}
CHORUS_INLINE int session::rank() const { return owner_->rank(); }
CHORUS_INLINE int session::size() const { return owner_->size(); }

} // namespace chorus
