#pragma once
/// What protocols take away from the wire: headers, and congestion control that is not ideal.

#include <chorus/core/errors.hpp>

#include <string>

namespace chorus::sim {

/// A fluid simulation has neither packets nor queues; these three numbers stand for what they cost.
///
///   payload      payload bytes per byte on the wire. RoCEv2 with 4096 bytes of payload per packet has 4096 / 4174:
///                Ethernet 18 + preamble and gap 20 + IP 20 + UDP 8 + BTH 12 = 78 bytes of headers
///   utilisation  how full congestion control keeps a link: 1 ideal, 0.95 what HPCC calls eta
///   convergence  seconds that senders who meet on a full link take to find their fair rates (DCQCN), added once to
///                every phase in which any meet. Where nobody meets, nothing has to converge.
struct efficiency {
    double payload = 1;
    double utilisation = 1;
    double convergence = 0;

    /// Payload bytes per byte of capacity.
    double goodput() const { return payload * utilisation; }
};

inline constexpr double rocev2_payload = 4096.0 / (4096 + 78);

/// Throws usage_error unless 0 < payload, utilisation <= 1 and 0 <= convergence.
inline void check(efficiency const& how) {
    auto const part = [](double x) { return x > 0 && x <= 1; };
    if (!part(how.payload)) throw usage_error("chorus: efficiency: payload should be above 0 and at most 1, not " + std::to_string(how.payload));
    if (!part(how.utilisation))
        throw usage_error("chorus: efficiency: utilisation should be above 0 and at most 1, not " + std::to_string(how.utilisation));
    if (!(how.convergence >= 0)) throw usage_error("chorus: efficiency: convergence should be a time in seconds");
}

} // namespace chorus::sim
