#pragma once
/// One iteration of training as activities: what is computed, what is exchanged, and what can be hidden behind what.

#include <chorus/traffic/algorithm.hpp>
#include <chorus/traffic/automatic.hpp>
#include <chorus/traffic/experts.hpp>
#include <chorus/traffic/fit.hpp>
#include <chorus/traffic/job.hpp>
#include <chorus/traffic/phases.hpp>
#include <chorus/traffic/program.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace chorus::traffic {

/// Builds the activities of a training job. All replicas do the same at the same time, so that one timeline stands for
/// all. What blocks computation (tensor and expert exchanges of every layer) is summed over the iteration; its place in
/// the timeline does not change when the iteration ends.
///
///   forward, backward     global_batch / data sequences; a third and two thirds of the operations
///   tensor                4 all_reduces per layer and micro-batch (2 forward, 2 backward) of micro_batch * sequence *
///                         hidden activations, exposed. With `sequence`, the same bytes as reduce_scatter and all_gather
///   expert                4 all_to_alls per expert layer and micro-batch (there and back, twice), exposed
///   pipeline              activations to the next stage; the 2 (pipeline - 1) that fill and drain it are exposed, the
///                         others hidden behind computation. The bubble is (pipeline - 1) micro-batches
///   data                  gradients, in buckets, each as soon as its layers are through the last micro-batch's backward
///                         pass; the part of that pass that `overlap` names can hide it. Experts' gradients go among the
///                         ranks that hold the same experts
class training_program {
public:
    training_program(training const& what, std::uint32_t job, program& to, algorithm_reader algorithms)
        : t_(what), job_(job), to_(to), algorithms_(algorithms) {
        check(t_.how);
        check_fit(t_.model, t_.how);
        for_each_collective(t_, [](std::string_view, collective of, std::string const& by, int ranks) { check_algorithm(of, by, ranks); });
        auto const per_rank = t_.global_batch / t_.how.data;
        if (t_.global_batch < 1 || t_.global_batch % t_.how.data != 0 || t_.micro_batch < 1 || per_rank % t_.micro_batch != 0)
            throw usage_error("chorus: a global batch of " + std::to_string(t_.global_batch) + " should be a multiple of data=" +
                              std::to_string(t_.how.data) + " times the micro-batch of " + std::to_string(t_.micro_batch));
        micro_batches_ = static_cast<double>(per_rank / t_.micro_batch);
        make_exchanges();
    }

    /// Appends one iteration that begins after `after`; returns its last activities.
    std::vector<std::uint32_t> iteration(std::vector<std::uint32_t> after) {
        auto const third = compute_seconds() / 3, last = 2 * third / micro_batches_;
        auto const stages = t_.how.pipeline;
        after = {compute("forward", third, after)};
        after = exposed(after, 0.5);
        auto const hidden = stages > 1 ? pipeline_exchange(after, true) : 0;
        after = {compute("backward", 2 * third - last, after)};
        if (stages > 1) {
            after = {compute("bubble", 3 * third / micro_batches_ * (stages - 1), after)};
            after = {pipeline_exchange(after, false)};
        }
        after = exposed(after, 0.5);
        auto ends = gradients(after, last);
        if (stages > 1) ends.push_back(hidden);
        return ends;
    }

    /// Seconds that one rank computes in an iteration, without the bubble.
    double compute_seconds() const {
        auto const tokens = static_cast<double>(t_.global_batch * t_.model.sequence);
        return tokens * t_.model.training_flops_per_token() / t_.how.ranks() / (t_.device_flops * t_.compute_efficiency) * t_.straggler;
    }

private:
    double micro_elements() const { return static_cast<double>(t_.micro_batch * t_.model.sequence * t_.model.hidden); }

    exchange within(group_members const& groups, call of, std::string const& by) {
        of.ranks = static_cast<int>(groups[0].size());
        if (of.ranks == 1 || of.bytes <= 0) return nullptr;
        auto const shared = std::make_shared<group_members const>(groups);
        auto all = std::make_shared<std::vector<phase>>();
        for (auto const& each : phases_of(of, algorithms_.read(by, of, groups[0]))) all->push_back(each.within(t_.how.ranks(), shared));
        return all;
    }
    /// An all_reduce, or its two halves.
    exchange reduced(group_members const& groups, double bytes, std::string const& by, bool halves) {
        if (!halves) return within(groups, {collective::all_reduce, 0, bytes}, by);
        auto const block = bytes / static_cast<double>(groups[0].size());
        auto const scatter = within(groups, {collective::reduce_scatter, 0, block}, by), gather = within(groups, {collective::all_gather, 0, block}, by);
        if (scatter == nullptr) return nullptr;
        auto all = std::make_shared<std::vector<phase>>(*scatter);
        all->insert(all->end(), gather->begin(), gather->end());
        return all;
    }

    void make_exchanges() {
        auto const& m = t_.model;
        auto const share = 1.0 / (t_.how.tensor * t_.how.pipeline);
        tensor_groups_ = groups_along(t_.how, 't', t_.how.tensor);
        data_groups_ = groups_along(t_.how, 'd', t_.how.data);
        tensor_bytes_ = micro_elements() * t_.activation_bytes;
        dense_bytes_ = m.dense_parameters() * share * t_.gradient_bytes / t_.buckets;
        if (t_.by.tensor != in_network) tensor_ = reduced(tensor_groups_, tensor_bytes_, t_.by.tensor, t_.how.sequence);
        if (t_.by.data != in_network) dense_ = reduced(data_groups_, dense_bytes_, t_.by.data, t_.sharded_optimizer);
        if (m.experts > 0 && t_.how.expert > 1) {
            expert_groups_ = groups_along(t_.how, 'd', t_.how.expert);
            expert_ = expert_exchange(t_, algorithms_, expert_groups_, micro_elements() * t_.activation_bytes / t_.how.tensor);
        }
        auto const experts_here = m.expert_parameters() * share / t_.how.expert * t_.gradient_bytes / t_.buckets;
        experts_ = reduced(replicas_of_experts(t_.how), experts_here, t_.by.data == in_network ? "ring" : t_.by.data, t_.sharded_optimizer);
        if (t_.how.pipeline > 1) make_pipeline();
    }
    /// Forward to the next stage, backward from it: both directions at once in the steady state, one after the other
    /// where the pipeline fills and drains.
    void make_pipeline() {
        auto const stride = t_.how.stride('p');
        auto const bytes = micro_elements() * t_.activation_bytes / (t_.how.sequence ? t_.how.tensor : 1);
        std::vector<message> forward, backward;
        for (int r = 0; r < t_.how.ranks(); ++r)
            if (r / stride % t_.how.pipeline + 1 < t_.how.pipeline) {
                forward.push_back({r, r + stride, bytes});
                backward.push_back({r + stride, r, bytes});
            }
        auto both = forward;
        both.insert(both.end(), backward.begin(), backward.end());
        auto const listed = [&](std::vector<message> messages) { return phase::listed(t_.how.ranks(), std::move(messages)); };
        steady_ = std::make_shared<std::vector<phase> const>(std::vector{listed(std::move(both))});
        fill_and_drain_ = std::make_shared<std::vector<phase> const>(std::vector{listed(std::move(forward)), listed(std::move(backward))});
    }

    std::uint32_t compute(std::string name, double seconds, std::vector<std::uint32_t> after) {
        activity one;
        one.name = std::move(name);
        one.kind = one.name == "bubble" ? "bubble" : "compute";
        one.job = job_;
        one.after = std::move(after);
        one.seconds = seconds;
        return to_.add(std::move(one));
    }
    std::uint32_t communicate(std::string kind, std::string name, exchange what, double times, std::vector<std::uint32_t> after) {
        activity one;
        one.name = std::move(name);
        one.kind = std::move(kind);
        one.job = job_;
        one.after = std::move(after);
        one.phases = std::move(what);
        one.times = times;
        return to_.add(std::move(one));
    }
    std::uint32_t reduce_inside(std::string kind, std::string name, group_members const& groups, double bytes, double times,
                                std::vector<std::uint32_t> after) {
        auto const a = communicate(std::move(kind), std::move(name), nullptr, times, std::move(after));
        to_.activities[a].reduced = std::make_shared<group_members const>(groups);
        to_.activities[a].bytes = bytes;
        return a;
    }

    /// `part` of the iteration's exchanges that block computation.
    std::vector<std::uint32_t> exposed(std::vector<std::uint32_t> after, double part) {
        auto const layers = static_cast<double>(t_.model.layers) / t_.how.pipeline;
        auto const moe = static_cast<double>(t_.model.expert_layers()) / t_.how.pipeline;
        auto const times = 4 * layers * micro_batches_ * part;
        if (t_.by.tensor == in_network && t_.how.tensor > 1) after = {reduce_inside("tensor", "tensor", tensor_groups_, tensor_bytes_, times, after)};
        else if (tensor_) after = {communicate("tensor", "tensor", tensor_, times, after)};
        if (expert_) after = {communicate("expert", "expert all_to_all", expert_, 4 * moe * micro_batches_ * part, after)};
        return after;
    }
    /// What fills and drains the pipeline is exposed; the rest goes on behind the computation.
    std::uint32_t pipeline_exchange(std::vector<std::uint32_t> const& after, bool hidden) {
        auto const exposed_times = t_.how.pipeline - 1.0; // of each direction
        if (hidden) return communicate("pipeline", "stage to stage", steady_, std::max(0.0, micro_batches_ - exposed_times), after);
        return communicate("pipeline", "fill and drain", fill_and_drain_, exposed_times, after);
    }
    /// The last micro-batch's backward pass, bucket by bucket, and the exchange of each.
    std::vector<std::uint32_t> gradients(std::vector<std::uint32_t> after, double seconds) {
        auto const early = seconds * (1 - t_.overlap);
        if (early > 0) after = {compute("backward", early, after)};
        std::vector<std::uint32_t> ends;
        auto previous = after;
        for (int b = 0; b < t_.buckets; ++b) {
            after = {compute("backward " + std::to_string(b + 1), seconds * t_.overlap / t_.buckets, after)};
            auto ready = after;
            if (b > 0) ready.insert(ready.end(), previous.begin(), previous.end());
            auto const name = "gradients " + std::to_string(b + 1);
            if (t_.by.data == in_network && t_.how.data > 1) ready = {reduce_inside("data", name, data_groups_, dense_bytes_, 1, ready)};
            else if (dense_) ready = {communicate("data", name, dense_, 1, ready)};
            if (experts_) ready = {communicate("data", name + " of experts", experts_, 1, ready)};
            previous = ready;
        }
        ends = after;
        ends.insert(ends.end(), previous.begin(), previous.end());
        std::sort(ends.begin(), ends.end());
        ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
        return ends;
    }

    training const& t_;
    std::uint32_t job_;
    program& to_;
    algorithm_reader algorithms_;
    double micro_batches_ = 1, tensor_bytes_ = 0, dense_bytes_ = 0;
    group_members tensor_groups_, data_groups_, expert_groups_;
    exchange tensor_, dense_, experts_, expert_, steady_, fill_and_drain_;
};

} // namespace chorus::traffic
