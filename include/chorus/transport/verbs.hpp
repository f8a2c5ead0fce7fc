#pragma once
/// Chorus over libibverbs. Included beside chorus/chorus.hpp by programs whose ranks `chorus run` has started, or another launcher that
/// sets CHORUS_RANK, CHORUS_SIZE and CHORUS_STORE:
///
///     chorus::verbs_session verbs;
///     auto comm = verbs.world();
///
/// or over a store of the program's own: chorus::join_verbs.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/runtime/session.hpp>
#include <chorus/transport/detail/verbs_transport.hpp>
#include <chorus/transport/tcp_store.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace chorus {

/// A communicator over all ranks that use the store. Collective over them; `job` tells several of one store apart. Throws a
/// transport_error where there is no device to use, which names those that there are, and a timeout_error where a rank does not come.
template <store Store>
communicator join_verbs(Store& over, int rank, int size, options const& how = {}, verbs_options const& device = verbs_options::from_environment(),
                        std::string_view job = "verbs") {
    if (rank < 0 || rank >= size) detail::misuse({"rank ", rank, " of ", size});
    auto transport = std::make_unique<verbs_transport>(over, rank, size, detail::deadline_of(how), device, job);
    return communicator(std::make_shared<context>(any_transport::own(std::move(transport)), how));
}

/// Owns the context of a rank that was launched; started by hand, it is the only rank.
class verbs_session {
public:
    explicit verbs_session(options const& how = {}, verbs_options const& device = verbs_options::from_environment())
        : verbs_session(launch_environment::read(), how, device) {}
    verbs_session(verbs_session const&) = delete;
    verbs_session& operator=(verbs_session const&) = delete;
    ~verbs_session() { owner_->close(); }

    /// All ranks that were started together. Once: `dup` and `split` make further communicators.
    communicator world() {
        if (std::exchange(handed_out_, true))
            detail::misuse({"verbs_session::world() was called before; dup() of its communicator makes another one"});
        return communicator(owner_);
    }
    int rank() const { return owner_->rank(); }
    int size() const { return owner_->size(); }

private:
    verbs_session(launch_environment const& as, options const& how, verbs_options const& device) : owner_(join(as, how, device)) {}

    static std::shared_ptr<context> join(launch_environment const& as, options const& how, verbs_options const& device) {
        auto const over = [&](auto store) {
            return std::make_shared<context>(
                any_transport::own(std::make_unique<verbs_transport>(store, as.rank, as.size, detail::deadline_of(how), device)), how);
        };
        std::string_view const where = as.store;
        if (where.starts_with("unix:")) return over(socket_store{std::string(where.substr(5))});
        if (where.starts_with("file:")) return over(file_store{std::string(where.substr(5))});
        if (where.starts_with("tcp:")) return over(tcp_store(where.substr(4)));
        if (!where.empty()) detail::misuse({"CHORUS_STORE=", where, "; it is unix:ADDRESS, tcp:HOST:PORT/KEY or file:FOLDER"});
        struct nobody {
            void set(std::string_view, std::string_view) {}
            std::optional<std::string> get(std::string_view, clock::time_point) { return std::nullopt; }
        };
        return over(nobody{});
    }

    std::shared_ptr<context> owner_;
    bool handed_out_ = false;
};

} // namespace chorus
