#pragma once
/// What a traced rank notes, and how Perfetto reads it. Part of trace.hpp.

#include <chorus/core/text.hpp>
#include <chorus/runtime/signature.hpp>
#include <chorus/transport/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace chorus {

struct trace_event {
    enum class kind : std::uint8_t { send, receive, receive_to_fold, fold, wait, call };
    kind what = kind::send;
    int peer = -1;
    std::uint8_t lane = 0;
    std::int32_t step = -1; ///< index in the rank's recorded schedule
    std::uint64_t bytes = 0;
    exchange of;            ///< which collective
    std::int64_t begin = 0, end = 0; ///< nanoseconds of the steady clock
};

namespace detail {

/// Names a rank, which is a process to Perfetto, or one of its rows, which are threads.
inline void append_label(std::string& all, int rank, char const* what, int thread, std::string const& name) {
    append(all, {R"({"name":")", what, R"(","ph":"M","pid":)", rank, R"(,"tid":)", thread, R"(,"args":{"name":")", name, "\"}},\n"});
}
inline int row_of(trace_event const& each) {
    if (each.what == trace_event::kind::call) return 0;
    if (each.what == trace_event::kind::wait) return 1;
    return 2 + 2 * each.peer + (each.what == trace_event::kind::send ? 0 : 1);
}
inline void append_event(std::string& all, int rank, trace_event const& each) {
    constexpr std::string_view names[] = {"send", "recv", "recv_reduce", "fold", "wait", ""};
    auto const is_call = each.what == trace_event::kind::call;
    auto const said = is_call ? describe_signature(each.of.signature) : std::string(names[static_cast<std::size_t>(each.what)]);
    char times[80]; // microseconds
    std::snprintf(times, sizeof times, "%lld.%03lld,\"dur\":%lld.%03lld", static_cast<long long>(each.begin / 1000), static_cast<long long>(each.begin % 1000),
                  static_cast<long long>((each.end - each.begin) / 1000), static_cast<long long>((each.end - each.begin) % 1000));
    append(all, {R"({"name":")", said, R"(","ph":"X","pid":)", rank, R"(,"tid":)", row_of(each), R"(,"ts":)", times,
                 R"(,"args":{"communicator":)", each.of.communicator, R"(,"sequence":)", each.of.sequence});
    if (each.peer >= 0) append(all, {R"(,"peer":)", each.peer});
    if (each.step >= 0) append(all, {R"(,"step":)", each.step, R"(,"lane":)", each.lane, R"(,"bytes":)", each.bytes});
    all += "}},\n";
}

} // namespace detail

/// One rank's events as elements of a JSON array: `{...},\n{...}`. The rank is the process, a direction and peer the thread.
inline std::string trace_json(int rank, int ranks, std::span<trace_event const> events) {
    std::string all;
    detail::append_label(all, rank, "process_name", 0, detail::text({"rank ", rank}));
    detail::append_label(all, rank, "thread_name", 0, "collectives");
    detail::append_label(all, rank, "thread_name", 1, "waiting");
    for (int peer = 0; peer < ranks; ++peer) {
        if (peer == rank) continue;
        detail::append_label(all, rank, "thread_name", 2 + 2 * peer, detail::text({"to rank ", peer}));
        detail::append_label(all, rank, "thread_name", 3 + 2 * peer, detail::text({"from rank ", peer}));
    }
    for (auto const& each : events) detail::append_event(all, rank, each);
    all.resize(all.size() - 2); // the last comma
    return all;
}

} // namespace chorus
