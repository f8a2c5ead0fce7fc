#include "plan_export.hpp"

#include "text.hpp"

#include <chorus/network/spec.hpp>
#include <chorus/paths/export.hpp>

namespace chorus::tools {

std::string export_plan(json::plan const& plan, std::string_view what) {
    spec from(what);
    auto const is_ports = from.name() == "ports";
    switch_hashing hashing;
    std::size_t others = 0;
    if (is_ports) {
        hashing.hash = parse_hash(from.one_of("hash", {"crc32", "crc16", "xor", "toeplitz", "jenkins"}));
        hashing.seed = from.number("seed", 0, 0xFFFF'FFFFU, 1);
        hashing.same_seed = from.one_of("seeds", {"own", "same"}) == "same";
        others = from.number("others", 0, 1000, 0);
    }
    from.done();
    if (from.name() == "rules") return export_rules(plan.on, plan.phase, plan.paths);
    if (from.name() == "srv6") return export_srv6(plan.on, plan.phase, plan.paths);
    if (is_ports) return export_ports(plan.on, plan.phase, plan.paths, hashing, others);
    refuse("--export", what, "rules, srv6, ports:hash=crc32,seed=1,seeds=own,others=0");
}

} // namespace chorus::tools
