#pragma once
/// A transport as the runtime sees it: any model of the concept behind one table of functions. An indirect call costs
/// about two nanoseconds; in return executor and collectives are compiled once, whatever they run on.

#include <chorus/transport/native.hpp>
#include <chorus/transport/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

class any_transport {
public:
    virtual ~any_transport() = default;

    virtual int rank() const = 0;
    virtual int size() const = 0;
    virtual std::string_view name() const = 0;
    virtual bool gathers() const = 0;
    virtual bool views() const = 0;
    virtual int host_of(int rank) const = 0;
    virtual transport_estimates estimates() const = 0;

    virtual bool post_send(int peer, exchange const&, std::span<piece const>, token) = 0;
    virtual bool post_recv(int peer, exchange const&, std::span<piece const>, token) = 0;
    /// `staging` itself must stay, like a row of pieces. Where the model has no views this is post_recv, and nothing is
    /// to be released.
    virtual std::byte const* post_view(int peer, exchange const&, piece const& staging, token) = 0;
    virtual bool touch(token) = 0;
    virtual void release(token) = 0;
    /// Where the model does not answer, offers are for nothing: nobody has memory for a reply.
    virtual bool post_offer(int peer, exchange const&, std::span<piece const>, token, reply_offer const&) = 0;
    virtual std::byte* reply_memory(token, std::uint32_t place, std::size_t bytes) = 0;
    virtual bool may_keep(std::byte const* view) const = 0;
    virtual void reply(token) = 0;
    virtual std::size_t poll(std::span<completion>) = 0;
    virtual void idle(int round, clock::time_point until) = 0;
    virtual std::optional<transport_failure> failure() = 0;
    virtual void revoke(transport_failure const&) = 0;
    virtual bool withdraw() = 0;
    virtual void enter(exchange const&) = 0;
    virtual std::optional<exchange> last_entered(int peer) = 0;
    /// Nothing where the transport does not tell.
    virtual void await(int peer) = 0;
    virtual std::optional<rank_activity> activity(int peer) = 0;
    virtual bool renewable() const = 0;
    virtual std::vector<int> survivors(clock::time_point until) = 0;

    /// Memory that peers read directly; null where the transport has none.
    virtual std::byte* allocate(std::size_t bytes) = 0;
    virtual void free(std::byte* memory) = 0;
    /// All zero where the transport does not count.
    virtual transport_paths paths() const = 0;
    /// For people; its name where the transport has no more to say.
    virtual std::string describe() const = 0;

    /// Null where the transport has no collectives of its own (transport/native.hpp).
    virtual native_collectives* native() = 0;

    /// Wraps a model that is owned by the result.
    template <transport T>
    static std::unique_ptr<any_transport> own(std::unique_ptr<T> model);
};

namespace detail {

template <transport T>
class erased_transport final : public any_transport {
public:
    explicit erased_transport(std::unique_ptr<T> model) : model_(std::move(model)) {}

    int rank() const override { return model_->rank(); }
    int size() const override { return model_->size(); }
    std::string_view name() const override { return T::name; }
    bool gathers() const override { return T::gathers; }
    bool views() const override { return viewing_transport<T>; }
    int host_of(int rank) const override {
        if constexpr (host_aware_transport<T>) return model_->host_of(rank);
        else return 0;
    }
    transport_estimates estimates() const override {
        if constexpr (estimating_transport<T>) return model_->estimates();
        else return {};
    }
    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) override {
        return model_->post_send(peer, ex, pieces, tok);
    }
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) override {
        return model_->post_recv(peer, ex, pieces, tok);
    }
    std::byte const* post_view(int peer, exchange const& ex, piece const& staging, token tok) override {
        if constexpr (viewing_transport<T>) return model_->post_view(peer, ex, staging, tok);
        else return model_->post_recv(peer, ex, std::span(&staging, 1), tok) ? staging.data : nullptr;
    }
    bool touch(token tok) override {
        if constexpr (viewing_transport<T>) return model_->touch(tok);
        else return true;
    }
    void release(token tok) override {
        if constexpr (viewing_transport<T>) model_->release(tok);
    }
    bool post_offer(int peer, exchange const& ex, std::span<piece const> pieces, token tok,
                    [[maybe_unused]] reply_offer const& offer) override {
        if constexpr (answering_transport<T>) return model_->post_offer(peer, ex, pieces, tok, offer);
        else return model_->post_send(peer, ex, pieces, tok);
    }
    std::byte* reply_memory([[maybe_unused]] token tok, [[maybe_unused]] std::uint32_t place,
                            [[maybe_unused]] std::size_t bytes) override {
        if constexpr (answering_transport<T>) return model_->reply_memory(tok, place, bytes);
        else return nullptr;
    }
    bool may_keep([[maybe_unused]] std::byte const* view) const override {
        if constexpr (answering_transport<T>) return model_->may_keep(view);
        else return false;
    }
    void reply([[maybe_unused]] token tok) override {
        if constexpr (answering_transport<T>) model_->reply(tok);
    }
    std::size_t poll(std::span<completion> done) override { return model_->poll(done); }
    void idle(int round, clock::time_point until) override { model_->idle(round, until); }
    std::optional<transport_failure> failure() override { return model_->failure(); }
    void revoke(transport_failure const& why) override { model_->revoke(why); }
    bool withdraw() override { return model_->withdraw(); }
    void enter(exchange const& ex) override {
        if constexpr (observing_transport<T>) model_->enter(ex);
    }
    std::optional<exchange> last_entered(int peer) override {
        if constexpr (observing_transport<T>) return model_->last_entered(peer);
        else return std::nullopt;
    }
    void await([[maybe_unused]] int peer) override {
        if constexpr (attentive_transport<T>) model_->await(peer);
    }
    std::optional<rank_activity> activity([[maybe_unused]] int peer) override {
        if constexpr (attentive_transport<T>) return model_->activity(peer);
        else return std::nullopt;
    }
    bool renewable() const override { return renewable_transport<T>; }
    std::vector<int> survivors([[maybe_unused]] clock::time_point until) override {
        if constexpr (renewable_transport<T>) return model_->survivors(until);
        else return {};
    }
    std::byte* allocate([[maybe_unused]] std::size_t bytes) override {
        if constexpr (allocating_transport<T>) return model_->allocate(bytes);
        else return nullptr;
    }
    void free([[maybe_unused]] std::byte* memory) override {
        if constexpr (allocating_transport<T>) model_->free(memory);
    }
    transport_paths paths() const override {
        if constexpr (reporting_transport<T>) return model_->paths();
        else return {};
    }
    std::string describe() const override {
        if constexpr (describing_transport<T>) return model_->describe();
        else return std::string(T::name);
    }
    native_collectives* native() override {
        if constexpr (requires(T& t) { { t.native() } -> std::convertible_to<native_collectives*>; }) return model_->native();
        else return nullptr;
    }

private:
    std::unique_ptr<T> model_;
};

} // namespace detail

template <transport T>
std::unique_ptr<any_transport> any_transport::own(std::unique_ptr<T> model) {
    return std::make_unique<detail::erased_transport<T>>(std::move(model));
}

} // namespace chorus
