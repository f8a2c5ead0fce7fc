#pragma once
/// A program that `chorus run` has started as one of several ranks.
///
///     chorus::session session;                // $ chorus run -n 4 ./program
///     auto comm = session.world();

#include <chorus/core/errors.hpp>
#include <chorus/runtime/communicator.hpp>
#include <chorus/transport/join_shm.hpp>
#include <chorus/transport/store.hpp>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace chorus {

/// What a launcher puts into the environment of its ranks: CHORUS_RANK, CHORUS_SIZE, and CHORUS_STORE, which is "unix:ADDRESS"
/// or "file:FOLDER".
struct launch_environment {
    int rank = 0;
    int size = 1;
    std::string store; ///< empty where nobody has launched us: one rank

    /// A usage_error where the variables make no sense.
    [[gnu::cold]] static launch_environment read() {
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
};

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
    misuse({"CHORUS_STORE=", where, "; it is unix:ADDRESS or file:FOLDER"});
}

} // namespace detail

/// Owns the context of a rank in a program that was started by `chorus run`; started by hand, it is the only rank. Requests and
/// communicators end with it.
class session {
public:
    explicit session(options const& how = {}, shm_options const& memory = {})
        : owner_(std::make_shared<context>(any_transport::own(detail::join(launch_environment::read(), clock::now() + how.timeout, memory)), how)) {}
    session(session const&) = delete;
    session& operator=(session const&) = delete;
    ~session() { owner_->close(); }

    /// All ranks that were started together. Once: `dup` and `split` make further communicators.
    communicator world() {
        if (std::exchange(handed_out_, true)) detail::misuse({"session::world() was called before; dup() of its communicator makes another one"});
        return communicator(owner_);
    }
    int rank() const { return owner_->rank(); }
    int size() const { return owner_->size(); }

private:
    std::shared_ptr<context> owner_;
    bool handed_out_ = false;
};

} // namespace chorus
