#pragma once
/// One transport made of two: `Local` between the ranks of a host, `Remote` between hosts. One communicator over both, and
/// `hierarchical` finds the hosts by itself.

#include <chorus/core/errors.hpp>
#include <chorus/transport/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

/// `Remote` knows all ranks by their numbers, and is asked only while something is under way on it. `Local` knows those of this host,
/// in ascending order of their numbers.
template <transport Local, transport Remote>
class routed {
public:
    static constexpr std::string_view name = "routed";
    static constexpr bool gathers = Local::gathers && Remote::gathers;

    /// `hosts`: the host of each rank; equal numbers share one.
    routed(std::unique_ptr<Local> local, std::unique_ptr<Remote> remote, std::vector<int> hosts)
        : local_(std::move(local)), remote_(std::move(remote)), hosts_(std::move(hosts)), place_(hosts_.size(), -1) {
        if (static_cast<int>(hosts_.size()) != remote_->size()) detail::misuse({hosts_.size(), " hosts for ", remote_->size(), " ranks"});
        auto const here = host_of(rank());
        for (int other = 0; other < size(); ++other) {
            if (host_of(other) != here) continue;
            place_[static_cast<std::size_t>(other)] = static_cast<int>(members_.size());
            members_.push_back(other);
        }
        if (static_cast<int>(members_.size()) != local_->size() || place_of(rank()) != local_->rank())
            detail::misuse({"rank ", rank(), " is number ", place_of(rank()), " of ", members_.size(), " on its host, but number ", local_->rank(),
                            " of ", local_->size(), " for the transport there"});
    }

    int rank() const { return remote_->rank(); }
    int size() const { return remote_->size(); }
    int host_of(int rank) const { return hosts_[static_cast<std::size_t>(rank)]; }
    Local& local() { return *local_; }
    Remote& remote() { return *remote_; }

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        if (auto const near = place_of(peer); near >= 0) return local_->post_send(near, ex, pieces, tok);
        return counted(remote_->post_send(peer, ex, pieces, tok));
    }
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        if (auto const near = place_of(peer); near >= 0) return local_->post_recv(near, ex, pieces, tok);
        return counted(remote_->post_recv(peer, ex, pieces, tok));
    }
    std::byte const* post_view(int peer, exchange const& ex, piece staging, token tok) {
        if (auto const near = place_of(peer); near >= 0) return view_over(*local_, near, ex, staging, tok);
        auto const* const view = view_over(*remote_, peer, ex, staging, tok);
        counted(view != nullptr);
        return view;
    }
    bool touch(token tok) {
        if constexpr (viewing_transport<Local>)
            if (!local_->touch(tok)) return false;
        if constexpr (viewing_transport<Remote>) return remote_->touch(tok);
        else return true;
    }
    void release(token tok) {
        if constexpr (viewing_transport<Local>) local_->release(tok);
        if constexpr (viewing_transport<Remote>) remote_->release(tok);
    }

    std::size_t poll(std::span<completion> done) {
        auto count = local_->poll(done);
        if (under_way_ > 0 && count < done.size()) {
            auto const more = remote_->poll(done.subspan(count));
            under_way_ -= more;
            count += more;
        }
        for (std::size_t i = 0; !received_.empty() && i < count; ++i) show(done[i]);
        return count;
    }
    /// While something is under way between hosts nobody may sleep: neither of the two would be woken by the other.
    void idle(int round, clock::time_point until) {
        if (under_way_ > 0) remote_->idle(round, clock::time_point::min());
        else local_->idle(round, until);
    }

    std::optional<transport_failure> failure() {
        if (auto near = local_->failure()) { // what it says of a rank by itself, it says by its own numbers
            if (near->rank >= 0 && !near->told) near->rank = members_[static_cast<std::size_t>(near->rank)];
            return near;
        }
        return remote_->failure();
    }
    void revoke(transport_failure const& why) {
        local_->revoke(why);
        remote_->revoke(why);
    }
    bool withdraw() {
        auto const near = local_->withdraw(), far = remote_->withdraw();
        under_way_ = 0;
        received_.clear();
        return near && far;
    }

    void enter(exchange const& ex) {
        if constexpr (observing_transport<Local>) local_->enter(ex);
        if constexpr (observing_transport<Remote>) remote_->enter(ex);
    }
    std::optional<exchange> last_entered(int peer) const {
        auto const near = place_of(peer);
        if constexpr (observing_transport<Local>)
            if (near >= 0) return local_->last_entered(near);
        if constexpr (observing_transport<Remote>) return remote_->last_entered(peer);
        return std::nullopt;
    }

    void await(int peer) requires attentive_transport<Local> {
        local_->await(peer < 0 ? -1 : place_of(peer));
    }
    /// Of another host: nothing is known.
    rank_activity activity(int peer) const requires attentive_transport<Local> {
        auto const near = place_of(peer);
        if (near < 0) return {clock::now(), -1};
        auto found = local_->activity(near);
        if (found.awaits >= 0) found.awaits = members_[static_cast<std::size_t>(found.awaits)];
        return found;
    }

    /// Those of the slower one, where there is more than one host.
    transport_estimates estimates() const {
        if constexpr (estimating_transport<Local>)
            if (members_.size() == hosts_.size()) return local_->estimates();
        if constexpr (estimating_transport<Remote>) return remote_->estimates();
        else return {};
    }
    std::byte* allocate(std::size_t bytes) requires allocating_transport<Local> { return local_->allocate(bytes); }
    void free(std::byte* memory) requires allocating_transport<Local> { local_->free(memory); }
    transport_paths paths() const requires reporting_transport<Local> { return local_->paths(); }
    std::string describe() const requires describing_transport<Remote> { return remote_->describe(); }

private:
    /// A message that is received where a view was asked for: its memory, which has to stay, and its token.
    struct received {
        piece staging;
        token tok;
    };

    int place_of(int rank) const { return place_[static_cast<std::size_t>(rank)]; }
    bool counted(bool finished) {
        if (!finished) ++under_way_;
        return finished;
    }
    template <class T>
    std::byte const* view_over(T& over, int peer, exchange const& ex, piece staging, token tok) {
        if constexpr (viewing_transport<T>) {
            return over.post_view(peer, ex, staging, tok);
        } else {
            received_.push_back(std::make_unique<received>(received{staging, tok}));
            if (!over.post_recv(peer, ex, std::span(&received_.back()->staging, 1), tok)) return nullptr;
            received_.pop_back();
            return staging.data;
        }
    }
    void show(completion& done) {
        for (auto& each : received_) {
            if (each->tok != done.which) continue;
            done.view = each->staging.data;
            std::swap(each, received_.back());
            return received_.pop_back();
        }
    }

    std::unique_ptr<Local> local_;
    std::unique_ptr<Remote> remote_;
    std::vector<int> hosts_;
    std::vector<int> place_;   ///< rank -> its number on this host; -1 elsewhere
    std::vector<int> members_; ///< the other way round
    std::size_t under_way_ = 0; ///< on Remote
    std::vector<std::unique_ptr<received>> received_;
};

} // namespace chorus
