#pragma once
/// A wire on which every message takes a while longer and no processor has work with it: what a network is, and memory is not.

#include <chorus/transport/decorators.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <thread>
#include <utility>
#include <vector>

/// Messages are there `latency` after the transport below has them. Sends finish as they do there.
template <chorus::transport T>
class slow_wire : public chorus::transport_decorator<T> {
public:
    slow_wire(std::unique_ptr<T> inner, std::chrono::microseconds latency)
        : chorus::transport_decorator<T>(std::move(inner)), latency_(latency) {}

    bool post_recv(int peer, chorus::exchange const& ex, std::span<chorus::piece const> pieces, chorus::token tok) {
        if (this->inner().post_recv(peer, ex, pieces, tok)) hold({tok, nullptr});
        else expected_.push_back(tok);
        return false;
    }
    std::byte const* post_view(int peer, chorus::exchange const& ex, chorus::piece staging, chorus::token tok) {
        if (auto const* const view = this->inner().post_view(peer, ex, staging, tok)) hold({tok, view});
        else expected_.push_back(tok);
        return nullptr;
    }
    std::size_t poll(std::span<chorus::completion> done) {
        auto const found = this->inner().poll(done);
        std::size_t count = 0;
        for (std::size_t i = 0; i < found; ++i) {
            if (std::erase(expected_, done[i].which) > 0) hold(done[i]);
            else done[count++] = done[i];
        }
        auto const now = chorus::clock::now();
        auto arrived = travelling_.begin(); // in order of arrival: all take as long
        for (; arrived != travelling_.end() && arrived->due <= now && count < done.size(); ++arrived) done[count++] = arrived->what;
        travelling_.erase(travelling_.begin(), arrived);
        return count;
    }
    void idle(int round, chorus::clock::time_point until) {
        if (travelling_.empty()) return this->inner().idle(round, until);
        std::this_thread::sleep_until(std::min(until, travelling_.front().due));
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
    void hold(chorus::completion what) { travelling_.push_back({what, chorus::clock::now() + latency_}); }

    std::chrono::microseconds latency_;
    std::vector<chorus::token> expected_;
    std::vector<message> travelling_;
};
