#include "measure.hpp"

#include "text.hpp"

#include <chorus/pattern/groups.hpp>
#include <chorus/runtime/calibrate.hpp>
#include <chorus/transport/transport.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>

namespace chorus::tools {

namespace {

using seconds = std::chrono::duration<double>;

double since(chorus::clock::time_point start) { return seconds(chorus::clock::now() - start).count(); }

std::string describe(collective what, std::string const& algorithm) {
    return std::string(name(what)) + " " + algorithm;
}

} // namespace

double bus_factor(collective what, int ranks) {
    auto const p = static_cast<double>(ranks);
    switch (what) {
    case collective::all_reduce:
        return 2 * (p - 1) / p;
    case collective::all_gather:
    case collective::reduce_scatter:
    case collective::all_to_all:
    case collective::gather:
    case collective::scatter:
        return (p - 1) / p;
    default:
        return 1;
    }
}

bench::bench(communicator& comm, bench_options const& how, algorithms const& known, listener* hears)
    : comm_(comm),
      how_(how),
      known_(known),
      hears_(hears),
      input_(how.shared_memory ? &comm : nullptr),
      output_(how.shared_memory ? &comm : nullptr),
      barrier_(tool_call(collective::barrier, "dissemination", copy_kernel<unsigned char>())) {
    auto const types = element_types();
    type_ = &*std::find_if(types.begin(), types.end(), [&](auto const& each) { return each.name == how.type; });
    barrier_.in_place = true;
}

bool bench::run() {
    auto const rows = plan();
    if (!how_.tuning.empty() && !use_tuning(comm_, how_.tuning))
        throw usage_error(fmt::format("--tuning: {} says nothing of these ranks on this transport and machine", how_.tuning));
    if (hears_ != nullptr) hears_->starts(comm_.size());
    latency_ = message_latency();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (hears_ != nullptr)
            hears_->progress(i, rows.size(),
                             describe(rows[i].what, rows[i].algorithm) + fmt::format(" {} B", rows[i].bytes));
        measure(rows[i]);
    }
    if (hears_ != nullptr) hears_->progress(rows.size(), rows.size(), "");
    if (!any_measured_) throw usage_error("nothing was measured: this transport has none of these algorithms");
    return all_correct_;
}

// What to measure.

choice bench::choice_for(std::string const& algorithm) const {
    auto how = known_.parse(algorithm, comm_.size());
    if (how.name != "hierarchical" || how_.groups.empty()) return how;
    if (how.levels && !how.levels->group_of.empty()) return how;
    auto const separator = algorithm.find(':') == std::string::npos ? ":" : ",";
    return known_.parse(algorithm + separator + "groups=" + how_.groups, comm_.size());
}

bool bench::can_cut(collective what, std::size_t bytes) {
    if (cuts_evenly(what, bytes, type_->bytes, comm_.size())) return true;
    auto const whole = has_blocks(what) && how_.sizes.range && bytes % type_->bytes == 0;
    auto const why = has_blocks(what) ? fmt::format("{} blocks of {}", comm_.size(), type_->name)
                                      : std::string(type_->name) + " elements";
    auto const text = fmt::format("{} bytes cannot be cut into {} for {}", bytes, why, name(what));
    if (!whole)
        throw usage_error(fmt::format("--bytes: {}; allowed are multiples of {}", text,
                                      type_->bytes * (has_blocks(what) ? static_cast<std::size_t>(comm_.size()) : 1)));
    skip(text);
    return false;
}

void bench::skip(std::string const& why) {
    if (hears_ != nullptr && said_.insert(why).second) hears_->skipped(why);
}

std::vector<bench::row> bench::plan() {
    std::vector<row> rows;
    std::vector<choice> choices;
    for (auto const& each : how_.algorithms) choices.push_back(choice_for(each));
    for (auto const what : how_.collectives) {
        if (what == collective::barrier) {
            for (std::size_t i = 0; i < choices.size(); ++i) rows.push_back({what, how_.algorithms[i], choices[i], 0});
            continue;
        }
        if (how_.op == operator_id::average && (what == collective::scan || what == collective::exclusive_scan)) {
            skip(std::string(name(what)) + " has no average");
            continue;
        }
        for (auto const bytes : how_.sizes.bytes)
            if (can_cut(what, bytes))
                for (std::size_t i = 0; i < choices.size(); ++i)
                    rows.push_back({what, how_.algorithms[i], choices[i], bytes});
    }
    std::erase_if(rows, [&](row const& each) {
        auto const absent = !each.how.automatic() && find(known_.of(each.what), each.how.name) == nullptr;
        if (absent) skip(fmt::format("{} has no {}", name(each.what), each.how.name));
        return absent;
    });
    if (rows.empty()) throw usage_error("nothing is left to be measured: no collective has these algorithms and sizes");
    return rows;
}

// How to measure it.

void bench::measure(row const& what) {
    job on(comm_, what.what, what.bytes, *type_, how_, input_, output_);
    on.call().entries = known_.of(what.what);
    on.call().how = what.how;
    measurement line;
    try { // depends on nothing but what is equal on all ranks
        line.chosen = to_string(comm_.chosen(on.call()));
    } catch (usage_error const& why) {
        auto const text = std::string(why.what());
        return skip(describe(what.what, what.algorithm) + ": " + text.substr(text.rfind(": ") + 2));
    }
    auto const bound = bound_us(on, what.bytes);
    wrong_ = verified(on) ? 0 : 1;
    on.write_all_inputs();
    auto const run = [&](std::size_t turn) { return compared(on, turn); };
    auto const iterations = how_.iterations > 0 ? how_.iterations : iterations_for(on, 0.3, run);
    auto samples = sample(on, iterations, run);
    wrong_ += verified(on) ? 0 : 1;
    std::vector<double> wrong{static_cast<double>(wrong_)};
    most_of_all(wrong);
    line.correct = wrong[0] == 0;
    all_correct_ = all_correct_ && line.correct;
    any_measured_ = true;
    if (hears_ == nullptr) return;

    for (auto& each : samples) each *= 1e6;
    auto sorted = samples;
    std::sort(sorted.begin(), sorted.end());
    auto const quantile = [&](double share) {
        return sorted[static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size()))) - 1];
    };
    line.what = what.what;
    line.algorithm = what.algorithm;
    line.ranks = comm_.size();
    line.bytes = what.bytes;
    line.iterations = iterations;
    line.min_us = sorted.front();
    line.median_us = quantile(0.5);
    line.p99_us = quantile(0.99);
    line.alg_GBps = static_cast<double>(what.bytes) / line.median_us * 1e-3;
    line.bus_GBps = line.alg_GBps * bus_factor(what.what, comm_.size());
    line.bound_percent = 100 * bound / line.median_us;
    hears_->measured(line, samples);
}

bool bench::verified(job& on) {
    on.place(0);
    on.write_input();
    on.spoil_output();
    comm_.run(on.call());
    return on.output_is_right();
}

double bench::bound_us(job& on, std::size_t bytes) {
    auto const what = on.call().what;
    auto const folds = what == collective::reduce || what == collective::reduce_scatter;
    auto const kind = what == collective::barrier                                 ? 0
                      : folds                                                     ? 1
                      : what == collective::gather || what == collective::scatter ? 2
                                                                                  : 3;
    auto const [known, is_new] = memory_.try_emplace({kind, bytes}, 0.0);
    if (is_new && kind != 0) {
        auto const work = [&](std::size_t) { return timed([&] { on.touch_memory(); }); };
        auto const times = sample(on, iterations_for(on, 0.05, work), work);
        known->second = *std::min_element(times.begin(), times.end());
    }
    return 1e6 * std::max(latency_, known->second);
}

/// Seconds of this rank. All ranks begin together.
template <class Work>
double bench::timed(Work work) {
    barrier();
    auto const start = chorus::clock::now();
    work();
    return since(start);
}

/// One iteration of the collective, and whether all of its result is right. Only the collective is timed.
double bench::compared(job& on, std::size_t turn) {
    if (how_.buffers == buffer_mode::rewritten) on.write_input(turn);
    on.mark_output(turn);
    auto const seconds = timed([&] { comm_.run(on.call()); });
    barrier(); // a rank that shares its processor would else be charged for what another reads and writes
    wrong_ += on.output_is_right() ? 0 : 1;
    return seconds;
}

template <class Work>
std::vector<double> bench::sample(job& on, std::size_t iterations, Work work) {
    std::vector<double> times;
    times.reserve(iterations);
    for (std::size_t i = 0; i < iterations; ++i) {
        on.place(i);
        times.push_back(work(i));
    }
    most_of_all(times);
    return times;
}

/// So many iterations that they take about this long, as rank 0 sees it.
template <class Work>
std::size_t bench::iterations_for(job& on, double seconds, Work work) {
    constexpr double least = 5, most = 20'000;
    double wanted = least;
    for (auto const probe : {1, 4, 200}) { // the first touches what is touched once
        if (probe > wanted) break;
        auto const start = chorus::clock::now();
        sample(on, static_cast<std::size_t>(probe), work);
        auto const each = since(start) / probe;
        wanted = static_cast<double>(as_rank_0_says(static_cast<std::size_t>(std::clamp(seconds / each, least, most))));
    }
    return static_cast<std::size_t>(wanted);
}

// What the measurement itself sends.

operation bench::tool_call(collective what, std::string_view algorithm, kernel const& fold) const {
    operation call;
    call.what = what;
    call.fold = fold;
    call.how.name = algorithm;
    call.entries = known_.of(what);
    return call;
}

void bench::barrier() { comm_.run(barrier_); }

void bench::most_of_all(std::vector<double>& values) {
    auto call = tool_call(collective::all_reduce, "tree", make_kernel<double>(maximum{}));
    call.in_place = true;
    call.output = values.data();
    call.lengths.uniform = values.size();
    comm_.run(call);
}

std::size_t bench::as_rank_0_says(std::size_t value) {
    std::uint64_t said = value;
    auto call = tool_call(collective::broadcast, "binomial", copy_kernel<std::uint64_t>());
    call.in_place = true;
    call.output = &said;
    call.lengths.uniform = 1;
    comm_.run(call);
    return said;
}

/// Half a round trip of the smallest message between ranks 0 and 1, the least of many.
double bench::message_latency() {
    constexpr int rounds = 300;
    if (comm_.size() < 2) return 0;
    std::uint64_t word = 0;
    auto call = tool_call(collective::send_recv, "", copy_kernel<std::uint64_t>());
    call.input = call.output = &word;
    call.lengths.uniform = 1;
    auto least = std::numeric_limits<double>::max();
    barrier();
    for (int i = 0; i < rounds && comm_.rank() < 2; ++i) {
        auto const peer = 1 - comm_.rank();
        auto const start = chorus::clock::now();
        comm_.start_message(call, peer, comm_.rank() == 0).wait();
        comm_.start_message(call, peer, comm_.rank() == 1).wait();
        least = std::min(least, since(start));
    }
    barrier();
    std::vector<double> seen{comm_.rank() == 0 ? least / 2 : 0};
    most_of_all(seen);
    return seen[0];
}

} // namespace chorus::tools
