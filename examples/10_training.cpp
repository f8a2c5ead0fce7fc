// Data-parallel training on real data: every rank holds the whole network and looks at its share of each batch, and the
// gradients are summed by all_reduce. It learns to read handwritten digits, the same way on 1, 2 and 4 ranks.
#include "data/digits.hpp"

#include <chorus/chorus.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>
#include <vector>

/// All ranks together look at these images. The loss travels with the gradient.
digits::findings look_together(chorus::communicator& comm, std::span<digits::image const> images,
                               std::vector<double> const& w) {
    auto found = digits::nothing_found();
    auto const rank = static_cast<std::size_t>(comm.rank()), size = static_cast<std::size_t>(comm.size());
    for (std::size_t i = rank; i < images.size(); i += size) digits::look_at(images[i], w, found);
    chorus::all_reduce(comm, found); // the same bits on all ranks, so that their networks stay equal
    return found;
}

std::vector<double> train(chorus::communicator& comm, std::span<digits::image const> images) {
    constexpr std::size_t batch = 25, known = 1500; // the rest is for the exam
    auto const lessons = images.first(known), exam = images.subspan(known);
    auto w = digits::untrained();
    for (int epoch = 1; epoch <= 16; ++epoch) {
        double loss = 0;
        for (std::size_t begin = 0; begin < known; begin += batch) {
            auto const found = look_together(comm, lessons.subspan(begin, batch), w);
            for (std::size_t i = 0; i < w.size(); ++i) w[i] -= 0.2 / batch * found[i];
            loss += digits::loss(found);
        }
        auto const passed = digits::right(look_together(comm, exam, w));
        if (comm.rank() == 0 && (epoch & (epoch - 1)) == 0)
            std::printf("%d ranks, epoch %d: loss %.3f, reads %d of %zu new digits\n", comm.size(), epoch, loss / known,
                        passed, exam.size());
    }
    return w;
}

int main(int argc, char** argv) {
    auto const images = digits::read(argc > 1 ? argv[1] : "examples/data/optdigits.txt");
    if (images.empty()) return std::puts("cannot read examples/data/optdigits.txt from here"), 1;

    std::vector<double> alone;
    for (int ranks : {1, 2, 4})
        chorus::run_threads(ranks, [&](chorus::communicator& comm) {
            auto const w = train(comm, images);
            if (comm.rank() != 0) return;
            if (ranks == 1) alone = w;
            double difference = 0;
            for (std::size_t i = 0; i < w.size(); ++i) difference = std::max(difference, std::abs(w[i] - alone[i]));
            if (ranks > 1)
                std::printf("weights differ from one rank's by rounding only: %s\n", difference < 1e-9 ? "yes" : "no");
        });
}
