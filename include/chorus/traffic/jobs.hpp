#pragma once
/// From jobs to the program that the simulator runs.

#include <chorus/algorithm/parse.hpp>
#include <chorus/network/file.hpp>
#include <chorus/network/placement.hpp>
#include <chorus/network/topology.hpp>
#include <chorus/traffic/algorithm.hpp>
#include <chorus/traffic/automatic.hpp>
#include <chorus/traffic/fit.hpp>
#include <chorus/traffic/job.hpp>
#include <chorus/traffic/phases.hpp>
#include <chorus/traffic/program.hpp>
#include <chorus/traffic/training.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace chorus::traffic {

namespace detail {

/// Appends one job's activities; `begin` are what they wait for (the job's start).
class job_builder {
public:
    job_builder(program& to, member& of, algorithm_reader algorithms, std::uint32_t job, std::vector<std::uint32_t> begin)
        : to_(to), of_(of), algorithms_(algorithms), job_(job), begin_(std::move(begin)) {}

    void operator()(training const& t) {
        of_.flops = static_cast<double>(t.global_batch * t.model.sequence) * t.model.training_flops_per_token();
        of_.peak = t.device_flops;
        of_.iterations = static_cast<std::uint64_t>(std::max<std::int64_t>(1, t.iterations));
        training_program builder(t, job_, to_, algorithms_);
        auto after = begin_;
        for (std::uint64_t i = 0; i < of_.iterations; ++i) after = builder.iteration(after);
    }
    void operator()(collective_job const& c) {
        auto const width = c.group > 0 ? c.group : c.ranks;
        parallel how;
        how.tensor = c.stride;
        how.data = c.ranks / c.stride;
        if (width < 1 || c.stride < 1 || c.ranks % (c.stride * width) != 0)
            chorus::detail::misuse({"groups of ", width, " ranks, ", c.stride, " apart, do not divide ", c.ranks, " ranks"});
        auto const groups = groups_along(how, 'd', width);
        activity one;
        one.name = std::string(name(c.what));
        one.times = c.times;
        check_algorithm(c.what, c.algorithm, width);
        if (width == 1) {
            one.phases = std::make_shared<std::vector<phase> const>();
            return void(add(std::move(one)));
        }
        if (c.algorithm == in_network) {
            one.reduced = std::make_shared<group_members const>(groups);
            one.bytes = c.bytes;
            return void(add(std::move(one)));
        }
        auto const shared = std::make_shared<group_members const>(groups);
        call const called{c.what, width, c.bytes};
        auto const all = phases_of(called, chosen(c, called, groups[0]));
        auto phases = std::make_shared<std::vector<phase>>();
        for (auto const& each : c.sample > 0 ? sample(all, c.sample, c.seed) : all)
            phases->push_back(groups.size() == 1 ? each : each.within(c.ranks, shared));
        one.phases = std::move(phases);
        add(std::move(one));
    }
    void operator()(transfer_job const& t) {
        if (t.prefill % t.prefill_tensor != 0 || t.decode % t.decode_tensor != 0)
            throw usage_error("chorus: a transfer's tensor groups should divide their ranks");
        check_heads(t.model, "prefill_tensor", t.prefill_tensor);
        check_heads(t.model, "decode_tensor", t.decode_tensor);
        auto const prompts = t.prefill / t.prefill_tensor, decoders = t.decode / t.decode_tensor;
        auto const bytes = t.model.kv_elements_per_token() * static_cast<double>(t.tokens) * t.element_bytes;
        std::vector<message> messages; // each holds the same number of heads of all layers: shares overlap as intervals do
        for (int prompt = 0; prompt < prompts; ++prompt)
            for (int i = 0; i < t.prefill_tensor; ++i)
                for (int k = 0; k < t.decode_tensor; ++k) {
                    auto const a = static_cast<double>(i) / t.prefill_tensor, b = static_cast<double>(k) / t.decode_tensor;
                    auto const share = std::min(a + 1.0 / t.prefill_tensor, b + 1.0 / t.decode_tensor) - std::max(a, b);
                    if (share > 1e-12)
                        messages.push_back({prompt * t.prefill_tensor + i, t.prefill + prompt % decoders * t.decode_tensor + k, bytes * share});
                }
        compute("prefill", t.compute);
        add(listed("keys and values", "transfer", {phase::listed(t.prefill + t.decode, std::move(messages))}));
    }
    void operator()(checkpoint_job const& c) {
        std::vector<message> messages;
        for (int r = 0; r < c.ranks; ++r) messages.push_back({r, c.ranks + r % c.storage, c.bytes / c.ranks});
        add(listed("checkpoint", "checkpoint", {phase::listed(c.ranks + c.storage, std::move(messages))}));
    }
    void operator()(message_job const& m) {
        auto const first = static_cast<std::uint32_t>(to_.activities.size());
        for (auto one : m.activities) {
            one.job = job_;
            for (auto& before : one.after) before += first;
            if (one.after.empty()) one.after = begin_;
            to_.add(std::move(one));
        }
    }

private:
    choice chosen(collective_job const& c, call const& of, std::vector<int> const& members) {
        auto how = algorithms_.read(c.algorithm, of, members);
        if (c.hierarchy == 0 || how.name != "hierarchical") return how;
        hierarchy levels;
        levels.group_of = group_of_equal(of.ranks, c.hierarchy);
        levels.inside = parse_choice(c.inside, 0);
        levels.between = parse_choice(c.between, 0);
        how.levels = std::make_shared<hierarchy const>(std::move(levels));
        return how;
    }
    static activity listed(std::string name, std::string kind, std::vector<phase> phases) {
        activity one;
        one.name = std::move(name);
        one.kind = std::move(kind);
        one.phases = std::make_shared<std::vector<phase> const>(std::move(phases));
        return one;
    }
    std::uint32_t add(activity one) {
        if (one.kind == "compute") one.kind = "collective";
        one.job = job_;
        one.after = begin_;
        return to_.add(std::move(one));
    }
    /// What comes next waits for so many seconds.
    void compute(std::string name, double seconds) {
        if (seconds <= 0) return;
        activity one;
        one.name = std::move(name);
        one.seconds = seconds;
        one.job = job_;
        one.after = begin_;
        begin_ = {to_.add(std::move(one))};
    }

    program& to_;
    member& of_;
    algorithm_reader algorithms_;
    std::uint32_t job_;
    std::vector<std::uint32_t> begin_;
};

} // namespace detail

/// How many ranks a job has.
inline int ranks_of(job const& of) {
    struct count {
        int operator()(training const& t) const { return t.how.ranks(); }
        int operator()(collective_job const& c) const { return c.ranks; }
        int operator()(transfer_job const& t) const { return t.prefill + t.decode; }
        int operator()(checkpoint_job const& c) const { return c.ranks + c.storage; }
        int operator()(message_job const& m) const { return m.ranks; }
    };
    return std::visit(count{}, of.what);
}

namespace detail {

inline void append_job(job const& each, std::uint32_t j, topology const& on, double step_overhead, program& result) {
    auto const place = each.origin.empty() ? "job " + each.name : each.origin;
    auto& to = result.jobs[j];
    to.name = each.name;
    auto const places = told_with_place(place + (each.origin.empty() ? ": placement" : "/placement"), [&] { return parse_placement(each.placement, on, each.said_in); });
    auto const count = static_cast<std::size_t>(ranks_of(each));
    if (each.first + count > places.size())
        chorus::detail::misuse({place, ": ", count, " ranks from place ", each.first, " on do not fit ", places.size(), " endpoints of ", on.text()});
    to.ranks.assign(places.begin() + each.first, places.begin() + each.first + static_cast<std::ptrdiff_t>(count));
    std::vector<std::uint32_t> begin;
    if (each.start > 0) {
        activity wait;
        wait.name = wait.kind = "wait";
        wait.seconds = each.start;
        wait.job = j;
        begin = {result.add(std::move(wait))};
    }
    told_with_place(place, [&] { return std::visit(job_builder(result, to, algorithm_reader(on, step_overhead, to), j, std::move(begin)), each.what), 0; });
}

} // namespace detail

/// All jobs as one program on that topology. Throws usage_error, with the job's name or place, where one does not fit.
/// `step_overhead` counts where algorithms are chosen automatically.
inline program program_of(std::vector<job> const& jobs, topology const& on, double step_overhead = 0) {
    program result;
    result.jobs.resize(jobs.size());
    for (std::uint32_t j = 0; j < jobs.size(); ++j) detail::append_job(jobs[j], j, on, step_overhead, result);
    return result;
}

} // namespace chorus::traffic
