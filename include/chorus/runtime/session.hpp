#pragma once
/// A program that `chorus run` has started as one of several ranks.
///
///     chorus::session session;                // $ chorus run -n 4 ./program
///     auto comm = session.world();

#include <chorus/core/compiled.hpp>
#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/options.hpp>
#include <chorus/transport/shm_options.hpp>

#include <memory>
#include <string>

namespace chorus {

/// What a launcher puts into the environment of its ranks: CHORUS_RANK, CHORUS_SIZE, and CHORUS_STORE, which is "unix:ADDRESS",
/// "tcp:HOST:PORT/KEY" or "file:FOLDER".
struct launch_environment {
    int rank = 0;
    int size = 1;
    std::string store; ///< empty where nobody has launched us: one rank

    /// A usage_error where the variables make no sense, or are not there although mpirun, srun or torchrun has started
    /// several ranks: each of them would be alone.
    static launch_environment read();
};

/// Owns the context of a rank in a program that was started by `chorus run`; started by hand, it is the only rank. A
/// usage_error where another launcher has started several. Requests and communicators end with it.
class session {
public:
    explicit session(options const& how = {}, shm_options const& memory = {});
    session(session const&) = delete;
    session& operator=(session const&) = delete;
    ~session();

    /// All ranks that were started together. Once: `dup` and `split` make further communicators.
    communicator world();
    int rank() const;
    int size() const;

private:
    std::shared_ptr<context> owner_;
    bool handed_out_ = false;
};

} // namespace chorus

#if CHORUS_DEFINE
#include <chorus/runtime/launched.hpp>
#endif
