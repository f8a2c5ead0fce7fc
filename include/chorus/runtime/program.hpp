#pragma once
/// A program: a schedule prepared for the executor. Immutable, shared by all calls of the same shape.

#include <chorus/core/plain_vector.hpp>
#include <chorus/schedule/schedule.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

/// Messages to or from one peer on one lane, which are posted in this order.
struct channel {
    std::int32_t peer;
    std::uint8_t lane;
    bool sends;
    plain_vector<std::int32_t> steps;
};

class program {
public:
    [[gnu::cold]] explicit program(schedule recorded) : plan_(std::move(recorded)) {
        auto const count = plan_.steps.size();
        channel_of_.resize(count, -1);
        waits_for_.resize(count);
        followers_begin_.resize(count + 1);
        for (std::size_t i = 0; i < count; ++i) {
            waits_for_[i] = static_cast<std::int32_t>(plan_.predecessors[i].size());
            for (auto const before : plan_.predecessors[i]) ++followers_begin_[static_cast<std::size_t>(before) + 1];
            if (plan_.steps[i].is_message()) add_to_channel(static_cast<std::int32_t>(i));
            else if (waits_for_[i] == 0) ready_at_once_.push_back(static_cast<std::int32_t>(i));
        }
        for (std::size_t i = 0; i < count; ++i) followers_begin_[i + 1] += followers_begin_[i];
        followers_.resize(followers_begin_[count]);
        auto next = followers_begin_;
        for (std::size_t i = 0; i < count; ++i)
            for (auto const before : plan_.predecessors[i])
                followers_[next[static_cast<std::size_t>(before)]++] = static_cast<std::int32_t>(i);
    }

    schedule const& plan() const { return plan_; }
    std::size_t size() const { return plan_.steps.size(); }
    step const& operator[](std::int32_t i) const { return plan_.steps[static_cast<std::size_t>(i)]; }

    std::vector<channel> const& channels() const { return channels_; }
    std::int32_t channel_of(std::int32_t i) const { return channel_of_[static_cast<std::size_t>(i)]; }
    std::span<std::int32_t const> waits_for() const { return waits_for_; }
    std::span<std::int32_t const> ready_at_once() const { return ready_at_once_; }
    /// The steps that wait for step i.
    std::span<std::int32_t const> followers(std::int32_t i) const {
        auto const begin = followers_begin_[static_cast<std::size_t>(i)];
        return {followers_.data() + begin, followers_begin_[static_cast<std::size_t>(i) + 1] - begin};
    }

private:
    void add_to_channel(std::int32_t i) {
        auto const& s = plan_.steps[static_cast<std::size_t>(i)];
        auto& place = channel_of_[static_cast<std::size_t>(i)];
        for (std::size_t c = 0; c < channels_.size() && place < 0; ++c)
            if (channels_[c].peer == s.peer && channels_[c].lane == s.lane && channels_[c].sends == s.sends())
                place = static_cast<std::int32_t>(c);
        if (place < 0) {
            place = static_cast<std::int32_t>(channels_.size());
            channels_.push_back({s.peer, s.lane, s.sends(), {}});
        }
        channels_[static_cast<std::size_t>(place)].steps.push_back(i);
    }

    schedule plan_;
    std::vector<channel> channels_;
    plain_vector<std::int32_t> channel_of_; ///< -1 for local steps
    plain_vector<std::int32_t> waits_for_;  ///< how many predecessors
    plain_vector<std::int32_t> ready_at_once_;
    plain_vector<std::int32_t> followers_;
    plain_vector<std::size_t> followers_begin_;
};

} // namespace chorus
