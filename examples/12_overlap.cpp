// Asynchronous collectives: start one, compute something else, wait. Here the gradients of four layers are summed while
// the next layer is still being computed, as training frameworks do it.
#include <chorus/chorus.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

constexpr int layers = 4;
constexpr std::size_t length = 100'000;

/// Some arithmetic that takes its time. There is no thread behind the scenes: an asynchronous collective advances
/// inside Chorus calls only, so a long computation calls progress() now and then.
std::vector<float> gradient_of(int layer, chorus::communicator& comm) {
    std::vector<float> g(length);
    for (std::size_t i = 0; i < length; ++i) {
        g[i] = std::sin(static_cast<float>(i % 100) + static_cast<float>(layer * comm.rank()));
        if (i % 4096 == 0) comm.progress();
    }
    return g;
}

int main() {
    chorus::run_threads(4, [](chorus::communicator& comm) {
        // Overlapped: each layer's sum is on its way while the next gradient is computed. The buffers must stay alive
        // and untouched until the request has finished.
        std::array<std::vector<float>, layers> gradients;
        std::array<chorus::request, layers> requests;
        for (std::size_t k = layers; k-- > 0;) { // backwards, as gradients come
            gradients[k] = gradient_of(static_cast<int>(k), comm);
            requests[k] = chorus::async_all_reduce(comm, gradients[k], chorus::average{});
        }
        for (auto& each : requests) each.wait();

        // One after the other: the same bits.
        auto equal = true;
        for (std::size_t k = 0; k < layers; ++k) {
            auto g = gradient_of(static_cast<int>(k), comm);
            chorus::all_reduce(comm, g, chorus::average{});
            equal = equal && g == gradients[k];
        }
        if (comm.rank() == 0) std::printf("overlapped and not: %s\n", equal ? "the same bits" : "they differ");

        // What is done again and again is prepared once: a persistent collective.
        std::vector<int> counter{1};
        auto again = chorus::persistent_all_reduce(comm, counter);
        for (int round = 0; round < 5; ++round) {
            again.start();
            again.wait();
        }
        if (comm.rank() == 0) std::printf("4 to the power of 5: %d\n", counter[0]);
    });
}
