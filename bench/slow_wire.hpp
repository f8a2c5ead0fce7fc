#pragma once
/// A wire on which every message takes a while longer and no processor has work with it: what a network is, and memory is not.

#include <chorus/transport/decorators.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

/// When the messages between threads were sent, in order, for each pair of ranks.
class departures {
public:
    void note(int from, int to) {
        std::scoped_lock const guard(mutex_);
        times_[{from, to}].push_back(chorus::clock::now());
    }
    chorus::clock::time_point next(int from, int to) {
        std::scoped_lock const guard(mutex_);
        auto& all = times_[{from, to}];
        auto const first = all.front();
        all.pop_front();
        return first;
    }

private:
    std::mutex mutex_;
    std::map<std::pair<int, int>, std::deque<chorus::clock::time_point>> times_;
};

/// Messages are there `latency` after they were sent, whether anybody looks meanwhile or not. Sends finish as they do below.
/// For collectives that run one after the other.
template <chorus::transport T>
class slow_wire : public chorus::transport_decorator<T> {
public:
    slow_wire(std::unique_ptr<T> inner, std::shared_ptr<departures> sent, std::chrono::microseconds latency)
        : chorus::transport_decorator<T>(std::move(inner)), sent_(std::move(sent)), latency_(latency) {}

    bool post_send(int peer, chorus::exchange const& ex, std::span<chorus::piece const> pieces, chorus::token tok) {
        sent_->note(this->rank(), peer);
        return this->inner().post_send(peer, ex, pieces, tok);
    }
    bool post_recv(int peer, chorus::exchange const& ex, std::span<chorus::piece const> pieces, chorus::token tok) {
        if (this->inner().post_recv(peer, ex, pieces, tok)) hold(peer, {tok, nullptr});
        else expected_.push_back({tok, peer});
        return false;
    }
    std::byte const* post_view(int peer, chorus::exchange const& ex, chorus::piece staging, chorus::token tok) {
        if (auto const* const view = this->inner().post_view(peer, ex, staging, tok)) hold(peer, {tok, view});
        else expected_.push_back({tok, peer});
        return nullptr;
    }
    std::size_t poll(std::span<chorus::completion> done) {
        auto const found = this->inner().poll(done);
        std::size_t count = 0;
        for (std::size_t i = 0; i < found; ++i) {
            auto const what = done[i];
            auto const receive = std::find_if(expected_.begin(), expected_.end(), [&](auto const& each) { return each.first == what.which; });
            if (receive == expected_.end()) {
                done[count++] = what;
                continue;
            }
            hold(receive->second, what);
            expected_.erase(receive);
        }
        auto const now = chorus::clock::now();
        std::erase_if(travelling_, [&](message const& each) {
            if (each.due > now || count == done.size()) return false;
            done[count++] = each.what;
            return true;
        });
        return count;
    }
    void idle(int round, chorus::clock::time_point until) {
        if (travelling_.empty()) return this->inner().idle(round, until);
        auto const first = std::min_element(travelling_.begin(), travelling_.end(), [](auto const& a, auto const& b) { return a.due < b.due; });
        std::this_thread::sleep_until(std::min(until, first->due));
    }
    bool withdraw() {
        expected_.clear();
        travelling_.clear();
        return this->inner().withdraw();
    }

private:
    struct message {
        chorus::completion what;
        chorus::clock::time_point due;
    };
    void hold(int from, chorus::completion what) { travelling_.push_back({what, sent_->next(from, this->rank()) + latency_}); }

    std::shared_ptr<departures> sent_;
    std::chrono::microseconds latency_;
    std::vector<std::pair<chorus::token, int>> expected_; ///< and from whom
    std::vector<message> travelling_;
};
