#pragma once
/// A network: endpoints, switches, and the cables between them, with rates, latencies, names and state of health.
///
///   vertices  0 .. endpoints-1 are the endpoints (NICs); the others are switches
///   cables    join two vertices; cable c is the links 2c (from `a` to `b`) and 2c+1 (back)
///   links     have a direction: what loads, flows and failures refer to
///   hops      what paths are made of: links, and above them *bundles* (for sprayed flows), see routing.hpp
///
/// In a Clos fabric `a` is the lower end: even links go up, odd ones down, and `clos()` says where everything is.
/// Not thread-safe while it is changed.

#include <chorus/core/errors.hpp>
#include <chorus/network/clos.hpp>
#include <chorus/network/layer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

using link_id = std::uint32_t;
using hop_id = std::uint32_t;

/// What cables of one kind have in common. Each direction has the full rate.
struct cable_kind {
    double rate = 0;    ///< bytes per second
    double latency = 0; ///< seconds, of the wire and the switch at its end

    friend bool operator==(cable_kind const&, cable_kind const&) = default;
};

struct cable {
    vertex_id a = 0, b = 0;
    std::uint32_t kind = 0; ///< index into topology::kinds()
};

/// Links among which traffic is spread evenly: `repeats` runs of `count` cables, `stride` apart, in one direction.
struct link_bundle {
    std::uint32_t first = 0, count = 0, stride = 0, repeats = 0;
    std::uint32_t downwards = 0;

    std::uint32_t size() const { return count * repeats; }
    link_id link(std::uint32_t i) const { return 2 * (first + i / count * stride + i % count) + downwards; }
};

class topology {
public:
    /// `text` is what made it, in the grammar of parse_topology where it has one.
    explicit topology(std::string text, std::uint32_t hosts = 0) : text_(std::move(text)), hosts_(hosts) {}

    // Building. Layers first, the endpoints' before all others.
    void add_layer(layer what) {
        if (layers_.empty()) endpoints_ = what.count;
        what.first = vertices_;
        vertices_ += what.count;
        layers_.push_back(std::move(what));
    }
    std::uint32_t add_kind(cable_kind kind) {
        kinds_.push_back(kind);
        return static_cast<std::uint32_t>(kinds_.size() - 1);
    }
    void reserve_cables(std::size_t count) { cables_.reserve(count); }
    void add_cable(vertex_id a, vertex_id b, std::uint32_t kind) { cables_.push_back({a, b, kind}); }
    void set_clos(clos_shape const& shape) { clos_ = shape; }
    void set_hosts(std::vector<std::uint32_t> host_of) { host_of_ = std::move(host_of); }

    // Size.
    std::string const& text() const { return text_; }
    std::uint32_t endpoints() const { return endpoints_; }
    std::uint32_t vertices() const { return vertices_; }
    std::uint32_t switches() const { return vertices_ - endpoints_; }
    std::uint32_t links() const { return static_cast<std::uint32_t>(2 * cables_.size()); }
    std::uint32_t bundles() const { return clos_ ? 2 * clos_->bundles() : 0; }
    std::uint32_t hops() const { return links() + bundles(); } ///< hop ids are below this
    std::uint32_t hosts() const { return hosts_; }
    std::uint32_t host_of(endpoint_id e) const { return host_of_.empty() ? e / (endpoints_ / hosts_) : host_of_[e]; }
    clos_shape const* clos() const { return clos_ ? &*clos_ : nullptr; }
    std::vector<layer> const& layers() const { return layers_; }
    std::vector<cable> const& cables() const { return cables_; }
    std::vector<cable_kind> const& kinds() const { return kinds_; }

    // Links.
    vertex_id from(link_id l) const { return l % 2 == 0 ? cables_[l / 2].a : cables_[l / 2].b; }
    vertex_id to(link_id l) const { return l % 2 == 0 ? cables_[l / 2].b : cables_[l / 2].a; }
    static link_id reverse(link_id l) { return l ^ 1U; }
    cable_kind const& kind(link_id l) const { return kinds_[cables_[l / 2].kind]; }
    double latency(link_id l) const { return kind(l).latency; }
    double nominal_rate(link_id l) const { return kind(l).rate; }
    double rate(link_id l) const { return nominal_rate(l) * health(l); } ///< as it is now, 0 when dead

    // Health: the part of its nominal rate that a link has, 1 when it is fine, 0 when it is dead.
    double health(link_id l) const { return health_.empty() ? 1.0 : static_cast<double>(health_[l]); }
    bool alive(link_id l) const { return health_.empty() || health_[l] > 0; }
    bool healthy() const { return unhealthy_ == 0; } ///< every link is
    std::uint32_t unhealthy_links() const { return unhealthy_; }
    /// One direction. Throws usage_error unless the link exists and 0 <= health <= 1.
    void set_health(link_id l, double health) {
        if (l >= links()) detail::misuse({"link ", l, " does not exist: there are ", links()});
        if (!(health >= 0 && health <= 1)) detail::misuse({"the health of link ", l, " should be from 0 to 1"});
        if (health_.empty()) health_.assign(links(), 1.0F);
        unhealthy_ += (health < 1 ? 1U : 0U) - (health_[l] < 1 ? 1U : 0U);
        health_[l] = static_cast<float>(health);
    }
    /// Both directions of the cable that link l belongs to.
    void set_cable_health(link_id l, double health) {
        set_health(l, health);
        set_health(reverse(l), health);
    }

    /// What it is called where its figures stand: text(), and what is wrong with its links.
    std::string caption() const;

    // Hops.
    bool is_link(hop_id h) const { return h < links(); }
    hop_id bundle_hop(std::uint32_t bundle, bool downwards) const { return links() + 2 * bundle + (downwards ? 1 : 0); }
    /// The links of a hop that is no link. Clos fabrics only.
    link_bundle bundle(hop_id h) const;

    // Names: "pod3.edge1", "pod3.edge1->pod3.agg2"; the second of parallel cables ends in "#1".
    std::string vertex_name(vertex_id v) const { return layer_of(v).name_of(v); }
    layer const& layer_of(vertex_id v) const {
        for (auto const& each : layers_)
            if (v < each.first + each.count) return each;
        detail::misuse({"vertex ", v, " does not exist: there are ", vertices_});
    }
    std::string link_name(link_id l) const;
    /// Throws usage_error when there is none of that name.
    vertex_id find_vertex(std::string_view name) const;
    /// A link by its name, or by "A--B" the link from A to B of the cable between them, or by its number.
    link_id find_link(std::string_view name) const;

private:
    std::uint32_t cable_number_among_parallel(std::uint32_t c) const;

    std::string text_;
    std::uint32_t hosts_ = 0, endpoints_ = 0, vertices_ = 0, unhealthy_ = 0;
    std::vector<layer> layers_;
    std::vector<cable_kind> kinds_;
    std::vector<cable> cables_;
    std::vector<float> health_;          // by link; empty while all are fine
    std::vector<std::uint32_t> host_of_; // empty: equal hosts in order
    std::optional<clos_shape> clos_;
};

inline link_bundle topology::bundle(hop_id h) const {
    auto const& c = *clos_;
    auto const bundle = (h - links()) / 2;
    auto const downwards = (h - links()) % 2;
    if (bundle < c.edge_bundle(0)) return {c.access_cable(0, bundle), 1, c.endpoints(), c.planes, downwards};
    if (bundle < c.pod_bundle(0))
        return {c.edge_cable(0, bundle - c.edge_bundle(0), 0), c.xs(), c.all_edges() * c.xs(), c.planes, downwards};
    auto const in_pod = c.aggregations * c.ys();
    return {c.core_cable(0, bundle - c.pod_bundle(0), 0, 0), in_pod, c.pods * in_pod, c.planes, downwards};
}

} // namespace chorus

#include <chorus/network/names.hpp> // IWYU pragma: export
