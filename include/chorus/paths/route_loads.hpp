#pragma once
/// What search-based policies keep of a Clos fabric: the load of every link, and how much a route would be loaded.

#include <chorus/network/routing.hpp>
#include <chorus/paths/loads.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

namespace chorus {

/// Loads in load_units. Precondition: a Clos fabric.
class route_loads {
public:
    route_loads(topology const& on, std::span<flow const> phase) : on_(on), unit_(on, phase), load_(on.links(), 0.0) {}

    /// Puts `bytes` more (or, negative, fewer) on every link of the route.
    void add(flow const& f, route_id route, double bytes) {
        for (auto const l : links(f, route)) load_[l] += cost(l, bytes);
    }

    /// The highest load on the route, were `bytes` put on it; infinite when a link is dead.
    double worst(flow const& f, route_id route, double bytes) {
        double worst = 0;
        for (auto const l : links(f, route)) worst = std::max(worst, load_[l] + cost(l, bytes));
        return worst;
    }

    /// By how much the sum of the squared loads would grow.
    double squares(flow const& f, route_id route, double bytes) {
        double sum = 0;
        for (auto const l : links(f, route)) {
            auto const more = cost(l, bytes);
            sum += more * (2 * load_[l] + more);
        }
        return sum;
    }

    /// Of a link, were `bytes` put on it.
    double load_with(link_id l, double bytes) const { return load_[l] + cost(l, bytes); }
    /// What `bytes` are on that link.
    double cost(link_id l, double bytes) const {
        return on_.alive(l) ? bytes / unit_.bytes / (on_.rate(l) / unit_.rate)
                            : std::numeric_limits<double>::infinity();
    }
    std::span<link_id const> links(flow const& f, route_id route) {
        return routing::expand(on_, f.source, f.destination, route, buffer_);
    }

private:
    topology const& on_;
    load_unit unit_;
    std::vector<double> load_;
    hop_buffer buffer_{};
};

} // namespace chorus
