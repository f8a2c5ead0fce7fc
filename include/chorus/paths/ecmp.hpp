#pragma once
/// ECMP: every switch hashes the five-tuple and takes the next hop of that number. What networks do today.
///
/// E-ECMP is the same with the bytes of every flow spread over several queue pairs, each with a source port of its own.
/// Gangidi et al., SIGCOMM 2024 (RDMA over Ethernet for distributed AI training at Meta scale).

#include <chorus/network/policy.hpp>
#include <chorus/paths/hash.hpp>
#include <chorus/paths/walk.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace chorus {

struct ecmp {
    std::uint32_t seed = 1;
    hash_kind hash = hash_kind::jenkins;
    std::uint32_t queue_pairs = 1;
    bool same_seed = false; ///< in all switches: polarises

    std::string name() const {
        auto text = detail::text({queue_pairs > 1 ? "e-ecmp" : "ecmp", ":seed=", seed,
                                  ",hash=", hash_names[static_cast<std::size_t>(hash)]});
        if (queue_pairs > 1) detail::append(text, {",qps=", queue_pairs});
        return same_seed ? text + ",seeds=same" : text;
    }

    routing route(topology const& on, std::span<flow const> phase) const {
        routing result;
        result.reserve(phase.size() * queue_pairs);
        walker way(on);
        for (std::uint32_t i = 0; i < phase.size(); ++i)
            for (std::uint32_t q = 0; q < queue_pairs; ++q) {
                auto const& f = phase[i];
                auto const tuple = make_tuple(f.source, f.destination, default_port(f, q));
                auto const choose = [&](vertex_id at, std::uint32_t count, auto const&) {
                    return hash_choice(hash, switch_seed(seed, at, same_seed), tuple, count);
                };
                auto const taken = way.walk(f.source, f.destination, choose, result);
                result.add({i, taken, 1.0F / static_cast<float>(queue_pairs)});
            }
        return result;
    }
};

} // namespace chorus
