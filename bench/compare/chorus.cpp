// Chorus, as its users call it: the algorithm is left to it.
//
//     compare_chorus JOB CONTROL FLAGS processes         CHORUS_RANK, CHORUS_SIZE and CHORUS_STORE are set; paths private, direct
//     compare_chorus JOB CONTROL FLAGS threads RANKS     path threads
//     compare_chorus JOB CONTROL FLAGS mpi               under mpirun; paths mpi, hosts

#include "worker.hpp"

#include <chorus/chorus.hpp>
#ifdef COMPARE_HAS_MPI
#include <chorus/transport/mpi.hpp>
#include <chorus/transport/mpi_hosts.hpp>
#endif

#include <cstdio>
#include <map>
#include <span>

namespace {

using compare::cell;
using compare::collective;
using compare::prepared;

void run(chorus::communicator& comm, collective what, std::span<float const> in, std::span<float> out) {
    switch (what) {
    case collective::all_reduce: return chorus::all_reduce(comm, in, out);
    case collective::all_gather: return chorus::all_gather(comm, in, out);
    case collective::reduce_scatter: return chorus::reduce_scatter(comm, in, out);
    case collective::all_to_all: return chorus::all_to_all(comm, in, out);
    case collective::broadcast: return chorus::broadcast(comm, out, 0);
    }
}

/// One or several communicators, each for the paths that are measured with it.
class chorus_library : public compare::library {
public:
    explicit chorus_library(std::map<std::string, chorus::communicator*> over) : over_(std::move(over)) {}

    int rank() const override { return over_.begin()->second->rank(); }
    int ranks() const override { return over_.begin()->second->size(); }
    std::string version() const override { return "Chorus " COMPARE_CHORUS_VERSION; }
    prepared prepare(cell const& what) override {
        auto& comm = *over_.at(what.path);
        // Whole blocks: counts that p divides.
        auto const blocks = what.block * static_cast<std::size_t>(ranks());
        auto const whole = [&](std::size_t count) { return count == what.count && has_blocks(what.what) ? blocks : count; };
        auto mine = what.path == "direct" ? shared(comm, what) : memory_.take(what);
        mine.call = [&comm, what = what.what, in = std::span<float const>(mine.in, whole(what.in())), out = std::span(mine.out, whole(what.out()))] {
            run(comm, what, in, out);
        };
        return mine;
    }
    void drop() override {
        memory_.drop();
        in_ = {};
        out_ = {};
    }

private:
    static bool has_blocks(collective what) { return what != collective::all_reduce && what != collective::broadcast; }
    prepared shared(chorus::communicator& comm, cell const& what) {
        in_ = chorus::allocate<float>(comm, std::max<std::size_t>(what.in(), 1));
        out_ = chorus::allocate<float>(comm, std::max<std::size_t>(what.out(), 1));
        if (!in_.is_shared() || !out_.is_shared()) throw std::runtime_error("chorus::allocate gave memory that peers cannot read");
        return {in_.data(), out_.data(), {}};
    }

    std::map<std::string, chorus::communicator*> over_;
    compare::private_buffers memory_;
    chorus::shared_buffer<float> in_, out_;
};

void on_processes(compare::arguments const& with) {
    auto const as = chorus::launch_environment::read();
    auto const waits = compare::pin(as.rank, as.size);
    chorus::session session;
    auto comm = session.world();
    auto direct = comm.dup();
    direct.expect_shared_buffers();
    chorus_library of({{"private", &comm}, {"direct", &direct}});
    compare::serve(with, of, waits);
}

void on_threads(compare::arguments const& with) {
    chorus::run_threads(std::stoi(with.more.at(1)), [&](chorus::communicator& comm) {
        auto const waits = compare::pin(comm.rank(), comm.size());
        chorus_library of({{"threads", &comm}});
        compare::serve(with, of, waits);
    });
}

#ifdef COMPARE_HAS_MPI
void on_mpi(compare::arguments const& with, int argc, char** argv) {
    chorus::mpi_session mpi(argc, argv);
    auto const waits = compare::pin(mpi.rank(), mpi.size());
    auto comm = mpi.world();
    auto hosts = chorus::attach_hosts(MPI_COMM_WORLD);
    chorus_library of({{"mpi", &comm}, {"hosts", &hosts}});
    compare::serve(with, of, waits);
}
#else
void on_mpi(compare::arguments const&, int, char**) { throw std::runtime_error("built without MPI"); }
#endif

} // namespace

int main(int argc, char** argv) {
    try {
        compare::arguments const with(argc, argv);
        auto const& how = with.more.at(0);
        if (how == "processes") on_processes(with);
        else if (how == "threads") on_threads(with);
        else if (how == "mpi") on_mpi(with, argc, argv);
        else throw std::invalid_argument("processes, threads or mpi, not " + how);
    } catch (std::exception const& e) {
        std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
        return 1;
    }
}
