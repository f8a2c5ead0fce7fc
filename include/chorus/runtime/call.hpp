#pragma once
/// How a communicator runs a call. Part of communicator.hpp.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/group.hpp>
#include <chorus/runtime/signature.hpp>
#include <chorus/schedule/recorder.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <utility>

namespace chorus {

CHORUS_INLINE communicator::communicator() noexcept = default;
CHORUS_INLINE communicator::communicator(std::shared_ptr<context> owner) : group_(std::make_shared<detail::group>(std::move(owner))) {}
CHORUS_INLINE communicator::communicator(communicator&&) noexcept = default;
CHORUS_INLINE communicator& communicator::operator=(communicator&&) noexcept = default;
CHORUS_INLINE communicator::~communicator() = default;

CHORUS_INLINE int communicator::rank() const { return group_ ? group_->rank : -1; }
CHORUS_INLINE int communicator::size() const { return group_ ? group_->size : 0; }
CHORUS_INLINE int communicator::world_rank(int member) const {
    require_member();
    if (member < 0 || member >= size()) detail::misuse({"there is no rank ", member, " among ", size()});
    return group_->world_rank(member);
}
CHORUS_INLINE context& communicator::owner() const { return *group_->owner; }
CHORUS_INLINE std::shared_ptr<context> const& communicator::shared_context() const {
    require_member();
    return group_->owner;
}
CHORUS_INLINE void communicator::require_member() const {
    if (!group_) detail::misuse({"this rank is not a member of the communicator"});
}
CHORUS_INLINE void communicator::require_valid() const {
    require_member();
    group_->require_working();
}
CHORUS_INLINE bool communicator::progress() {
    require_valid();
    return owner().progress();
}
CHORUS_INLINE options const& communicator::settings() const {
    require_valid();
    return owner().settings();
}
CHORUS_INLINE choice communicator::chosen(operation const& call) {
    context::inside const guard(owner());
    return prepare(call).how;
}
CHORUS_INLINE std::shared_ptr<tuning_table const> const& communicator::tuning() const {
    require_valid();
    return group_->tuning;
}
CHORUS_INLINE void communicator::adopt(std::shared_ptr<tuning_table const> table) {
    require_valid();
    group_->tuning = std::move(table);
    known_.clear();
}

CHORUS_INLINE void communicator::require_determinism(int level) {
    require_valid();
    if (level < 1 || level > 4) detail::misuse({"determinism levels are 1 to 4, not ", level});
    group_->determinism = level;
    known_.clear();
}

CHORUS_INLINE void communicator::expect_shared_buffers(bool expected) {
    require_valid();
    group_->shared_buffers = expected;
    known_.clear();
}

/// A task of the call, bound, or to be bound when its ranks have told each other their counts.
CHORUS_INLINE std::unique_ptr<detail::task> communicator::task_of(operation const& call, prepared const& ready) {
    auto task = ready.home ? owner().take_task(ready.home) : std::make_unique<detail::task>();
    if (owner().settings().checked || ready.forwards || task->before) prepare_exchange(*task, call, ready);
    if (!ready.home || ready.forwards || task->run->rebind(call.lengths, call.fold)) return task;
    auto lengths = call.lengths;
    lengths.rank = rank();
    lengths.ranks = size();
    task->run->bind(lengths, call.fold);
    return task;
}

[[gnu::cold]] CHORUS_INLINE void communicator::prepare_exchange(detail::task& what, operation const& call, prepared const& ready) {
    if (!what.before) what.before = std::make_unique<detail::preparation>();
    auto& before = *what.before;
    before.compares = owner().settings().checked;
    before.gathered = !ready.forwards;
    before.all_gather = all_gather_of_words();
    before.keep(call, rank(), size());
    if (!ready.home) before.keep(native_call_of(call));
}

CHORUS_INLINE void communicator::begin(detail::task& what, operation const& call, std::uint64_t signature) {
    owner().start(group_->line, what, {call.input, call.output, {group_->wire_number(), ++group_->sequence, signature, 0}, group_->members()});
}

CHORUS_INLINE void communicator::run(operation const& call) {
    require_member();
    context::inside const guard(owner());
    require_valid();
    auto const& ready = prepare(call);
    if (!ready.home) {
        if (owner().settings().checked) check_agreement(ready.signature);
        return owner().transport().native()->run(native_call_of(call));
    }
    auto task = task_of(call, ready);
    try {
        begin(*task, call, ready.signature);
        if (!task->run->done()) owner().wait(*task);
        if (task->problem) std::rethrow_exception(task->problem);
    } catch (...) {
        owner().stop(*task);
        throw;
    }
    owner().recycle(std::move(task));
}

CHORUS_INLINE request communicator::start(operation const& call, std::shared_ptr<void const> keep) {
    require_member();
    context::inside const guard(owner());
    require_valid();
    owner().shares_progress();
    auto const& ready = prepare(call);
    auto task = task_of(call, ready);
    task->keep = std::move(keep);
    if (ready.home || task->prepares()) begin(*task, call, ready.signature);
    else owner().start_native(*task, native_call_of(call));
    return {group_, std::move(task)};
}

CHORUS_INLINE persistent_request communicator::prepare_persistent(operation const& call, std::shared_ptr<void const> keep) {
    require_member();
    context::inside const guard(owner());
    require_valid();
    owner().shares_progress();
    auto const& ready = prepare(call);
    if (!ready.home) refuse(call, ready.how, "native collectives have no persistent form here");
    auto task = task_of(call, ready);
    task->keep = std::move(keep);
    return {group_, std::move(task), call.input, call.output, ready.signature};
}

CHORUS_INLINE void communicator::require_own_match(std::uint64_t sent, std::uint64_t expected) {
    if (sent == expected) return;
    auto const said = detail::text({"chorus: calls do not match: rank ", world_rank(rank()), " sends itself ", describe_signature(sent), " and receives ",
                                    describe_signature(expected)});
    owner().fail(std::make_exception_ptr(usage_error(said)));
    owner().require_working();
}

/// No transport sees them. In order; a send never waits, a receive waits for its send.
CHORUS_INLINE request communicator::start_own_message(operation const& call, std::uint64_t signature, bool sends) {
    if (!group_->to_itself) group_->to_itself = std::make_unique<detail::own_messages>();
    auto& waiting = *group_->to_itself;
    auto const bytes = call.lengths.uniform * call.fold.element_bytes;
    auto task = std::make_unique<detail::task>();
    std::shared_ptr<detail::own_receive> receive;
    while (sends && !receive && !waiting.receives.empty()) { // given up are those that are gone
        receive = waiting.receives.front().lock();
        waiting.receives.pop_front();
    }
    if (receive) {
        require_own_match(signature, receive->signature);
        if (bytes > 0) std::memcpy(receive->output, call.input, bytes);
        receive->what->waits = false;
        if (receive->what->then) std::exchange(receive->what->then, nullptr)();
    } else if (sends) {
        auto const* const data = static_cast<std::byte const*>(call.input);
        waiting.sends.push_back({signature, {data, data + bytes}});
    } else if (!waiting.sends.empty()) {
        auto const sent = std::move(waiting.sends.front());
        waiting.sends.pop_front();
        require_own_match(sent.signature, signature);
        if (bytes > 0) std::memcpy(call.output, sent.data.data(), bytes);
    } else {
        task->waits = true;
        auto const mine = std::make_shared<detail::own_receive>(detail::own_receive{task.get(), signature, call.output});
        waiting.receives.push_back(mine);
        task->keep = mine;
    }
    return {group_, std::move(task)};
}

/// Point-to-point messages are schedules of one step, in the exchange 0 of the communicator.
CHORUS_INLINE request communicator::start_message(operation const& call, int peer, bool sends) {
    require_member();
    context::inside const guard(owner());
    require_valid();
    auto const signature = make_signature(collective::send_recv, call.fold, call.lengths.uniform, {}, -1, {});
    if (peer == rank()) return start_own_message(call, signature, sends);
    if (peer < 0 || peer >= size())
        detail::misuse({"rank ", rank(), " cannot exchange messages with rank ", peer, " of ", size()});
    auto& of_all = group_->messages;
    if (of_all.empty()) of_all = std::vector<detail::message_line>(2 * static_cast<std::size_t>(size()));
    auto& [home, line] = of_all[2 * static_cast<std::size_t>(peer) + (sends ? 1 : 0)];
    if (!home) {
        recorder into(collective::send_recv, rank(), size(), {0}, {0});
        record_sink sink(into);
        if (sends) sink.send(peer, into.whole(input_buffer));
        else sink.recv(peer, into.whole(output_buffer));
        home = std::make_shared<detail::cached_program>();
        auto recorded = std::move(into).finish();
        recorded.algorithm = "message";
        recorded.synchronises = true;
        home->code = std::make_shared<program const>(std::move(recorded));
        home->shape.what = collective::send_recv;
    }
    auto task = owner().take_task(home);
    task->run->bind(call.lengths, call.fold);
    owner().start(line, *task, {call.input, call.output, {group_->wire_number(), 0, signature, 0}, group_->members()});
    return {group_, std::move(task)};
}

} // namespace chorus
