/// chorus devices: the RDMA ports of this host, and which of them Chorus takes.

#include "command.hpp"
#include "text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>

#ifdef CHORUS_HAS_VERBS
#include <chorus/transport/detail/verbs_ports.hpp>
#endif

namespace chorus::tools {

namespace {

#ifdef CHORUS_HAS_VERBS

struct found {
    std::vector<detail::verbs_port_entry> ports;
    std::vector<detail::verbs_choice> taken;
    std::string why_none;

    detail::verbs_choice const* choice(std::size_t port) const {
        for (auto const& each : taken)
            if (each.port == port) return &each;
        return nullptr;
    }
};

found look() {
    auto const wanted = verbs_options::from_environment();
    found result{detail::list_ports(), {}, {}};
    try {
        result.taken = detail::choose_ports(result.ports, wanted.device, wanted.port, wanted.gid);
    } catch (transport_error const& e) {
        result.why_none = e.what();
    }
    return result;
}

char const* layer(detail::verbs_port_entry const& port) { return port.infiniband ? "InfiniBand" : "Ethernet"; }
char const* type(detail::verbs_gid_entry const& gid, detail::verbs_port_entry const& port) {
    return port.infiniband ? "InfiniBand" : gid.roce_v2 ? "RoCE v2" : "RoCE v1";
}

std::string as_table(found const& all) {
    std::string text;
    for (std::size_t i = 0; i < all.ports.size(); ++i) {
        auto const& port = all.ports[i];
        auto const* const choice = all.choice(i);
        text += fmt::format("{}:{}  {}, {}{}\n", port.device, port.number, layer(port), port.active ? "active" : "not active", port.soft ? ", a soft device" : "");
        for (auto const& gid : port.gids)
            text += fmt::format("    GID {:<3} {:<10} {}{}\n", gid.index, type(gid, port), detail::gid_text(gid.address),
                                choice != nullptr && choice->gid.index == gid.index ? "   <- taken" : "");
    }
    for (auto const& each : all.taken) text += "taken: " + each.why + "\n";
    return text + (all.why_none.empty() ? "CHORUS_VERBS_DEVICE, CHORUS_VERBS_PORT and CHORUS_VERBS_GID ask for others.\n" : "");
}

std::string as_json(found const& all) {
    auto list = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < all.ports.size(); ++i) {
        auto const& port = all.ports[i];
        auto gids = nlohmann::ordered_json::array();
        for (auto const& gid : port.gids) gids.push_back({{"index", gid.index}, {"type", type(gid, port)}, {"address", detail::gid_text(gid.address)}});
        nlohmann::ordered_json entry{{"device", port.device}, {"port", port.number}, {"link_layer", layer(port)}, {"active", port.active}, {"soft", port.soft},
                                     {"gids", gids}};
        if (auto const* const choice = all.choice(i)) entry["taken"] = {{"gid", choice->gid.index}, {"why", choice->why}};
        list.push_back(entry);
    }
    return nlohmann::ordered_json{{"ports", list}}.dump(2) + "\n";
}

int run(std::string const& asked) {
    auto const format = read_name("--format", asked, {"table", "json"});
    auto const all = look();
    write_text("", format == 0 ? as_table(all) : as_json(all));
    if (!all.why_none.empty()) throw environment_error(all.why_none);
    return fine;
}

#else

int run(std::string const&) { throw environment_error("devices: this command was built without libibverbs (scripts/setup installs it)"); }

#endif

} // namespace

command add_devices(CLI::App& app) {
    auto format = std::make_shared<std::string>("table");
    auto* const sub = app.add_subcommand("devices", "The RDMA ports of this host, their GIDs, and which of them are taken");
    add_text(*sub, "--format", *format, "table or json", "FORMAT");
    return [format] { return run(*format); };
}

} // namespace chorus::tools
