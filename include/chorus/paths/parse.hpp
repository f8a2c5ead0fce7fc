#pragma once
/// Path policies by text, in the grammar of spec.hpp:
///
///   ecmp:seed=1,hash=jenkins     hash= crc16, crc32, xor, toeplitz, jenkins; seeds=own (of each switch) or same
///   e-ecmp:qps=4                 the same with so many queue pairs for every flow
///   adaptive, flowlet:pieces=8   the least loaded link, switch by switch; by flow, or piece by piece
///   spray, reps                  by packet: oblivious, or with recycled entropy
///   greedy                       least loaded route, flow after flow
///   annealing:tries=200          simulated annealing
///   nslb:qps=1                   the planner; qps= parts that every flow may be split into; paths=fixed: one path for
///                                a pair in all phases of all jobs, free: another one in every phase

#include <chorus/network/policy.hpp>
#include <chorus/network/spec.hpp>
#include <chorus/paths/annealing.hpp>
#include <chorus/paths/ecmp.hpp>
#include <chorus/paths/flowlet.hpp>
#include <chorus/paths/greedy.hpp>
#include <chorus/paths/nslb.hpp>
#include <chorus/paths/spray.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace chorus {

inline constexpr std::string_view policy_names =
    "ecmp, e-ecmp, adaptive, flowlet, spray, reps, greedy, annealing, nslb";

namespace detail {

inline any_policy read_ecmp(spec& from) {
    ecmp result;
    result.seed = from.number("seed", 0, 0xFFFF'FFFFU, 1);
    result.hash = parse_hash(from.one_of("hash", {"jenkins", "crc16", "crc32", "xor", "toeplitz"}));
    result.same_seed = from.one_of("seeds", {"own", "same"}) == "same";
    if (from.name() == "e-ecmp") result.queue_pairs = from.number("qps", 1, 256, 4);
    return result;
}

inline any_policy read_flowlet(spec& from) {
    auto const seed = from.number("seed", 0, 0xFFFF'FFFFU, 1);
    return flowlet{from.name() == "adaptive" ? 1 : from.number("pieces", 1, 256, 8), seed};
}

inline any_policy read_spray(spec& from) {
    return spray{from.name() == "reps", from.number("paths", 1, 256, 16), from.number("seed", 0, 0xFFFF'FFFFU, 1)};
}

inline any_policy read_annealing(spec& from) {
    auto const seed = from.number("seed", 0, 0xFFFF'FFFFU, 1);
    return annealing{seed, from.number("tries", 1, 100'000, 200)};
}

inline any_policy read_nslb(spec& from) {
    auto const parts = from.number("qps", 1, 64, 1);
    auto const seed = from.number("seed", 0, 0xFFFF'FFFFU, 1);
    return nslb(parts, seed, from.one_of("paths", {"free", "fixed"}) == "fixed");
}

} // namespace detail

/// The policy that the text describes. Throws usage_error that says what is wrong and what is allowed.
inline any_policy parse_policy(std::string_view text) {
    spec from(text);
    auto const finished = [&](any_policy policy) {
        from.done();
        return policy;
    };
    auto const& name = from.name();
    if (name == "ecmp" || name == "e-ecmp") return finished(detail::read_ecmp(from));
    if (name == "adaptive" || name == "flowlet") return finished(detail::read_flowlet(from));
    if (name == "spray" || name == "reps") return finished(detail::read_spray(from));
    if (name == "greedy") return finished(greedy{});
    if (name == "annealing") return finished(detail::read_annealing(from));
    if (name == "nslb") return finished(detail::read_nslb(from));
    detail::misuse({"there is no policy '", name, "'; allowed are ", policy_names});
}

} // namespace chorus
