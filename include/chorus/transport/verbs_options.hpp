#pragma once
/// What can be said about the verbs transport from outside.

#include <chorus/core/path_table.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace chorus {

/// Everything has a default. Read from the environment by `verbs_options::from_environment`:
///
///   CHORUS_VERBS_DEVICE       mlx5_0, mlx5_0:2 or several of these, separated by commas: long messages are striped over them; or all.
///                             Otherwise the best device with an active port
///   CHORUS_VERBS_PORT         from 1, for devices that are named without one
///   CHORUS_VERBS_GID          which GIDs are allowed: an index of the port's table, ipv4, ipv6, or ADDRESS[/BITS]. Of these a RoCE v2 one,
///                             IPv4 first
///   CHORUS_VERBS_QUEUE_PAIRS  for each peer, 1 to 8, and at least one for each port
///   CHORUS_VERBS_EAGER_BYTES  eager_bytes
///   CHORUS_VERBS_KEPT_BYTES   kept_bytes
///   CHORUS_PATHS              a file that `chorus plan --export ports` has written
///   CHORUS_ENDPOINT           the name of this rank's port in it, of several ports separated by commas; otherwise the name of the host
struct verbs_options {
    static constexpr int most_queue_pairs = 8;

    std::string device; ///< or several, or `all`
    int port = 0;       ///< 0: the first that is active
    std::string gid;    ///< which are allowed; empty: all
    int queue_pairs = 1;
    /// Messages up to here are sent into waiting buffers. 0: what fits one packet; on a soft device, which is slower than memory and pays
    /// for each message, 32 KiB with the header.
    std::size_t eager_bytes = 0;
    int credits = 16;            ///< messages to a rank that it has not read yet; at least 4
    int send_queue = 64;         ///< work requests of a queue pair; at least 16
    /// How long a packet waits for its acknowledgement, 4.096 us x 2^timeout, and how often it is sent again: a link that is dead
    /// for about (retries + 1) times as long is an error. As they are: a second.
    int timeout = 15;
    int retries = 7;
    int traffic_class = 0;
    /// Memory that is not of `allocate` stays registered after its message, up to so many bytes, where the system tells when it is freed
    /// (userfaultfd). 0: it is registered anew for each message.
    std::size_t kept_bytes = std::size_t{1} << 30;
    /// Planned paths: the flow label of each queue pair, by the names of the endpoints and its number. What is not in the table, or
    /// where there is none, gets labels that are spread evenly.
    std::shared_ptr<path_table const> paths;
    std::string endpoint; ///< this rank's name in the plan, or one for each port; otherwise the name of the host
    std::string address; ///< of this host, for the side channel; otherwise chosen

    /// A usage_error where a variable makes no sense.
    static verbs_options from_environment();
};

} // namespace chorus
