#pragma once
/// Scenarios and jobs from JSON. The schema is in docs/schemas/job.md.

#include <chorus/json/reader.hpp>
#include <chorus/traffic/algorithm.hpp>
#include <chorus/traffic/fit.hpp>
#include <chorus/traffic/import.hpp>
#include <chorus/traffic/scenario.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace chorus::traffic {

namespace detail {

inline constexpr double many = 1e15;
inline constexpr int most_ranks = 1 << 21;
inline constexpr double most_experts = 1 << 16;
inline constexpr std::int64_t most_buckets = 100'000; ///< of all iterations: each is an activity or several

inline model read_model(json_reader from) {
    model m;
    auto const count = [&](std::string const& key, std::int64_t otherwise) { return from.whole(key, 0, 1e9, otherwise); };
    m.layers = from.whole("layers", 1, 1e6);
    m.hidden = from.whole("hidden", 1, 1e7);
    m.heads = from.whole("heads", 1, 1e6, 1);
    m.kv_heads = from.whole("kv_heads", 1, 1e6, m.heads);
    m.ffn = count("ffn", 4 * m.hidden);
    m.ffn_matrices = from.whole("ffn_matrices", 1, 4, 3);
    m.vocabulary = count("vocabulary", 32000);
    m.sequence = from.whole("sequence", 1, 1e9, 4096);
    m.experts = from.whole("experts", 0, most_experts, 0);
    m.top_k = from.whole("top_k", 0, m.experts > 0 ? static_cast<double>(m.experts) : most_experts, std::min<std::int64_t>(m.experts, 2));
    m.shared_experts = from.whole("shared_experts", 0, most_experts, 0);
    m.expert_ffn = count("expert_ffn", m.ffn);
    m.dense_layers = from.whole("dense_layers", 0, static_cast<double>(m.layers), 0);
    from.done();
    return m;
}

inline parallel read_parallel(json_reader from) {
    parallel p;
    p.tensor = from.integer("tensor", 1, most_ranks, 1);
    p.pipeline = from.integer("pipeline", 1, most_ranks, 1);
    p.data = from.integer("data", 1, most_ranks, 1);
    p.expert = from.integer("expert", 1, most_ranks, 1);
    p.sequence = from.flag("sequence", false);
    p.order = from.text("order", "tdp");
    from.done();
    if (static_cast<double>(p.tensor) * p.pipeline * p.data > most_ranks) from.fail("", "at most 2097152 ranks in all");
    from.reading("", [&] { check(p); return 0; });
    return p;
}

inline training read_training(json_reader& from, std::vector<std::string>& warnings) {
    training t;
    t.model = read_model(from.object("model"));
    t.how = read_parallel(from.object("parallel"));
    from.reading("", [&] { return check_fit(t.model, t.how), 0; });
    if (auto const what = uneven(t.model, t.how); !what.empty()) warnings.push_back(from.place() + ": " + what);
    t.sharded_optimizer = from.flag("sharded_optimizer", false);
    if (from.has("algorithms")) {
        auto by = from.object("algorithms");
        t.by = {by.text("tensor", "ring"), by.text("data", "ring"), by.text("expert", "pairwise")};
        by.done();
        for_each_collective(t, [&](std::string_view key, collective what, std::string const& name, int ranks) {
            by.reading(std::string(key), [&] { return check_algorithm(what, name, ranks), 0; });
        });
    }
    t.global_batch = from.whole("global_batch", 1, 1e9);
    t.micro_batch = from.whole("micro_batch", 1, 1e6, 1);
    t.device_flops = from.number("device_tflops", 0.001, 1e9) * 1e12;
    t.compute_efficiency = from.number("compute_efficiency", 0.001, 1, 0.5);
    t.activation_bytes = from.number("activation_bytes", 0.125, 16, 2);
    t.gradient_bytes = from.number("gradient_bytes", 0.125, 16, 2);
    t.buckets = from.integer("buckets", 1, 1024, 4);
    t.overlap = from.number("overlap", 0, 1, 1);
    t.expert_skew = from.number("expert_skew", 0, 10, 0);
    t.seed = static_cast<std::uint64_t>(from.whole("seed", 0, 4e9, 1));
    t.iterations = from.whole("iterations", 1, 1000, 1);
    if (t.iterations * t.buckets > most_buckets)
        from.fail("iterations", "a number from 1 to " + std::to_string(most_buckets / t.buckets) + " with " + std::to_string(t.buckets) + " buckets");
    t.straggler = from.number("straggler", 1, 1000, 1);
    return t;
}

inline collective_job read_collective(json_reader& from) {
    collective_job c;
    auto const what = collective_named(from.text("collective", "all_reduce"));
    if (!what || *what == collective::send_recv) from.fail("collective", "a collective, such as all_reduce");
    c.what = *what;
    c.bytes = from.number("bytes", 0, many);
    c.algorithm = from.text("algorithm", "ring");
    c.ranks = from.integer("ranks", 1, most_ranks, 2);
    c.hierarchy = from.integer("hierarchy", 0, most_ranks, 0);
    c.inside = from.text("inside", "auto");
    c.between = from.text("between", "auto");
    c.group = from.integer("group", 0, most_ranks, 0);
    c.stride = from.integer("stride", 1, most_ranks, 1);
    c.times = from.number("times", 1e-6, 1e9, 1);
    if (!c.algorithm.starts_with("hierarchical") || c.hierarchy == 0)
        for (auto const* const key : {"hierarchy", "inside", "between"})
            if (from.has(key)) from.fail(key, "left out: \"hierarchy\", \"inside\" and \"between\" are for \"algorithm\": \"hierarchical\" with groups of \"hierarchy\" ranks");
    c.sample = static_cast<std::size_t>(from.whole("sample", 0, 1e6, 0));
    c.seed = static_cast<std::uint64_t>(from.whole("seed", 0, 4e9, 1));
    from.reading("algorithm", [&] { return check_algorithm(c.what, c.algorithm, c.group > 0 ? c.group : c.ranks), 0; });
    from.reading("inside", [&] { return parse_choice(c.inside, 0), 0; });
    from.reading("between", [&] { return parse_choice(c.between, 0), 0; });
    return c;
}

inline transfer_job read_transfer(json_reader& from) {
    transfer_job t;
    t.model = read_model(from.object("model"));
    t.prefill = from.integer("prefill", 1, most_ranks, 1);
    t.decode = from.integer("decode", 1, most_ranks, 1);
    t.prefill_tensor = from.integer("prefill_tensor", 1, t.prefill, 1);
    t.decode_tensor = from.integer("decode_tensor", 1, t.decode, 1);
    t.tokens = from.whole("tokens", 1, 1e12);
    t.element_bytes = from.number("element_bytes", 0.125, 16, 2);
    t.compute = from.time("prefill_time", 0);
    return t;
}

inline checkpoint_job read_checkpoint(json_reader& from) {
    checkpoint_job c;
    c.ranks = from.integer("ranks", 1, most_ranks, 1);
    c.storage = from.integer("storage", 1, most_ranks, 1);
    c.bytes = from.number("bytes", 0, 1e18);
    return c;
}

/// "file": an import, its name relative to the file that names it.
inline message_job read_imported(json_reader& from, std::vector<std::string>& warnings) {
    auto found = import_traffic(beside(from.file(), from.text("file")));
    warnings.insert(warnings.end(), found.warnings.begin(), found.warnings.end());
    return {found.ranks, std::move(found.activities)};
}

/// "messages": one array for each phase, of [source, destination, bytes].
inline message_job read_messages(json_reader& from, std::vector<std::string>& warnings) {
    if (from.has("file")) return read_imported(from, warnings);
    message_job m;
    std::vector<phase> phases;
    m.ranks = from.integer("ranks", 1, most_ranks, 2);
    auto const expected = [&](std::string const& path) {
        return usage_error("chorus: " + from.file() + ": " + path + ": should be an array of [source, destination, bytes] with ranks below " + std::to_string(m.ranks));
    };
    from.each("messages", [&](nlohmann::json const& list, std::string const& path) {
        if (!list.is_array()) throw expected(path);
        std::vector<message> messages;
        for (auto const& one : list) {
            auto const fits = one.is_array() && one.size() == 3 && one[0].is_number_integer() && one[1].is_number_integer() && one[2].is_number();
            if (!fits) throw expected(path);
            auto const s = one[0].get<std::int64_t>(), d = one[1].get<std::int64_t>();
            auto const bytes = one[2].get<double>();
            if (s < 0 || d < 0 || s >= m.ranks || d >= m.ranks || !(bytes >= 0 && bytes <= many)) throw expected(path);
            messages.push_back({static_cast<std::int32_t>(s), static_cast<std::int32_t>(d), bytes});
        }
        phases.push_back(phase::listed(m.ranks, std::move(messages)));
    });
    auto& one = m.activities.emplace_back();
    one.name = "messages";
    one.kind = "collective";
    one.phases = std::make_shared<std::vector<phase> const>(std::move(phases));
    return m;
}

inline job read_job(json_reader from, std::vector<std::string>& warnings) {
    job j;
    j.origin = from.place();
    j.name = from.text("name", "job");
    j.placement = from.text("placement", "linear");
    j.said_in = from.file();
    j.first = static_cast<std::uint32_t>(from.whole("first", 0, most_ranks, 0));
    j.start = from.time("start", 0);
    auto const kind = from.text("kind", "training");
    if (kind == "training") j.what = read_training(from, warnings);
    else if (kind == "collective") j.what = read_collective(from);
    else if (kind == "transfer") j.what = read_transfer(from);
    else if (kind == "checkpoint") j.what = read_checkpoint(from);
    else if (kind == "messages") j.what = read_messages(from, warnings);
    else from.fail("kind", "training, collective, transfer, checkpoint or messages");
    from.done();
    return j;
}

inline void read_network(json_reader from, scenario& to) {
    to.payload = from.number("payload", 0.01, 1, 1);
    to.utilisation = from.number("utilisation", 0.01, 1, 1);
    to.convergence = from.time("convergence", 0);
    to.step_overhead = from.time("step_overhead", 0);
    to.reroute_after = from.time("reroute_after", 0);
    from.done();
}

inline std::vector<std::string> read_texts(json_reader& from, std::string const& key) {
    std::vector<std::string> all;
    from.each(key, [&](nlohmann::json const& one, std::string const&) {
        if (!one.is_string()) from.fail(key, "an array of texts");
        all.push_back(one.get<std::string>());
    });
    return all;
}

} // namespace detail

/// Throws usage_error: file, line or JSON path, and what was expected.
inline scenario parse_scenario(std::string const& file, std::string const& text) {
    auto const all = parse_json(file, text);
    json_reader from(file, "", all);
    scenario result;
    from.has("name"), from.has("description");
    result.topology = from.text("topology", "");
    result.policies = detail::read_texts(from, "policies");
    result.assumptions = detail::read_texts(from, "assumptions");
    if (from.has("network")) detail::read_network(from.object("network"), result);
    from.each("links", [&](nlohmann::json const& one, std::string const& path) {
        json_reader link(file, path, one);
        result.links.push_back({link.time("time", 0), link.text("link"), link.number("health", 0, 1, 0)});
        link.done();
    });
    if (from.has("availability")) {
        auto terms = from.object("availability");
        result.availability = {terms.number("checkpoint_interval_s", 0, 1e12), terms.number("repair_s", 0, 1e12), terms.number("between_failures_s", 1e-9, 1e12)};
        terms.done();
    }
    from.each("jobs", [&](nlohmann::json const& one, std::string const& path) { result.jobs.push_back(detail::read_job({file, path, one}, result.warnings)); });
    if (result.jobs.empty()) from.fail("jobs", "an array of at least one job");
    from.done();
    return result;
}

inline scenario read_scenario(std::string const& file) {
    return parse_scenario(file, read_text(file));
}

} // namespace chorus::traffic
