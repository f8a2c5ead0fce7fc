// Fusion: a network has many small gradients, and a collective for each would be all latency. A bucket gathers them and sums
// them together, and starts what is full while the next layers are still being computed.
#include <chorus/chorus.hpp>
#include <chorus/runtime/fusion.hpp>

#include <cstdio>
#include <vector>

constexpr std::size_t layers = 60;

/// What the layer contributes on this rank, of a few hundred elements.
std::vector<float> gradient_of(std::size_t layer, int rank) {
    std::vector<float> g(50 + layer * 10);
    for (std::size_t i = 0; i < g.size(); ++i) g[i] = 1.0f / static_cast<float>(i + 3 * layer + static_cast<std::size_t>(rank) + 1);
    return g;
}

int main() {
    chorus::run_threads(4, [](chorus::communicator& comm) {
        // Level 3 of determinism: the bits do not depend on what is fused with what.
        auto const strict = chorus::deterministic{3};
        chorus::reduction_bucket<float, chorus::average> bucket(comm, 16 << 10, {}, strict);

        std::vector<std::vector<float>> gradients;
        for (std::size_t k = 0; k < layers; ++k) gradients.push_back(gradient_of(k, comm.rank()));
        for (std::size_t k = layers; k-- > 0;) bucket.add(gradients[k]); // backwards, as gradients come
        bucket.wait();                                                   // starts the rest, and finishes all

        // One collective for each layer: the same bits.
        auto equal = true;
        for (std::size_t k = 0; k < layers; ++k) {
            auto g = gradient_of(k, comm.rank());
            chorus::all_reduce(comm, g, chorus::average{}, strict);
            equal = equal && g == gradients[k];
        }
        if (comm.rank() == 0) std::printf("%zu gradients in %zu collectives, %s\n", layers, bucket.collectives(), equal ? "the same bits" : "other bits");
    });
}
