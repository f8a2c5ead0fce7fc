// Gloo over TCP on the loopback device, the only way between processes that it has.
//
//     compare_gloo JOB CONTROL FLAGS RANK RANKS FOLDER

#include "worker.hpp"

#pragma GCC diagnostic push // it is not free of our warnings
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <gloo/allgather.h>
#include <gloo/allreduce.h>
#include <gloo/alltoall.h>
#include <gloo/broadcast.h>
#include <gloo/math.h>
#include <gloo/reduce_scatter.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/file_store.h>
#include <gloo/transport/tcp/device.h>
#pragma GCC diagnostic pop

#include <cstdio>
#include <memory>

namespace {

using compare::cell;
using compare::collective;
using compare::prepared;

class gloo_library : public compare::library {
public:
    gloo_library(int rank, int ranks, std::string const& folder) : rank_(rank), ranks_(ranks) {
        gloo::transport::tcp::attr loopback;
        loopback.iface = "lo";
        auto device = gloo::transport::tcp::CreateDevice(loopback);
        auto all = std::make_shared<gloo::rendezvous::Context>(rank, ranks);
        gloo::rendezvous::FileStore store(folder);
        all->connectFullMesh(store, device);
        context_ = all;
    }
    int rank() const override { return rank_; }
    int ranks() const override { return ranks_; }
    std::string version() const override { return "Gloo " COMPARE_GLOO_VERSION ", TCP on the loopback device"; }
    prepared prepare(cell const& what) override {
        auto mine = memory_.take(what);
        // Gloo's reduce_scatter works in its input, and is made once for a buffer.
        if (what.what == collective::reduce_scatter) {
            std::vector<int> const blocks(static_cast<std::size_t>(ranks_), static_cast<int>(what.block));
            auto const count = static_cast<int>(what.block) * ranks_;
            scatter_ = std::make_unique<gloo::ReduceScatterHalvingDoubling<float>>(context_, std::vector<float*>{mine.in}, count, blocks);
            mine.out = mine.in;
            mine.call = [this] { scatter_->run(); };
            return mine;
        }
        mine.call = [this, what, in = mine.in, out = mine.out] { run(what, in, out); };
        return mine;
    }
    void drop() override {
        scatter_.reset();
        memory_.drop();
    }

private:
    void run(cell const& what, float* in, float* out) const {
        if (what.what == collective::all_reduce) {
            gloo::AllreduceOptions how(context_);
            how.setInput(in, what.count);
            how.setOutput(out, what.count);
            how.setReduceFunction([](void* to, void const* a, void const* b, std::size_t n) { gloo::sum<float>(to, a, b, n); });
            gloo::allreduce(how);
        } else if (what.what == collective::all_gather) {
            gloo::AllgatherOptions how(context_);
            how.setInput(in, what.block);
            how.setOutput(out, what.count);
            gloo::allgather(how);
        } else if (what.what == collective::all_to_all) {
            gloo::AlltoallOptions how(context_);
            how.setInput(in, what.count);
            how.setOutput(out, what.count);
            gloo::alltoall(how);
        } else {
            gloo::BroadcastOptions how(context_);
            how.setOutput(out, what.count);
            how.setRoot(0);
            gloo::broadcast(how);
        }
    }

    int rank_, ranks_;
    std::shared_ptr<gloo::Context> context_;
    compare::private_buffers memory_;
    std::unique_ptr<gloo::ReduceScatterHalvingDoubling<float>> scatter_;
};

} // namespace

int main(int argc, char** argv) {
    try {
        compare::arguments const with(argc, argv);
        auto const rank = std::stoi(with.more.at(0)), ranks = std::stoi(with.more.at(1));
        // Not pinned: a rank and Gloo's own thread on one processor wait milliseconds for each other, and nobody would run it so.
        gloo_library of(rank, ranks, with.more.at(2));
        compare::serve(with, of, compare::waiting::sleeps);
    } catch (std::exception const& e) {
        std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
        return 1;
    }
}
