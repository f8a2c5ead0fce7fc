#pragma once
/// Two ranks of a transport in one thread, which speaks for both.

#include <chorus/transport/shm.hpp>
#include <chorus/transport/threads.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace chorus::testing {

template <class Transport>
class transport_pair;

template <>
class transport_pair<threads_transport> {
public:
    threads_transport* operator[](std::size_t rank) { return ranks_[rank].get(); }
    std::byte* memory(std::size_t, std::size_t bytes) {
        memory_.push_back(std::make_unique<std::byte[]>(bytes));
        return memory_.back().get();
    }

private:
    std::shared_ptr<detail::thread_hub> hub_ = std::make_shared<detail::thread_hub>(2);
    std::vector<std::unique_ptr<std::byte[]>> memory_;
    std::array<std::unique_ptr<threads_transport>, 2> ranks_{std::make_unique<threads_transport>(hub_, 0),
                                                             std::make_unique<threads_transport>(hub_, 1)};
};

template <>
class transport_pair<shm_transport> {
public:
    transport_pair() {
        auto const job = detail::shm_job::create(2, {});
        auto const attach = [&](int rank) {
            ranks_[static_cast<std::size_t>(rank)] =
                std::make_unique<shm_transport>(job, rank, clock::now() + std::chrono::seconds(20));
        };
        std::thread other(attach, 1);
        attach(0);
        other.join();
    }
    shm_transport* operator[](std::size_t rank) { return ranks_[rank].get(); }
    /// Of `allocate`: the peer reads and writes it directly.
    std::byte* memory(std::size_t rank, std::size_t bytes) { return ranks_[rank]->allocate(bytes); }

private:
    std::array<std::unique_ptr<shm_transport>, 2> ranks_;
};

} // namespace chorus::testing
