#pragma once
/// How tasks start: at once, or when those before them leave room and the ranks have told each other what they must. Part of
/// context.hpp.

#include <chorus/runtime/context.hpp>
#include <chorus/runtime/preparation.hpp>
#include <chorus/runtime/signature.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <utility>

namespace chorus {

namespace detail {

/// Of the messages in which ranks tell each other `words` words each: before they compare signatures, too, so the same for all calls.
inline std::uint64_t agreement_signature(std::size_t words) {
    return make_signature(collective::all_gather, copy_kernel<std::uint64_t>(), words, {}, -1, "agreement");
}

inline int transport_rank(std::span<int const> members, std::size_t rank) {
    return members.empty() ? static_cast<int>(rank) : members[rank];
}

/// Throws a usage_error where a rank has another signature than this one.
[[gnu::cold]] inline void require_same_call(std::span<std::uint64_t const> all, std::uint64_t ours, int rank, std::span<int const> members) {
    for (std::size_t other = 0; other < all.size(); ++other) {
        if (all[other] == ours) continue;
        auto const our_call = describe_signature(ours), their_call = describe_signature(all[other]);
        misuse({"calls do not match: rank ", rank, " calls ", our_call, ", rank ", transport_rank(members, other), " calls ", their_call,
                our_call == their_call ? unseen_difference : ""});
    }
}

/// Throws a usage_error where the blocks that arrive are not as long as the caller has made room for.
[[gnu::cold]] inline void require_expected_lengths(task const& what, int rank) {
    auto const& lengths = what.before->lengths;
    auto const ranks = static_cast<std::size_t>(lengths.ranks), self = static_cast<std::size_t>(lengths.rank);
    for (std::size_t from = 0; from < ranks; ++from) {
        auto const sent = lengths.matrix[from * ranks + self], expected = lengths.incoming[from];
        if (sent == expected) continue;
        misuse({"rank ", rank, ": ", name(what.what), ": rank ", transport_rank(what.later.members, from), " sends ", sent,
                " elements where ", expected, " are expected"});
    }
}

} // namespace detail

inline void context::enrol(detail::task& what) {
    require_working();
    require_one_thread();
    if (free_slots_.empty()) {
        free_slots_.push_back(static_cast<std::uint32_t>(running_.size()));
        running_.push_back(nullptr);
        free_slots_.reserve(running_.size());
    }
    what.slot = free_slots_.back();
    free_slots_.pop_back();
    running_[what.slot] = &what;
    ++active_;
    what.running = true;
}

inline void context::run(detail::task& what, detail::run_arguments const& with) {
    if (what.scratch.bytes < what.run->scratch_bytes()) {
        scratch_.give_back(what.scratch);
        what.scratch = scratch_.take(what.run->scratch_bytes());
    }
    try {
        what.run->start(with.input, with.output, what.scratch.memory, with.ex, with.members, what.slot);
    } catch (...) {
        fail(std::current_exception());
        stop(what);
        throw;
    }
    if (what.run->done()) land(what);
}

inline void context::start(detail::task& what, detail::run_arguments const& with) {
    enrol(what);
    run(what, with);
}

inline void context::start(detail::task_line& line, detail::task& what, detail::run_arguments const& with) {
    enrol(what);
    if (with.ex.sequence != 0) { // point-to-point messages are no collective to be late for
        transport_->enter(with.ex);
        recent_[with.ex.sequence % recent_.size()] = with.ex;
    }
    what.line = &line;
    if (!line.is_open() || what.prepares()) return queue(line, what, with);
    ++line.in_flight;
    run(what, with);
}

[[gnu::cold]] inline void context::queue(detail::task_line& line, detail::task& what, detail::run_arguments const& with) {
    what.later = with;
    what.waits = true;
    if (what.run) what.run->expect();
    if (what.before) what.before->compared = !what.before->compares;
    line.queued.push_back(&what);
    start_queued(line);
}

/// Starts what may start. An exception leaves a context that has failed, and a line that nobody uses any more.
[[gnu::cold]] inline void context::start_queued(detail::task_line& line) {
    if (std::exchange(line.starting, true)) return; // what starts may land at once
    while (line.next < line.queued.size() && !line.preparing && line.in_flight < detail::task_line::most) {
        auto* const first = line.queued[line.next++];
        if (line.next == line.queued.size()) {
            line.queued.clear();
            line.next = 0;
        }
        if (first == nullptr) continue; // given up
        ++line.in_flight;
        go_on(*first);
    }
    line.starting = false;
}

inline void context::start_native(detail::task& what, native_call const& call) {
    require_working();
    what.native_handle = transport_->native()->start(call) + 1;
}

/// The next stage of a task that had to wait.
[[gnu::cold]] inline void context::go_on(detail::task& what) {
    auto* const before = what.before.get();
    if (before != nullptr && !(before->compared && before->gathered)) return tell_each_other(what);
    what.waits = false;
    if (what.run) return run(what, what.later);
    start_native(what, before->native);
    land(what);
}

[[gnu::cold]] inline void context::tell_each_other(detail::task& what) {
    auto& before = *what.before;
    before.words.clear();
    if (!before.compared) before.words.push_back(what.later.ex.signature);
    else
        for (auto const each : before.lengths.counts) before.words.push_back(each);
    auto const ranks = static_cast<std::size_t>(before.all_gather->shape.ranks);
    before.all.resize(before.words.size() * ranks);
    before.exchange = take_task(before.all_gather);
    block_lengths lengths;
    lengths.uniform = before.words.size();
    before.exchange->run->bind(lengths, copy_kernel<std::uint64_t>());
    before.exchange->then = [this, &what] { have_told_each_other(what); };
    what.line->preparing = true;
    auto with = what.later;
    with.input = before.words.data();
    with.output = before.all.data();
    if (!before.compared) with.ex.signature = detail::agreement_signature(1);
    start(*before.exchange, with);
}

[[gnu::cold]] inline void context::have_told_each_other(detail::task& what) {
    if (failure_) return;
    auto& before = *what.before;
    auto& line = *what.line;
    recycle(std::move(before.exchange));
    line.preparing = false;
    if (std::exchange(before.compared, true)) {
        before.set_matrix();
        detail::require_expected_lengths(what, rank());
        before.gathered = true;
        what.run->bind(before.lengths, before.fold);
        go_on(what);
    } else try {
        detail::require_same_call(before.all, what.later.ex.signature, rank(), what.later.members);
        go_on(what);
    } catch (usage_error const&) { // all ranks see it, and can go on
        if (failure_) throw;
        what.problem = std::current_exception();
        what.waits = false;
        if (what.run) what.run->expect(false);
        land(what);
    }
    start_queued(line);
}

} // namespace chorus
