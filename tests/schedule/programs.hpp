#pragma once
/// Random programs, and a machine that carries out schedules step by step on data: what recorder tests compare with.

#include <chorus/schedule/recorder.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <tuple>
#include <vector>

namespace programs {

using namespace chorus;
using random_source = std::mt19937;

inline int pick(random_source& random, int first, int last) {
    return std::uniform_int_distribution<int>(first, last)(random);
}

/// A sink that does nothing clever: one step per call, one after the other, every copy made.
class plain_sink {
public:
    plain_sink(collective what, int rank, int ranks, std::vector<std::int32_t> input,
               std::vector<std::int32_t> output) {
        result.what = what;
        result.rank = rank;
        result.ranks = ranks;
        for (auto* const blocks : {&input, &output})
            result.buffers.push_back({*blocks, {}, {static_cast<std::int32_t>(blocks->size()), 0, 1}});
    }
    void send(int peer, slice_list const& data) { add({step_kind::send, side::right, 0, peer, 0, 0, data, {}}); }
    void recv(int peer, slice_list const& data) { add({step_kind::recv, side::right, 0, peer, 0, 0, {}, data}); }
    void recv_reduce(int peer, slice_list const& data, side received) {
        add({step_kind::recv_reduce, received, 0, peer, 0, 0, data, data});
    }
    void copy(slice_list const& from, slice_list const& to) {
        add({step_kind::copy, side::right, 0, -1, 0, 0, from, to});
    }
    void reduce(slice_list const& from, slice_list const& into, side received) {
        add({step_kind::reduce, received, 0, -1, 0, 0, from, into});
    }
    slice_list scratch(slice_list const& data) {
        auto const like = data[0];
        auto const id = static_cast<buffer_id>(result.buffers.size());
        result.buffers.push_back(result.buffers[std::size_t(like.buffer)]);
        return slice{id, like.begin, like.end};
    }

    schedule result;

private:
    void add(step s) {
        s.index = static_cast<std::int32_t>(result.steps.size());
        result.steps.push_back(std::move(s));
        result.predecessors.emplace_back();
        if (s.index > 0) result.predecessors.back().push_back(s.index - 1);
    }
};

/// One call of a sink by one rank.
struct statement {
    step_kind kind;
    int rank;
    int peer;
    side received;
    slice_list source, target;
};

/// What all ranks say, in an order in which it could happen.
struct program {
    collective what;
    int ranks;
    std::vector<std::int32_t> blocks; ///< of input and output; two scratch buffers mirror the output
    std::vector<statement> statements;

    template <class Sink>
    void say(Sink& sink, int rank, slice const& output) const {
        sink.scratch(output);
        sink.scratch(output);
        for (auto const& s : statements) {
            if (s.rank != rank) continue;
            switch (s.kind) {
            case step_kind::send:
                sink.send(s.peer, s.source);
                break;
            case step_kind::recv:
                sink.recv(s.peer, s.target);
                break;
            case step_kind::recv_reduce:
                sink.recv_reduce(s.peer, s.target, s.received);
                break;
            case step_kind::copy:
                sink.copy(s.source, s.target);
                break;
            case step_kind::reduce:
                sink.reduce(s.source, s.target, s.received);
                break;
            case step_kind::finish:
                break;
            }
        }
    }

    std::vector<schedule> recorded(int segments) const {
        std::vector<schedule> result;
        for (int rank = 0; rank < ranks; ++rank) {
            recorder into(what, rank, ranks, blocks, blocks, segments);
            record_sink sink(into);
            say(sink, rank, into.whole(output_buffer));
            result.push_back(std::move(into).finish());
        }
        return result;
    }
    std::vector<schedule> spoken() const {
        std::vector<schedule> result;
        for (int rank = 0; rank < ranks; ++rank) {
            plain_sink sink(what, rank, ranks, blocks, blocks);
            say(sink, rank, {output_buffer, {}, {static_cast<std::int32_t>(blocks.size()), 0, 1}});
            result.push_back(std::move(sink.result));
        }
        return result;
    }
};

/// Some disjoint pieces of a buffer, in any order.
inline std::vector<slice> random_pieces(random_source& random, int blocks) {
    slice const whole{output_buffer, {}, {blocks, 0, 1}};
    std::vector<slice> pieces;
    auto const cuts = blocks == 1 ? std::vector{1, 2, 3, 4, 6}[std::size_t(pick(random, 0, 4))] : blocks;
    for (int i = 0; i < cuts; ++i) {
        auto piece = blocks == 1 ? whole.part(i, cuts) : whole.block(i);
        if (blocks > 1 && pick(random, 0, 3) == 0) piece = piece.part(pick(random, 0, 1), 2);
        pieces.push_back(piece);
    }
    std::shuffle(pieces.begin(), pieces.end(), random);
    pieces.resize(std::size_t(pick(random, 1, std::min(3, cuts))));
    return pieces;
}

inline slice_list in_buffer(std::vector<slice> pieces, buffer_id buffer) {
    slice_list result;
    for (auto& each : pieces) {
        each.buffer = buffer;
        result += each;
    }
    return result;
}

inline program random_program(random_source& random) {
    program result{collective::all_reduce, pick(random, 1, 4), {0}, {}};
    if (pick(random, 0, 1) == 1) {
        result.what = collective::all_gather;
        result.blocks.resize(std::size_t(pick(random, 2, 5)));
        for (std::size_t i = 0; i < result.blocks.size(); ++i) result.blocks[i] = static_cast<std::int32_t>(i);
    }
    auto const length = pick(random, 1, 25);
    for (int i = 0; i < length; ++i) {
        auto const pieces = random_pieces(random, static_cast<int>(result.blocks.size()));
        auto const from = pick(random, 0, 3), to = (from + pick(random, 1, 3)) % 4;
        auto const source = in_buffer(pieces, from), target = in_buffer(pieces, to == input_buffer ? from : to);
        auto const received = pick(random, 0, 1) == 0 ? side::left : side::right;
        auto const rank = pick(random, 0, result.ranks - 1), peer = pick(random, 0, result.ranks - 1);
        auto const folds = pick(random, 0, 1) == 1;
        if (rank == peer) {
            if (to == input_buffer) continue;
            result.statements.push_back(
                {folds ? step_kind::reduce : step_kind::copy, rank, -1, received, source, target});
        } else {
            auto const into = in_buffer(pieces, pick(random, 1, 3));
            result.statements.push_back({step_kind::send, rank, peer, side::right, source, {}});
            result.statements.push_back(
                {folds ? step_kind::recv_reduce : step_kind::recv, peer, rank, received, {}, into});
        }
    }
    return result;
}

/// Memory of all ranks, and the meaning of the steps. The operator is neither commutative nor associative.
class machine {
public:
    using values = std::vector<std::uint64_t>;

    /// `lengths[k]` elements in block k of the collective. What the memory holds depends on place and seed alone.
    machine(std::vector<schedule> const& ranks, std::vector<std::size_t> lengths, std::uint64_t seed)
        : ranks_(ranks),
          lengths_(std::move(lengths)) {
        for (std::size_t r = 0; r < ranks.size(); ++r) {
            auto& buffers = memory_.emplace_back();
            for (std::size_t b = 0; b < ranks[r].buffers.size(); ++b) {
                std::size_t size = 0;
                for (auto const block : ranks[r].buffers[b].blocks) size += lengths_[std::size_t(block)];
                std::mt19937_64 content(seed * 1000 + r * 10 + b);
                values elements(size);
                for (auto& each : elements) each = content();
                buffers.push_back(std::move(elements));
            }
        }
    }

    values const& output(std::size_t rank) const { return memory_[rank][output_buffer]; }
    values const& input(std::size_t rank) const { return memory_[rank][input_buffer]; }

    /// Carries out the steps in any order that predecessors and the order of messages allow. False if it gets stuck.
    bool run(random_source& random) {
        std::vector<std::vector<bool>> done;
        for (auto const& each : ranks_) done.emplace_back(each.steps.size(), false);
        for (;;) {
            std::vector<std::pair<std::size_t, std::size_t>> ready;
            auto finished = true;
            for (std::size_t r = 0; r < ranks_.size(); ++r)
                for (std::size_t i = 0; i < ranks_[r].steps.size(); ++i) {
                    if (done[r][i]) continue;
                    finished = false;
                    if (may_run(r, i, done[r])) ready.emplace_back(r, i);
                }
            if (ready.empty()) return finished;
            auto const [r, i] = ready[std::size_t(pick(random, 0, static_cast<int>(ready.size()) - 1))];
            execute(r, ranks_[r].steps[i]);
            done[r][i] = true;
        }
    }

private:
    static bool same_channel(step const& a, step const& b) {
        return a.is_message() && b.is_message() && a.sends() == b.sends() && a.peer == b.peer && a.lane == b.lane;
    }
    bool may_run(std::size_t r, std::size_t i, std::vector<bool> const& done) {
        auto const& s = ranks_[r].steps[i];
        for (auto const before : ranks_[r].predecessors[i])
            if (!done[std::size_t(before)]) return false;
        for (std::size_t k = 0; k < i; ++k)
            if (!done[k] && same_channel(ranks_[r].steps[k], s)) return false;
        return !s.receives() || !channels_[{s.peer, static_cast<int>(r), s.lane}].empty();
    }

    template <class Visit>
    void for_each_element(std::size_t r, slice_list const& data, Visit visit) {
        for (auto const& each : data) {
            auto const& blocks = ranks_[r].buffers[std::size_t(each.buffer)].blocks;
            auto const element = [&](position const& at) {
                std::size_t before = 0;
                for (std::int32_t k = 0; k < at.block; ++k) before += lengths_[std::size_t(blocks[std::size_t(k)])];
                if (at.numerator == 0) return before;
                return before + resolve(at, lengths_[std::size_t(blocks[std::size_t(at.block)])]);
            };
            for (auto k = element(each.begin); k < element(each.end); ++k)
                visit(memory_[r][std::size_t(each.buffer)][k]);
        }
    }
    values read(std::size_t r, slice_list const& data) {
        values result;
        for_each_element(r, data, [&](std::uint64_t value) { result.push_back(value); });
        return result;
    }
    void write(std::size_t r, slice_list const& data, values const& content) {
        std::size_t k = 0;
        for_each_element(r, data, [&](std::uint64_t& value) { value = content.at(k++); });
        if (k != content.size()) throw usage_error("a step moves data between slices of different sizes");
    }
    static values folded(values const& mine, values const& other, side received) {
        values result(mine.size());
        for (std::size_t k = 0; k < mine.size(); ++k) {
            auto const left = received == side::left ? other.at(k) : mine[k];
            auto const right = received == side::left ? mine[k] : other.at(k);
            result[k] = left * 3 + right * right * 5 + 7;
        }
        return result;
    }
    void execute(std::size_t r, step const& s) {
        values incoming;
        if (s.receives()) {
            auto& channel = channels_[{s.peer, static_cast<int>(r), s.lane}];
            incoming = std::move(channel.front());
            channel.pop_front();
        }
        switch (s.kind) {
        case step_kind::send:
            channels_[{static_cast<int>(r), s.peer, s.lane}].push_back(read(r, s.source));
            break;
        case step_kind::recv:
            write(r, s.target, incoming);
            break;
        case step_kind::recv_reduce:
            write(r, s.target, folded(read(r, s.source), incoming, s.received));
            break;
        case step_kind::copy:
            write(r, s.target, read(r, s.source));
            break;
        case step_kind::reduce:
            write(r, s.target, folded(read(r, s.target), read(r, s.source), s.received));
            break;
        case step_kind::finish:
            break;
        }
    }

    std::vector<schedule> const& ranks_;
    std::vector<std::size_t> lengths_;
    std::vector<std::vector<values>> memory_;
    std::map<std::tuple<int, int, int>, std::deque<values>> channels_;
};

} // namespace programs
