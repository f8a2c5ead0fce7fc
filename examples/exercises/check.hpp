#pragma once
/// What the exercises share: is it right? If not, what is wrong?

#include <chorus/algorithm/record.hpp>
#include <chorus/chorus.hpp>
#include <chorus/schedule/print.hpp>
#include <chorus/verify/verify.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace exercise {

/// Calls `f(comm)` on as many ranks; prints what is thrown. A wait without progress ends after a second.
template <class F>
bool runs(int ranks, F f) {
    try {
        chorus::run_threads(ranks, {.timeout = std::chrono::seconds(1)}, f);
        return true;
    } catch (chorus::error const& e) {
        std::cout << "wrong: " << e.what() << "\n";
        return false;
    }
}

/// Proves the algorithm on 1 to 9 ranks and from all roots, and that it takes `rounds(ranks)` rounds at most. Prints
/// what is wrong first, and draws it.
template <chorus::collective What, class F>
bool proves(
    F const& algorithm, int (*rounds)(int) = [](int ranks) { return 2 * ranks; }) {
    auto const how = chorus::custom_choice<What>(algorithm);
    for (int ranks = 1; ranks <= 9; ++ranks)
        for (int root = 0; root < (chorus::has_root(What) ? ranks : 1); ++root) {
            std::vector<chorus::schedule> all;
            for (int rank = 0; rank < ranks; ++rank)
                all.push_back(chorus::record({What, rank, ranks, root, true, false, 1}, how.custom, how));
            auto const found = chorus::verify(all);
            if (found.correct && found.cost.rounds <= rounds(ranks)) continue;
            std::cout << "on " << ranks << " ranks: ";
            if (found.correct)
                std::cout << "right, but it takes " << found.cost.rounds << " rounds; " << rounds(ranks)
                          << " are enough\n\n";
            else
                std::cout << "wrong: " << found.explanation << "\n\n";
            chorus::print::drawing_options options;
            options.mark.rank = found.faulty_rank;
            options.mark.step = found.faulty_step;
            std::cout << chorus::print::space_time_text(all, options);
            return false;
        }
    return true;
}

/// To be returned from main.
inline int verdict(bool right) {
    std::cout << (right ? "right\n" : "");
    return right ? 0 : 1;
}

} // namespace exercise
