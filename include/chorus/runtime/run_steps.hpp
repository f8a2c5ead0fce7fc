#pragma once
/// The longer functions of an instance: messages, and lowered folds above all. Part of instance.hpp.

#include <chorus/runtime/instance.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace chorus {

inline void instance::finish(std::int32_t i) {
    auto const at = static_cast<std::size_t>(i);
    state_[at].finished = true;
    --unfinished_;
    for (auto const next : lowered_.followers(i))
        if (--waiting_[static_cast<std::size_t>(next)] == 0) work_.push_back(next);
    auto const c = program_->channel_of(i);
    if (c < 0) return;
    auto const& line = program_->channels()[static_cast<std::size_t>(c)].steps;
    if (line.size() <= std::size_t{window}) return; // never full
    auto& at_line = cursors_[static_cast<std::size_t>(c)];
    auto const was_full = at_line.next - at_line.oldest == window;
    auto const before = at_line.oldest;
    while (at_line.oldest < at_line.next &&
           state_[static_cast<std::size_t>(line[static_cast<std::size_t>(at_line.oldest)])].finished)
        ++at_line.oldest;
    if (was_full && at_line.oldest > before) work_.push_back(channel_work(c));
}

[[gnu::cold]] inline void instance::find_plain() {
    for (std::size_t at = 0; at < plain_.size(); ++at) {
        auto const i = static_cast<std::int32_t>(at);
        auto const kind = (*program_)[i].kind;
        plain_[at] = (kind == step_kind::send || kind == step_kind::recv) && lowered_.fold_of(i) == lowering::none && !bound_.needs_packing(i) &&
                     (bound_[i].bytes > 0 || program_->plan().synchronises);
    }
    for (auto const& fold : lowered_.folds())
        for (auto const& each : fold.replies) plain_[static_cast<std::size_t>(each.send)] = false;
    for (std::size_t at = 0; at < plain_.size(); ++at)
        if (auto const receive = lowered_.receive_of(static_cast<std::int32_t>(at)); receive != lowering::none)
            plain_[at] = plain_[static_cast<std::size_t>(receive)] = false;
}

inline void instance::post(std::int32_t i, channel const& line, step_kind kind) {
    auto const& b = bound_[i];
    auto const at = static_cast<std::size_t>(i);
    auto const peer = transport_rank(line.peer);
    auto const tok = token_of(i);
    auto ex = exchange_;
    ex.lane = line.lane;
    if (plain_[at]) {
        auto const over = kind == step_kind::send ? transport_->post_send(peer, ex, source(i), tok) : transport_->post_recv(peer, ex, target(i), tok);
        if (over) finish(i);
        return;
    }
    if (state_[at].replied) return finish(i);
    if (b.bytes == 0 && !program_->plan().synchronises) return arrived_or_sent(i, nullptr);
    auto& staging = staging_[at];
    auto const packed = bound_.needs_packing(i);
    auto const folded = lowered_.fold_of(i) != lowering::none && b.target_end - b.target_begin == 1;
    if (packed || kind == step_kind::recv_reduce) staging = {scratch_ + b.staging, b.bytes};
    else if (kind == step_kind::recv && folded) staging = target(i)[0];
    if (kind == step_kind::recv_reduce || (kind == step_kind::recv && folded)) {
        if (auto const* const view = transport_->post_view(peer, ex, staging, tok)) arrived_or_sent(i, view);
        return;
    }
    auto const pieces = packed ? std::span<piece const>(&staging, 1) : kind == step_kind::send ? source(i) : target(i);
    if (kind == step_kind::send) {
        if (packed) detail::copy_pieces(source(i), pieces);
        if (transport_->post_offer(peer, ex, pieces, tok, offer_with(i))) arrived_or_sent(i, nullptr);
    } else if (transport_->post_recv(peer, ex, pieces, tok)) {
        arrived_or_sent(i, nullptr);
    }
}

inline void instance::arrived_or_sent(std::int32_t i, std::byte const* view) {
    auto const kind = (*program_)[i].kind;
    auto const at = static_cast<std::size_t>(i);
    auto const f = lowered_.fold_of(i);
    if (kind == step_kind::recv && bound_.needs_packing(i) && bound_[i].bytes > 0)
        detail::copy_pieces(std::span<piece const>(&staging_[at], 1), target(i));
    if (kind != step_kind::recv_reduce && f == lowering::none) return finish(i);
    state_[at].arrived = true;
    state_[at].view = kind == step_kind::recv_reduce || target(i).size() == 1 ? view : nullptr; // otherwise it is in its pieces
    if (is_misaligned(state_[at].view)) stage(i);
    if (f != lowering::none) {
        auto const waits = waiting_[static_cast<std::size_t>(lowered_.folds()[static_cast<std::size_t>(f)].leader())] != 0;
        if (--missing_[static_cast<std::size_t>(f)] == 0 && !waits) return run_fold(f);
        if (waits || !transport_->may_keep(view)) stage(i);
        return;
    }
    if (waiting_[at] == 0) return fold_arrived(i);
    stage(i);
}

/// All that the fold needs is there: its steps run as one.
inline void instance::run_fold(std::int32_t f) {
    auto const& fold = lowered_.folds()[static_cast<std::size_t>(f)];
    if (bound_[fold.leader()].bytes > 0 && !(in_one_pass(fold) ? fold_rows_of(fold) : fold_step_by_step(fold))) return;
    for (auto const i : fold.steps) finish(i);
}

/// Every slice of it lies in one piece.
inline bool instance::in_one_pass(lowered_fold const& fold) const {
    for (auto const i : fold.steps)
        if (target(i).size() != 1 || source(i).size() > 1) return false;
    return true;
}

inline bool instance::fold_step_by_step(lowered_fold const& fold) {
    for (auto const i : fold.steps) {
        auto const& s = (*program_)[i];
        if (s.kind == step_kind::recv_reduce) {
            if (!fold_one(i)) return false;
        } else if (s.kind == step_kind::recv) {
            auto const copy = [&](std::byte const* view) { std::memcpy(target(i)[0].data, view, bound_[i].bytes); };
            if (is_shown(i) && !read_view(i, copy)) return false;
        } else {
            run_local(i, s);
        }
    }
    return true;
}

/// Whether all views that the fold reads may be read, or could be.
inline bool instance::touch_all(lowered_fold const& fold) {
    for (auto const& each : fold.operands)
        if (each.from == fold_operand::kind::received && is_shown(each.step) && !transport_->touch(token_of(each.step))) return false;
    return true;
}

inline bool instance::fold_rows_of(lowered_fold const& fold) {
    if (!touch_all(fold)) return false;
    for (std::size_t k = 0; k < fold.operands.size(); ++k) {
        auto const& each = fold.operands[k];
        sources_[k] = each.from == fold_operand::kind::received ? state_[static_cast<std::size_t>(each.step)].view
                      : each.from == fold_operand::kind::source ? source(each.step)[0].data
                                                                : target(each.step)[0].data;
    }
    auto const bytes = bound_[fold.leader()].bytes;
    std::size_t outs = 0;
    outs_[outs++] = target(fold.leader())[0].data;
    for (auto const& each : fold.replies) {
        auto* const memory = is_shown(each.receive) ? transport_->reply_memory(token_of(each.receive), lowered_.place_of(each.send), bytes) : nullptr;
        state_[static_cast<std::size_t>(each.send)].replied = memory != nullptr;
        if (memory != nullptr) outs_[outs++] = memory;
    }
    fold_rows what{sources_.data(), static_cast<int>(fold.operands.size()), outs_.data(), static_cast<int>(outs), bytes / kernel_.element_bytes};
    what.rounds_each = !program_->plan().rounds_once;
    if (program_->plan().rounds_once && kernel_.finish != nullptr) detail::set_mean(what, program_->plan().ranks);
    fold_and_measure(what);
    if (!touch_all(fold)) return false; // nobody is told of a result that may be of other data
    for (auto const& each : fold.replies)
        if (state_[static_cast<std::size_t>(each.send)].replied) transport_->reply(token_of(each.receive));
    for (auto const& each : fold.operands) // those that were answered are in view no longer
        if (each.from == fold_operand::kind::received && is_shown(each.step)) transport_->release(token_of(each.step));
    return true;
}

inline void instance::fold_and_measure(fold_rows what) {
    auto& how = what.out_count > 1 ? into_others_ : into_own_;
    how.measure(what.count * kernel_.element_bytes, [&](bool past_caches) {
        what.streams = past_caches;
        kernel_.fold(what);
    });
}

inline reply_offer instance::offer_with(std::int32_t send) const {
    auto const receive = lowered_.receive_of(send);
    if (receive == lowering::none || state_[static_cast<std::size_t>(receive)].finished) return {};
    auto const to = target(receive);
    if (to.size() != 1 || to[0].bytes != bound_[send].bytes) return {};
    return {to[0], token_of(receive), lowered_.place_of(receive)};
}

inline void instance::stage(std::int32_t i) {
    auto const at = static_cast<std::size_t>(i);
    auto const copy = [&](std::byte const* view) { std::memcpy(staging_[at].data, view, bound_[i].bytes); };
    if (is_shown(i) && read_view(i, copy)) state_[at].view = staging_[at].data;
}

/// Half precision overflows where the sum does and the mean does not: what travels is scaled.
inline void instance::scale(std::byte* to, std::byte const* from, std::size_t bytes, bool before) const {
    void const* const source = from;
    void* const out = to;
    fold_rows what{&source, 1, &out, 1, bytes / kernel_.element_bytes};
    detail::set_mean(what, program_->plan().ranks);
    (before ? what.divisor : what.scale) = 1;
    kernel_.fold(what);
}

[[gnu::cold]] inline std::byte const* instance::scale_contribution(std::byte const* input, std::byte* output, std::byte* scratch) const {
    auto const& pieces = bound_.contribution();
    auto* const copy = scratch + bound_.contribution_offset();
    for (auto const& each : pieces) {
        if (each.buffer == output_buffer) scale(output + each.offset, output + each.offset, each.bytes, true);
        else scale(copy + each.offset, input + each.offset, each.bytes, true);
    }
    return !pieces.empty() && pieces[0].buffer == input_buffer ? copy : input;
}

inline void instance::run_local(std::int32_t i, step const& s) const {
    if (s.kind == step_kind::copy) return detail::copy_pieces(source(i), target(i), bound_.streams());
    if (s.kind == step_kind::finish) {
        for (auto const& each : target(i)) {
            if (scales_) scale(each.data, each.data, each.bytes, false);
            else kernel_.finish(each.data, each.bytes / kernel_.element_bytes, program_->plan().ranks);
        }
        return;
    }
    detail::fold_pieces(kernel_, source(i), target(i), s.received);
}

} // namespace chorus
