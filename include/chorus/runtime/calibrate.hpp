#pragma once
/// What the automatic choice may know beyond the transport's built-in estimates. Nothing of this happens by itself: a program
/// says so, in one collective line, right after it has its first communicator (docs/decisions/0012-calibration-is-asked-for.md).
///
///     chorus::use_tuning(comm);    what `chorus tune` has found out about this machine, where there is such a file
///     chorus::calibrate(comm);     measures the cost model now, in less than a second
///     chorus::refine(comm, chorus::collective::all_reduce, 1 << 20);    measures the candidates for one call
///     chorus::save_tuning(comm);   keeps what is known for the next run

#include <chorus/algorithm/catalogue.hpp>
#include <chorus/core/plain_vector.hpp>
#include <chorus/runtime/allocate.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/runtime/measure.hpp>
#include <chorus/tuning/file.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

/// Where the buffers of calls are: in memory of the rank's own, or of `allocate`, which peers read directly on transports that can.
enum class memory_kind { own, shared };

namespace detail {

/// The probes, as pages over a vector whose halves are two messages: all ranks at once, each to its right neighbour.
inline constexpr int probe_rounds = 8, probe_burst = 16;

template <bool Folds>
void probe_chain(record_sink& sink, arguments const& args) {
    auto const next = (sink.rank() + 1) % sink.size(), prev = (sink.rank() + sink.size() - 1) % sink.size();
    for (int round = 0; round < probe_rounds; ++round) { // each message waits for the one before it
        sink.send(next, args.data.part(round % 2, 2));
        if constexpr (Folds) sink.recv_reduce(prev, args.data.part(1 - round % 2, 2));
        else sink.recv(prev, args.data.part(1 - round % 2, 2));
    }
}
inline void probe_independent(record_sink& sink, arguments const& args) {
    auto const next = (sink.rank() + 1) % sink.size(), prev = (sink.rank() + sink.size() - 1) % sink.size();
    for (int i = 0; i < probe_burst; ++i) {
        sink.send(next, args.data.part(i, 2 * probe_burst));
        sink.recv(prev, args.data.part(probe_burst + i, 2 * probe_burst));
    }
}

class calibration {
public:
    explicit calibration(communicator& comm) : comm_(comm), memory_(2 * large / sizeof(float)) {}

    void run(tuning_table& into) {
        auto& speed = into.speed;
        auto const transport = speed; // what cannot be measured stays: where messages stop being eager, segments
        into.copy_per_byte = copying();
        if (comm_.size() < 2) return;
        into.flag_latency = flag();
        speed.latency = chain(&probe_chain<false>, 8);
        speed.per_message = std::max(0.0, (time(&probe_independent, probe_burst * 8) - speed.latency) / (probe_burst - 1));
        auto const moved = chain(&probe_chain<false>, large);
        speed.rendezvous = 0;
        speed.per_byte = positive((moved - speed.latency) / large);
        if (transport.eager_bytes > 0) {
            auto const longer = 4 * transport.eager_bytes;
            auto const met = chain(&probe_chain<false>, longer);
            speed.rendezvous = std::max(0.0, met - speed.latency - static_cast<double>(longer) * speed.per_byte);
            speed.per_byte = positive((moved - speed.latency - speed.rendezvous) / large);
        }
        speed.per_byte_folded = positive((chain(&probe_chain<true>, large) - moved) / large);
    }

private:
    static constexpr std::size_t large = std::size_t{1} << 20;
    static constexpr double budget = 0.05; ///< of each of at most seven probes
    static double positive(double value) { return std::max(value, 1e-13); }

    /// Seconds of one run of the page on messages of that size.
    double time(record_function page, std::size_t bytes) {
        std::plus<> const sum;
        operation call;
        call.what = collective::all_reduce;
        call.fold = make_kernel<float>(sum);
        call.in_place = true;
        call.how.custom = page;
        call.how.determinism = 2;
        call.how.segments = 1;
        call.output = memory_.data();
        call.lengths.uniform = 2 * bytes / sizeof(float);
        return agreed_seconds(comm_, budget, 1, 0, [] {}, [&] { comm_.run(call); });
    }
    double chain(record_function page, std::size_t bytes) { return time(page, bytes) / probe_rounds; }

    double copying() {
        auto* const from = reinterpret_cast<std::byte*>(memory_.data());
        return agreed_seconds(comm_, budget / 4, 1, 0, [] {}, [&] { std::memcpy(from + large, from, large); }) / large;
    }
    /// Half of the shortest round trip between ranks 0 and 1.
    double flag() {
        auto least = 1.0;
        int word = 0;
        std::span<int, 1> const message(&word, 1);
        auto const peer = 1 - comm_.rank();
        auto const start = clock::now();
        for (int i = 0; i < 200 && comm_.rank() < 2; ++i) {
            auto const now = clock::now();
            // Both say when it is enough, so that nobody waits for a message that does not come.
            if (comm_.rank() == 0) word = seconds_since(start) > budget / 2 ? 1 : 0;
            if (comm_.rank() == 0) send(comm_, message, peer);
            else recv(comm_, message, peer);
            auto const last = word != 0;
            if (comm_.rank() == 0) recv(comm_, message, peer);
            else send(comm_, message, peer);
            least = std::min(least, seconds_since(now));
            if (last) break;
        }
        std::vector<double> found{comm_.rank() == 0 ? least / 2 : 0};
        most_of_all(comm_, found);
        return found.front();
    }

    communicator& comm_;
    std::vector<float> memory_;
};

/// The times of one call, by algorithm.
class candidates {
public:
    candidates(communicator& comm, collective what, std::size_t bytes, memory_kind where) : comm_(comm) {
        auto const p = static_cast<std::size_t>(comm.size());
        auto const blocks = has_blocks(what) ? p : 1;
        call_.what = what;
        call_.fold = has_operator(what) ? make_kernel<float>(sum_) : copy_kernel<float>();
        call_.lengths.uniform = what == collective::barrier ? 0 : bytes / blocks / sizeof(float);
        call_.in_place = what == collective::broadcast || what == collective::barrier;
        call_.entries = entries_of(what);
        count_ = call_.lengths.uniform * blocks;
        for (auto* const each : {&input_, &output_}) {
            if (where == memory_kind::own) each->own.resize(count_);
            else each->shared = allocate<float>(comm, count_);
        }
        call_.input = call_.in_place ? nullptr : input_.data();
        call_.output = output_.data();
        if (what == collective::reduce && comm.rank() == 0) call_.in_place = false;
    }

    std::size_t bytes() const { return count_ * sizeof(float); }

    void measure(double budget, tuning_table& into) {
        auto best = std::numeric_limits<double>::max();
        for (auto const& entry : call_.entries) {
            if (entry.formula == nullptr && entry.record != nullptr) continue; // composed of others: never chosen
            call_.how.name = entry.name;
            if (!runs()) continue;
            auto const limit = best < 1 ? 8 * best : best; // what is far behind need not be known well
            auto const seconds = agreed_seconds(comm_, budget, limit, 0.25, [&] { rewrite(); }, [&] { comm_.run(call_); });
            best = std::min(best, seconds);
            into.note({call_.what, bytes(), std::string(entry.name), seconds});
        }
    }

private:
    struct buffer {
        std::vector<float> own;
        shared_buffer<float> shared; ///< one of the two is empty
        float* data() { return shared.size() > 0 ? shared.data() : own.data(); }
    };

    /// Depends on nothing but what is equal on all ranks.
    bool runs() {
        try {
            comm_.chosen(call_);
            return true;
        } catch (usage_error const&) {
            return false;
        }
    }
    /// What a rank sends, it has just written.
    void rewrite() {
        auto& what = call_.in_place ? output_ : input_;
        std::fill_n(what.data(), count_, 1.0f);
    }

    communicator& comm_;
    std::plus<> sum_;
    operation call_;
    std::size_t count_ = 0;
    buffer input_, output_;
};

inline std::shared_ptr<tuning_table> copy_of_tuning(communicator const& comm) {
    if (comm.tuning()) return std::make_shared<tuning_table>(*comm.tuning());
    auto made = std::make_shared<tuning_table>();
    made->speed = comm.shared_context()->transport().estimates();
    return made;
}

/// A table that is of other ranks (it was inherited) says nothing of these but its speed.
inline void for_these_ranks(communicator const& comm, tuning_table& table) {
    if (table.ranks != comm.size()) table.times.clear();
    table.ranks = comm.size();
}

/// The section of a file that is about these ranks, without its table.
[[gnu::cold]] inline tuning_section section_of(communicator const& comm) {
    std::vector<int> sizes;
    for (auto const host : comm.hosts()) {
        if (static_cast<std::size_t>(host) >= sizes.size()) sizes.resize(static_cast<std::size_t>(host) + 1);
        ++sizes[static_cast<std::size_t>(host)];
    }
    tuning_section made{std::string(comm.shared_context()->transport().name()), comm.size(), {}, {}};
    for (auto const size : sizes) append(made.hosts, {made.hosts.empty() ? "" : "+", size});
    return made;
}

} // namespace detail

/// Measures the cost model on these ranks in less than a second: latency, time per message, per byte moved and folded, the copy
/// bandwidth, the latency of a flag. From then on this communicator, and those split off from it, choose by it. Collective.
[[gnu::cold]] inline void calibrate(communicator& comm) {
    auto made = detail::copy_of_tuning(comm);
    made->speed = comm.shared_context()->transport().estimates();
    detail::calibration(comm).run(*made);
    made->calibrated = comm.size() > 1;
    made->source = "calibration";
    detail::for_these_ranks(comm, *made);
    comm.adopt(std::move(made));
}

/// Measures every algorithm that can serve the call, about `budget` seconds each; the fastest runs from then on. `bytes` of a
/// vector, or of all blocks together: rounded down to whole elements of four bytes. `where` is where the program's buffers are: ranks
/// must choose alike and cannot see each other's buffers, so a program that has both kinds refines two communicators. Collective.
[[gnu::cold]] inline void refine(communicator& comm, collective what, std::size_t bytes, double budget = 0.02, memory_kind where = memory_kind::own) {
    if (what == collective::send_recv) detail::misuse({"refine: messages have no algorithms"});
    auto made = detail::copy_of_tuning(comm);
    detail::for_these_ranks(comm, *made);
    detail::candidates(comm, what, bytes, where).measure(budget, *made);
    if (made->source.empty()) made->source = "refinement";
    comm.adopt(std::move(made));
}

/// Takes over what the file says of these ranks, on this transport and machine. Rank 0 reads; where it finds nothing, or the
/// ranks are not all on such machines, nothing changes, and the result is false. Collective.
[[gnu::cold]] inline bool use_tuning(communicator& comm, std::string const& path = default_tuning_path()) {
    tuning_file found;
    if (comm.rank() == 0)
        if (auto const file = read_tuning_file(path))
            if (auto const* const mine = file->find(detail::section_of(comm))) found.sections.push_back(*mine);
    found.machine = machine_fingerprint();

    auto const kind = detail::hash_text(found.machine);
    std::vector<std::uint32_t> kinds{kind, ~kind}; // all equal exactly if most and least are
    all_reduce(comm, kinds, maximum{}, tree{});
    auto text = to_text(found);
    std::vector<std::uint64_t> size{found.sections.empty() || kinds[0] != ~kinds[1] ? 0 : text.size()};
    if (comm.rank() == 0 && !found.sections.empty() && size[0] == 0)
        std::fprintf(stderr, "chorus: the tuning file %s is ignored: the ranks are on different machines\n", path.c_str());
    broadcast(comm, size, 0, binomial{});
    if (size[0] == 0) return false;
    text.resize(size[0]);
    broadcast(comm, text, 0, binomial{});
    auto made = std::make_shared<tuning_table>(parse_tuning(text).sections.at(0).table);
    made->source = "a tuning file";
    comm.adopt(std::move(made));
    return true;
}

/// Keeps what this communicator knows in the file, beside what it says of other ranks. Rank 0 writes, and throws an `error` where
/// that fails; the others do not wait for it.
[[gnu::cold]] inline void save_tuning(communicator const& comm, std::string const& path = default_tuning_path()) {
    if (comm.rank() != 0 || !comm.tuning()) return;
    if (path.empty()) detail::misuse({"save_tuning: neither CHORUS_TUNING nor XDG_CACHE_HOME nor HOME is set"});
    auto file = read_tuning_file(path).value_or(tuning_file{});
    file.machine = machine_fingerprint();
    auto section = detail::section_of(comm);
    section.table = *comm.tuning();
    file.put(std::move(section));
    write_tuning_file(path, file);
}

} // namespace chorus
