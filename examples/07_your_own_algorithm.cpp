// An algorithm of one's own: a callable without state that tells a sink what a rank sends and receives. Given as the
// last argument it runs like the library's, blocking, asynchronous or persistent, on every transport; `verify` proves
// it.
#include <chorus/algorithm/record.hpp>
#include <chorus/chorus.hpp>
#include <chorus/verify/verify.hpp>

#include <cstdio>
#include <vector>

/// Everything goes to rank 0, which folds and sends the result back: simple, and slow for many ranks.
struct star {
    static constexpr std::string_view name = "star"; // what error messages call it

    template <chorus::schedule_sink Sink>
    void operator()(Sink& sink, chorus::slice_list const& data) const {
        if (sink.rank() == 0) {
            for (int other = 1; other < sink.size(); ++other) sink.recv_reduce(other, data);
            for (int other = 1; other < sink.size(); ++other) sink.send(other, data);
        } else {
            sink.send(0, data);
            sink.recv(0, data);
        }
    }
};

int main() {
    // Loops and branches depend on rank and size, never on data: so the steps can be recorded, and proven.
    for (int ranks : {1, 2, 5, 16}) {
        auto const mine = chorus::custom_choice<chorus::collective::all_reduce>(star{});
        std::vector<chorus::schedule> all;
        for (int rank = 0; rank < ranks; ++rank)
            all.push_back(chorus::record({.rank = rank, .ranks = ranks}, mine.custom, mine));
        auto const found = chorus::verify(all, {.keeps_order = true}); // also right where a op b is not b op a
        std::printf("%2d ranks: %s, %d rounds, at most %d messages sent by a rank\n", ranks,
                    found.correct ? "right" : found.explanation.c_str(), found.cost.rounds, found.cost.messages);
    }

    chorus::run_threads(5, [](chorus::communicator& comm) {
        std::vector<int> data(1000, comm.rank());
        chorus::all_reduce(comm, data, std::plus<>{}, star{});
        if (comm.rank() == 0) std::printf("0 + 1 + 2 + 3 + 4 = %d\n", data[0]);

        // A lambda will do. A broadcast's page gets the root, too; see include/chorus/algorithm/custom.hpp for the
        // others.
        std::vector<int> word{comm.rank() == 2 ? 42 : 0};
        chorus::broadcast(comm, word, 2, [](auto& sink, auto const& whole, int root) {
            for (int other = 0; other < sink.size(); ++other) {
                if (other == root) continue;
                if (sink.rank() == root) sink.send(other, whole);
                if (sink.rank() == other) sink.recv(root, whole);
            }
        });
        if (comm.rank() == 0) std::printf("rank 2 says %d\n", word[0]);
    });
}
