#pragma once
/// Which send belongs to which receive: the k-th message from a to b on a lane to the k-th that b expects from a there.
/// Both ends must name the same blocks or parts in the same order, so that they agree on sizes for every count.

#include <chorus/verify/explain.hpp>
#include <chorus/verify/program.hpp>
#include <chorus/verify/wellformed.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chorus::proof {

/// Pairs all messages of the program and finds the earliest step whose message has no, or a different, other end.
class message_pairing {
public:
    explicit message_pairing(program& all)
        : all_(all),
          p_(all.ranks().size()),
          sends_(p_ * p_ * lanes, -1),
          receives_(p_ * p_ * lanes, -1) {}

    std::optional<fault> run() {
        chain();
        for (std::int32_t s = 0; s < count(); ++s)
            if (all_[s].text->receives() && all_[s].previous < 0) pair_channel(sends_[channel(all_[s])], s);
        for (std::int32_t s = 0; s < count(); ++s)
            if (all_[s].text->sends() && all_[s].previous < 0 && receives_[channel(all_[s])] < 0) unmatched(s, 0);
        return worst_;
    }

private:
    std::int32_t count() const { return static_cast<std::int32_t>(all_.steps().size()); }
    std::size_t channel(placed_step const& s) const {
        auto const me = static_cast<std::size_t>(s.rank), peer = static_cast<std::size_t>(s.text->peer);
        return (s.text->sends() ? me * p_ + peer : peer * p_ + me) * lanes + s.text->lane;
    }

    /// Links the messages of each channel; `sends_` and `receives_` keep the first of each.
    void chain() {
        std::vector<std::int32_t> last_send(sends_), last_receive(receives_);
        for (std::int32_t s = 0; s < count(); ++s) {
            if (!all_[s].text->is_message()) continue;
            auto const where = channel(all_[s]);
            auto& first = all_[s].text->sends() ? sends_[where] : receives_[where];
            auto& last = all_[s].text->sends() ? last_send[where] : last_receive[where];
            if (last >= 0)
                all_.follow(last, s);
            else
                first = s;
            last = s;
        }
    }

    void pair_channel(std::int32_t send, std::int32_t receive) {
        for (int messages = 0;; ++messages) {
            if (send < 0 && receive < 0) return;
            if (send < 0) return unmatched(receive, messages);
            if (receive < 0) return unmatched(send, messages);
            all_.pair(send, receive);
            auto const& from = all_[send];
            auto const& into = all_[receive];
            if (!all_.same_shape(all_.source(from), all_.target(into))) return different(from, into);
            send = from.next;
            receive = into.next;
        }
    }

    void different(placed_step const& from, placed_step const& into) {
        note(fault_at(all_.of(into), into.index,
                      "the message that arrives is that of rank " + std::to_string(from.rank) + "'s " +
                          name_of_step(all_.of(from), from.index) + ", and that is not of the same size or order"));
    }
    void unmatched(std::int32_t step, int messages) {
        auto const& s = all_[step];
        int more = 0;
        for (auto next = step; next >= 0; next = all_[next].next) ++more;
        auto const both = std::to_string(messages + more), one = std::to_string(messages);
        auto const peer = "rank " + std::to_string(s.text->peer);
        auto const lane = s.text->lane == 0 ? "" : " on lane " + std::to_string(s.text->lane);
        auto const text = s.text->sends() ? peer + " never receives this (" + both + " messages are sent to it" + lane +
                                                ", it takes " + one + ")"
                                          : peer + " never sends this (" + both + " messages are expected from it" +
                                                lane + ", it sends " + one + ")";
        note(fault_at(all_.of(s), s.index, text));
    }
    void note(fault const& found) {
        if (!worst_ || found.step < worst_->step) worst_ = found;
    }

    program& all_;
    std::size_t p_;
    std::vector<std::int32_t> sends_, receives_; // channel -> its first step
    std::optional<fault> worst_;
};

/// Pairs the messages. Says which step is wrong if there is one without its other end.
inline std::optional<fault> pair_messages(program& all) { return message_pairing(all).run(); }

/// Local steps and folds must take as much as they give.
inline std::optional<fault> uneven_step(program const& all) {
    for (auto const& s : all.steps()) {
        auto const kind = s.text->kind;
        auto const two_sided = kind == step_kind::copy || kind == step_kind::reduce || kind == step_kind::recv_reduce;
        if (two_sided && !all.same_shape(all.source(s), all.target(s)))
            return fault_at(all.of(s), s.index,
                            "source (" + name_of_data(all.of(s), s.text->source) +
                                ") and target are not of the same size or order");
    }
    return std::nullopt;
}

} // namespace chorus::proof
