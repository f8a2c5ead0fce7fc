#pragma once
/// Lowering: what of a program becomes one pass over the memory of several ranks, where they can reach it.
///
///   chain    reductions into one slice, one after the other, become a *fold* of several sources: own and received
///   replies  a send of the folded slice to a rank whose message went into it may be written to that rank's memory instead
///   offers   the other end of a reply: a send, and the receive that may be answered while the send is being read
///
/// Two-shot all_reduce so reads each rank's part once from everywhere and writes it once to everywhere; so does the
/// ring of two ranks. Nothing here changes a bit of a result: operands keep their order, and 16-bit floats are rounded
/// where the schedule says: after every step or, where it rounds once, after each fold. Found from the steps alone, and once per instance; see docs/decisions/0011-lowered-folds.md.

#include <chorus/core/plain_vector.hpp>
#include <chorus/runtime/program.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

/// An operand of a fold, by the step that names it.
struct fold_operand {
    enum class kind : std::uint8_t { received, source, target }; ///< the step's message, or one of its slices
    kind from = kind::received;
    std::int32_t step = 0;
};

/// A send of the folded slice to the sender of one of its operands.
struct fold_reply {
    std::int32_t receive = 0; ///< the step whose message it answers
    std::int32_t send = 0;
};

/// Steps that run as one, when all their messages are there and nothing else is to be waited for.
struct lowered_fold {
    std::vector<fold_operand> operands; ///< in the order of ((a op b) op c) ...
    std::vector<std::int32_t> steps;    ///< in their order; the last one's target is the folded slice
    std::vector<fold_reply> replies;
    int messages = 0;

    std::int32_t leader() const { return steps.back(); }
};

class lowering {
public:
    static constexpr std::int32_t none = -1;

    /// `window`: how many messages of a channel are posted without waiting for one of them.
    [[gnu::cold]] lowering(program const& what, std::size_t window) : program_(&what), window_(static_cast<std::int32_t>(window)) {
        auto const count = what.size();
        fold_of_.resize(count, none);
        receive_of_.resize(count, none);
        find_places();
        find_folds();
        find_offers();
        merge_dependencies();
    }

    std::vector<lowered_fold> const& folds() const { return folds_; }
    /// The fold that a step belongs to.
    std::int32_t fold_of(std::int32_t i) const { return fold_of_[static_cast<std::size_t>(i)]; }
    /// The receive for which a send may offer memory.
    std::int32_t receive_of(std::int32_t send) const { return receive_of_[static_cast<std::size_t>(send)]; }
    /// The how-manieth message of its channel a step is.
    std::uint32_t place_of(std::int32_t i) const { return static_cast<std::uint32_t>(place_[static_cast<std::size_t>(i)]); }

    // As in program, but the last step of a fold stands for all of it.
    std::span<std::int32_t const> waits_for() const { return waits_for_; }
    std::span<std::int32_t const> followers(std::int32_t i) const {
        auto const begin = followers_begin_[static_cast<std::size_t>(i)];
        return {followers_.data() + begin, followers_begin_[static_cast<std::size_t>(i) + 1] - begin};
    }

private:
    using kind = fold_operand::kind;

    std::vector<std::int32_t> const& predecessors(std::int32_t i) const { return program_->plan().predecessors[static_cast<std::size_t>(i)]; }
    slice_list const& result_of(lowered_fold const& fold) const { return (*program_)[fold.leader()].target; }

    void find_places() {
        place_.resize(program_->size(), 0);
        for (auto const& line : program_->channels())
            for (std::size_t k = 0; k < line.steps.size(); ++k)
                place_[static_cast<std::size_t>(line.steps[k])] = static_cast<std::int32_t>(k);
    }

    /// The chain whose last step is the only reason why `i` waits for `data`, and which nothing else has seen the result of.
    lowered_fold* chain_before(std::int32_t i, slice_list const& data, std::vector<lowered_fold>& chains, plain_vector<std::int32_t> const& ends) {
        for (auto const before : predecessors(i)) {
            auto const found = ends[static_cast<std::size_t>(before)];
            if (found == none || program_->followers(before).size() != 1) continue;
            auto& chain = chains[static_cast<std::size_t>(found)];
            if (chain.leader() == before && result_of(chain) == data) return &chain;
        }
        return nullptr;
    }

    void find_folds() {
        std::vector<lowered_fold> chains;
        plain_vector<std::int32_t> ends;
        ends.resize(program_->size(), none);
        for (std::int32_t i = 0; i < static_cast<std::int32_t>(program_->size()); ++i) {
            auto const& s = (*program_)[i];
            auto const extend = [&](lowered_fold& chain, kind from) {
                chain.operands.push_back({from, i});
                chain.steps.push_back(i);
                chain.messages += from == kind::received ? 1 : 0;
                ends[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(&chain - chains.data());
            };
            auto const begin = [&](std::vector<fold_operand> operands) {
                ends[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(chains.size());
                chains.push_back({std::move(operands), {i}, {}, 1});
            };
            if (s.kind == step_kind::recv_reduce) {
                auto* const chain = s.received == side::right && s.source == s.target ? chain_before(i, s.source, chains, ends) : nullptr;
                if (chain != nullptr) extend(*chain, kind::received);
                else if (s.received == side::right) begin({{kind::source, i}, {kind::received, i}});
                else begin({{kind::received, i}, {kind::source, i}});
            } else if (s.kind == step_kind::recv && s.target.size() == 1 && s.target[0].buffer >= first_scratch_buffer) {
                begin({{kind::received, i}});
            } else if (s.kind == step_kind::reduce && s.received == side::left) {
                if (auto* const chain = chain_before(i, s.source, chains, ends)) extend(*chain, kind::target);
            }
        }
        for (auto& chain : chains) keep(chain);
    }

    void keep(lowered_fold& chain) {
        if (chain.operands.size() < 2) return;
        auto const& result = result_of(chain);
        for (auto const after : program_->followers(chain.leader())) {
            auto const& s = (*program_)[after];
            if (s.kind != step_kind::send || !(s.source == result) || predecessors(after).size() != 1) continue;
            for (auto const& each : chain.operands)
                if (each.from == kind::received && (*program_)[each.step].peer == s.peer && (*program_)[each.step].lane == s.lane)
                    chain.replies.push_back({each.step, after});
        }
        auto const always = program_->plan().rounds_once;
        if (!always && (chain.messages == 1 ? chain.replies.empty() : !arrive_by_themselves(chain))) return;
        for (auto const step : chain.steps) fold_of_[static_cast<std::size_t>(step)] = static_cast<std::int32_t>(folds_.size());
        folds_.push_back(std::move(chain));
    }

    /// A fold keeps its messages until the last one is there, so none of them may be sent only after another was read. They are
    /// not if what this rank sends to the same peers, at the same places, waits for nothing, and so does theirs: true of
    /// the algorithms in which all ranks do alike, and tests/runtime/lowering.cpp proves it for the whole catalogue.
    bool arrive_by_themselves(lowered_fold const& fold) const {
        for (auto const step : fold.steps)
            for (auto const before : predecessors(step)) {
                auto const inside = std::find(fold.steps.begin(), fold.steps.end(), before) != fold.steps.end();
                if (!inside && ((*program_)[before].is_message() || !predecessors(before).empty())) return false;
            }
        for (auto const& each : fold.operands) {
            if (each.from != kind::received) continue;
            auto const& mine = (*program_)[each.step];
            auto const place = place_[static_cast<std::size_t>(each.step)];
            if (place >= window_) return false;
            auto found = false;
            for (auto const& line : program_->channels()) {
                if (!line.sends || line.peer != mine.peer || line.lane != mine.lane || static_cast<std::size_t>(place) >= line.steps.size()) continue;
                found = true;
                for (std::int32_t k = 0; k <= place; ++k) found = found && predecessors(line.steps[static_cast<std::size_t>(k)]).empty();
            }
            if (!found) return false;
        }
        return true;
    }

    /// A receive into the memory, or the same part of the output, that was sent to that rank: if it waits for nothing else, the
    /// rank may write there as soon as it reads what was sent.
    void find_offers() {
        for (auto const& line : program_->channels()) {
            if (!line.sends) continue;
            for (auto const& back : program_->channels()) {
                if (back.sends || back.peer != line.peer || back.lane != line.lane) continue;
                for (auto const send : line.steps)
                    for (auto const receive : back.steps)
                        if (answers(send, receive)) receive_of_[static_cast<std::size_t>(send)] = receive;
            }
        }
    }
    bool answers(std::int32_t send, std::int32_t receive) const {
        auto const &from = (*program_)[send].source, &to = (*program_)[receive].target;
        if ((*program_)[receive].kind != step_kind::recv || from.size() != 1 || to.size() != 1) return false;
        auto const alike = from[0].buffer == to[0].buffer || (from[0].buffer == input_buffer && to[0].buffer == output_buffer);
        if (!alike || !(from[0].begin == to[0].begin) || !(from[0].end == to[0].end)) return false;
        for (auto const before : predecessors(receive))
            if (before != send) return false;
        return fold_of(receive) == none;
    }

    void merge_dependencies() {
        auto const count = program_->size();
        auto const stands_for = [&](std::int32_t i) { return fold_of(i) == none ? i : folds_[static_cast<std::size_t>(fold_of(i))].leader(); };
        waits_for_.resize(count);
        followers_begin_.resize(count + 1);
        auto const for_each_edge = [&](auto visit) {
            for (std::int32_t i = 0; i < static_cast<std::int32_t>(count); ++i)
                for (auto const before : predecessors(i))
                    if (stands_for(before) != stands_for(i)) visit(static_cast<std::size_t>(stands_for(before)), stands_for(i));
        };
        for_each_edge([&](std::size_t before, std::int32_t after) {
            ++waits_for_[static_cast<std::size_t>(after)];
            ++followers_begin_[before + 1];
        });
        for (std::size_t i = 0; i < count; ++i) followers_begin_[i + 1] += followers_begin_[i];
        followers_.resize(followers_begin_[count]);
        auto next = followers_begin_;
        for_each_edge([&](std::size_t before, std::int32_t after) { followers_[next[before]++] = after; });
    }

    program const* program_;
    std::int32_t window_;
    std::vector<lowered_fold> folds_;
    plain_vector<std::int32_t> fold_of_;
    plain_vector<std::int32_t> receive_of_;
    plain_vector<std::int32_t> place_;
    plain_vector<std::int32_t> waits_for_;
    plain_vector<std::int32_t> followers_;
    plain_vector<std::size_t> followers_begin_;
};

} // namespace chorus
