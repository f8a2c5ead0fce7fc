#pragma once
/// Planned paths as transports use them: for each connection a flow label, of which a RoCE v2 device makes the UDP source port, and the
/// switches' hashes of that the path. `chorus plan --export ports --out FILE` writes one.

#include <chorus/core/errors.hpp>
#include <chorus/core/flow_label.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace chorus {

/// Lines of `SOURCE DESTINATION TAG PART PORT FLOW_LABEL [PORT]...`, words separated by spaces; # begins a comment. SOURCE and DESTINATION
/// are names of endpoints, PART is the queue pair; further ports take the same path. Where no port does, PORT and FLOW_LABEL are `none`.
/// Of several lines for one connection the first holds: of one pair, flows of different phases share their queue pairs.
class path_table {
public:
    /// A usage_error with `source` and the line where something is wrong.
    static path_table parse(std::string_view text, std::string_view source) {
        path_table all;
        for (std::size_t number = 1; !text.empty(); ++number) {
            auto const end = std::min(text.find('\n'), text.size());
            auto line = text.substr(0, std::min(end, text.find('#')));
            text.remove_prefix(std::min(end + 1, text.size()));
            reader words{line, source, number};
            auto const from = words.next();
            if (from.empty()) continue;
            auto const to = words.required("DESTINATION");
            words.value("TAG", words.required("TAG"), std::numeric_limits<std::uint32_t>::max());
            auto const part = words.value("PART", words.required("PART"), 255);
            auto const port = words.number_or_none("PORT", 65'535), label = words.number_or_none("FLOW_LABEL", 0xF'FFFF);
            connection found;
            for (auto word = words.next(); !word.empty(); word = words.next()) {
                auto const other = words.value("PORT", word, 65'535);
                if (other < 0xC000) words.fail("no flow label makes a port below 49152");
                found.ports.push_back(static_cast<std::uint16_t>(other));
            }
            if (port.has_value() != label.has_value()) words.fail("PORT and FLOW_LABEL are both given, or both none");
            if (label && *port != port_of_flow_label(*label))
                words.fail(detail::text({"flow label ", *label, " makes port ", static_cast<int>(port_of_flow_label(*label)), ", not ", *port}));
            if (!label && !found.ports.empty()) words.fail("PORT is none, and yet there are others");
            ++all.lines_;
            if (!label) continue;
            found.label = *label;
            found.ports.insert(found.ports.begin(), static_cast<std::uint16_t>(*port));
            all.connections_.try_emplace({std::string(from), std::string(to), part}, std::move(found));
        }
        return all;
    }

    /// A planned path: the label, and all source ports that are known to lead along it, the label's own first.
    struct connection {
        std::uint32_t label = 0;
        std::vector<std::uint16_t> ports;
    };
    /// Null where none was planned, or none can be.
    connection const* find(std::string_view source, std::string_view destination, std::uint32_t queue_pair) const {
        auto const found = connections_.find(std::tuple(std::string(source), std::string(destination), queue_pair));
        return found == connections_.end() ? nullptr : &found->second;
    }
    /// Connections that have a label, and lines in all.
    std::size_t size() const { return connections_.size(); }
    std::size_t lines() const { return lines_; }

private:
    struct reader {
        std::string_view rest, source;
        std::size_t number;

        std::string_view next() {
            auto const begin = std::min(rest.find_first_not_of(" \t\r"), rest.size());
            auto const end = std::min(rest.find_first_of(" \t\r", begin), rest.size());
            auto const word = rest.substr(begin, end - begin);
            rest.remove_prefix(end);
            return word;
        }
        std::string_view required(std::string_view what) {
            auto const word = next();
            if (word.empty()) fail(detail::text({what, " is missing; a line is SOURCE DESTINATION TAG PART PORT FLOW_LABEL [PORT]..."}));
            return word;
        }
        std::optional<std::uint32_t> number_or_none(std::string_view what, std::uint32_t most) {
            auto const word = required(what);
            return word == "none" ? std::nullopt : std::optional(value(what, word, most, " or none"));
        }
        std::uint32_t value(std::string_view what, std::string_view word, std::uint32_t most, std::string_view otherwise = "") const {
            std::uint64_t result = 0;
            for (char const each : word) {
                if (each < '0' || each > '9') fail(detail::text({what, " is a number", otherwise, ", not '", word, "'"}));
                result = result * 10 + static_cast<std::uint64_t>(each - '0');
                if (result > most) fail(detail::text({what, " is at most ", most, ", not ", word}));
            }
            return static_cast<std::uint32_t>(result);
        }
        [[noreturn]] void fail(std::string_view why) const { detail::misuse({source, ":", number, ": ", why}); }
    };

    std::map<std::tuple<std::string, std::string, std::uint32_t>, connection> connections_;
    std::size_t lines_ = 0;
};

} // namespace chorus
