#include "plan_check.hpp"

#include "command.hpp"
#include "text.hpp"

#include <chorus/paths/certificate.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <utility>

namespace chorus::tools {

namespace {

/// One phase, in a line.
struct verdict {
    std::string text;
    bool good = false;
};

verdict judge(topology const& on, std::span<flow const> phase, routing const& paths, claim const& said) {
    auto const fault = check_routing(on, phase, paths, said);
    if (!fault.empty()) return {"wrong: " + fault, false};
    auto const lost = std::count_if(paths.subflows().begin(), paths.subflows().end(), [](subflow const& s) { return s.route == unreachable; });
    auto const optimal = lost == 0 && said.max_load <= said.lower_bound * (1 + 1e-6) && said.max_load >= said.lower_bound * (1 - 1e-6);
    auto text = fmt::format("right: {} flows, maximum load {:.4g}, {}", phase.size(), said.max_load,
                            optimal ? "and no plan has less" : fmt::format("where {:.4g} is proven to be the least", said.lower_bound));
    text += fmt::format(" ({})", json::cut_in_words(on, said)["text"].get<std::string>());
    if (lost > 0) text += fmt::format("; {} paths are missing, as nothing leads there", lost);
    return {std::move(text), true};
}

claim const& claim_in(json::reader const& at, std::optional<claim> const& found) {
    if (!found) at.fail("an object with \"certificate\": of plans that spray flows there is none");
    return *found;
}

} // namespace

bool is_sprayed(routing const& how) {
    return std::any_of(how.subflows().begin(), how.subflows().end(), [](subflow const& s) { return s.route == spread; });
}

std::optional<claim> claim_for(topology const& on, std::span<flow const> phase, routing const& paths) {
    if (is_sprayed(paths)) return {};
    return claim_of(certify(on, phase, paths));
}

bool is_job_plan(std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    std::string head(64, ' ');
    file.read(head.data(), std::ssize(head));
    return head.find("chorus-job-plan") != std::string::npos;
}

int check_plan(std::string const& path) {
    auto const root = json::read_file(path);
    json::reader const from(path, root);
    auto good = true;
    auto const say = [&](std::string const& what, verdict const& found) {
        good = good && found.good;
        write_text("", what + ": " + found.text + "\n");
    };
    if (!is_job_plan(path)) {
        auto const plan = json::plan_from(from);
        say(path, judge(plan.on, plan.phase, plan.paths, claim_in(from, plan.certificate)));
    } else {
        auto const plan = json::job_plan_from(from);
        for (std::size_t i = 0; i < plan.phases.size(); ++i) {
            auto const& each = plan.phases[i];
            say(each.name, judge(plan.on, each.flows, each.paths, claim_in(from["phases"][i], each.certificate)));
        }
    }
    return good ? fine : wrong_result;
}

} // namespace chorus::tools
