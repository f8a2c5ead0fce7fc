#pragma once
/// MPI's own collectives behind `native_collectives`: MPI_Allreduce and its like.

#include <chorus/transport/detail/mpi_api.hpp>
#include <chorus/transport/detail/mpi_call.hpp>
#include <chorus/transport/detail/mpi_types.hpp>
#include <chorus/transport/detail/mpi_watchdog.hpp>
#include <chorus/transport/native.hpp>

#include <algorithm>
#include <bit>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace chorus::detail {

/// What remains to be done after MPI is through: the division of an average, and for reduce_scatter in place the way to
/// this rank's own block (MPI leaves the result in front).
struct mpi_epilogue {
    kernel::finish_function finish = nullptr;
    void* data = nullptr;
    std::size_t count = 0;
    int ranks = 1;
    void const* from = nullptr;
    std::size_t bytes = 0;

    void operator()() const {
        if (from != nullptr && bytes > 0) std::memmove(data, from, bytes);
        if (finish != nullptr) finish(data, count, ranks);
    }
};

/// What MPI reads or leaves until a call has finished.
struct mpi_call_memory {
    mpi_counts own, incoming;
    std::vector<std::byte> packed; ///< reduce_scatter_v with gaps: MPI wants blocks one after the other
    mpi_epilogue after;

    void pack(native_call const& call, std::size_t element_bytes) {
        packed.clear();
        auto const* const input = static_cast<std::byte const*>(call.input);
        for (std::size_t i = 0; i < call.counts.size(); ++i) {
            auto const* const block = input + call.input_displacements[i] * element_bytes;
            packed.insert(packed.end(), block, block + call.counts[i] * element_bytes);
        }
    }
};

/// Not for several threads. The first call of a sub-communicator creates MPI's counterpart, which all its members must
/// take part in; that blocks, in `start` too.
class mpi_native final : public native_collectives {
public:
    /// `world` must outlive this object's use. `ends_job`: a blocking call that outlives its timeout does.
    mpi_native(MPI_Comm world, bool ends_job) : world_{0, {}, mpi_communicator(), world, 0, 1}, ends_job_(ends_job) {
        require_mpi(MPI_Comm_rank(world, &world_.rank), "MPI_Comm_rank");
        require_mpi(MPI_Comm_size(world, &world_.size), "MPI_Comm_size");
    }

    bool has(native_call const& call) const override {
        if (call.what == collective::barrier) return true;
        if (call.what == collective::send_recv || call.what_to_fold == nullptr) return false;
        auto const& kernel = *call.what_to_fold;
        auto const varies_by_rank =
            call.what == collective::all_to_all && !call.counts.empty(); // nobody knows the total
        auto const scans = call.what == collective::scan || call.what == collective::exclusive_scan;
        if (kernel.element_bytes > INT_MAX || (varies_by_rank && call.input == nullptr)) return false;
        if (has_operator(call.what) && !mpi_types::folds(kernel.element, kernel.operation)) return false;
        if (scans && kernel.finish != nullptr) return false;
        return varies_by_rank || total(call) <= INT_MAX;
    }

    /// Small messages: a schedule sends the same ones and has the executor on top.
    bool prefers(native_call const& call) const override {
        if (call.what == collective::barrier) return true;
        if (call.what == collective::all_to_all && !call.counts.empty()) return false; // counts differ from rank to rank
        return roughly(call) * call.what_to_fold->element_bytes <= 4096;
    }

    void run(native_call const& call) override {
        mpi_watchdog::watched const here(name(call.what).data(), world_.rank, call.timeout, ends_job_);
        require_mpi(run_blocking(translate(call, blocking_)), name(call.what).data());
        blocking_.after();
    }

    std::uint64_t start(native_call const& call) override {
        mpi_watchdog::watched const here("MPI_Comm_create_group", world_.rank, call.timeout, ends_job_);
        if (free_.empty()) {
            free_.push_back(started_.size());
            started_.emplace_back();
        }
        auto& place = started_[free_.back()];
        require_mpi(begin_nonblocking(translate(call, place.memory), &place.request), name(call.what).data());
        auto const handle = free_.back();
        free_.pop_back();
        return handle;
    }

    bool test(std::uint64_t handle) override {
        auto& place = started_[static_cast<std::size_t>(handle)];
        int done = 0;
        require_mpi(MPI_Test(&place.request, &done, MPI_STATUS_IGNORE), "MPI_Test");
        if (done == 0) return false;
        place.memory.after();
        free_.push_back(static_cast<std::size_t>(handle));
        return true;
    }

    /// Pushes what was started; true once nothing of it touches memory any more. For the end only: handles are void
    /// then.
    bool drain() {
        auto all = true;
        for (auto& each : started_) {
            int done = 0;
            MPI_Test(&each.request, &done, MPI_STATUS_IGNORE);
            all = all && done != 0;
        }
        return all;
    }

    /// MPI is about to be finalised.
    void end() { ended_ = true; }

    /// Frees what was made of MPI; MPI must still live.
    void reset() {
        for (auto& each : groups_) each->owned.reset();
        groups_.clear();
        latest_.clear();
        types_.reset();
    }

private:
    struct group {
        std::uint32_t number;
        std::vector<int> members;
        mpi_communicator owned;
        MPI_Comm comm;
        int rank;
        int size;
    };
    struct pending {
        MPI_Request request = MPI_REQUEST_NULL;
        mpi_call_memory memory;
    };

    std::size_t ranks_of(native_call const& call) const {
        return call.members.empty() ? static_cast<std::size_t>(world_.size) : call.members.size();
    }
    std::size_t total(native_call const& call) const {
        if (!has_blocks(call.what)) return call.count;
        if (call.counts.empty()) return call.count * ranks_of(call);
        std::size_t sum = 0;
        for (auto const count : call.counts) sum += count;
        return sum;
    }
    /// As `total`, but a choice may depend on no more than this of unequal counts (runtime/prepare.hpp).
    std::size_t roughly(native_call const& call) const {
        if (!has_blocks(call.what) || call.counts.empty()) return total(call);
        return std::bit_ceil(*std::max_element(call.counts.begin(), call.counts.end())) * ranks_of(call);
    }

    mpi_call translate(native_call const& call, mpi_call_memory& memory) {
        if (ended_) [[unlikely]]
            throw usage_error("chorus: MPI has been finalised");
        auto const& on = group_of(call);
        auto& [own, incoming, packed, after] = memory;
        after = {};
        mpi_call to{call.what, !call.counts.empty(), call.input, call.output, static_cast<int>(call.count),
                    MPI_BYTE,  MPI_OP_NULL,          call.root,  on.comm,     &own,
                    &incoming};
        if (call.what == collective::barrier) return to;

        auto const& kernel = *call.what_to_fold;
        if (has_operator(call.what)) {
            to.type = types_.folded(kernel.element);
            to.op = types_.folded_with(kernel.operation);
        } else
            to.type = types_.moved(kernel.element_bytes);
        if (to.vary) {
            auto const from_input = call.what == collective::all_to_all || call.what == collective::scatter;
            own.assign(call.counts,
                       from_input && call.input != nullptr ? call.input_displacements : call.output_displacements);
            if (call.what == collective::all_to_all)
                incoming.assign(call.incoming_counts, call.output_displacements);
            else
                to.count = own.counts[static_cast<std::size_t>(on.rank)];
        }
        if (call.what == collective::reduce_scatter && !call.input_displacements.empty()) {
            memory.pack(call, kernel.element_bytes);
            to.in = packed.data();
        }
        if (call.input == nullptr) set_in_place(to, on);
        if (kernel.finish != nullptr || (call.input == nullptr && call.what == collective::reduce_scatter))
            set_epilogue(after, to, kernel, on);
        return to;
    }

    /// Without an input the output holds this rank's contribution. MPI wants to be told so: with a root only there, and
    /// at a scatter's root about the buffer where the root's own block stays.
    static void set_in_place(mpi_call& to, group const& on) {
        if (has_root(to.what) && on.rank != to.root)
            to.in = to.out;
        else if (to.what == collective::scatter)
            to.in = std::exchange(to.out, MPI_IN_PLACE);
        else
            to.in = MPI_IN_PLACE;
    }

    static void set_epilogue(mpi_epilogue& after, mpi_call const& to, kernel const& kernel, group const& on) {
        if (has_root(to.what) && on.rank != to.root) return;
        auto const count = static_cast<std::size_t>(to.count);
        after = {kernel.finish, to.out, count, on.size, nullptr, count * kernel.element_bytes};
        if (to.what != collective::reduce_scatter || to.in != MPI_IN_PLACE) return;
        auto const rank = static_cast<std::size_t>(on.rank);
        auto const first = to.vary ? static_cast<std::size_t>(to.own->places[rank]) : rank * count;
        after.from = to.out;
        after.data = static_cast<std::byte*>(to.out) + first * kernel.element_bytes;
    }

    group const& group_of(native_call const& call) {
        if (call.members.empty()) return world_;
        if (call.communicator < latest_.size())
            if (auto const* known = latest_[call.communicator];
                known != nullptr && std::ranges::equal(known->members, call.members))
                return *known;
        return find_or_make(call);
    }

    /// Numbers of communicators are used again. What was made for another list of members is kept: a rank that is in
    /// only one of the two would keep it too, and all members must agree on whether a communicator is new.
    group const& find_or_make(native_call const& call) {
        auto const same = [&](auto const& each) {
            return each->number == call.communicator && std::ranges::equal(each->members, call.members);
        };
        auto found = std::ranges::find_if(groups_, same);
        if (found == groups_.end()) {
            groups_.push_back(make(call));
            found = groups_.end() - 1;
        }
        if (latest_.size() <= call.communicator) latest_.resize(call.communicator + std::size_t{1});
        latest_[call.communicator] = found->get();
        return **found;
    }

    std::unique_ptr<group> make(native_call const& call) const {
        MPI_Group all = MPI_GROUP_NULL, some = MPI_GROUP_NULL;
        MPI_Comm comm = MPI_COMM_NULL;
        require_mpi(MPI_Comm_group(world_.comm, &all), "MPI_Comm_group");
        auto code = MPI_Group_incl(all, static_cast<int>(call.members.size()), call.members.data(), &some);
        if (code == MPI_SUCCESS)
            code = MPI_Comm_create_group(world_.comm, some, static_cast<int>(call.communicator), &comm);
        if (some != MPI_GROUP_NULL) MPI_Group_free(&some);
        MPI_Group_free(&all);
        require_mpi(code, "MPI_Comm_create_group");
        mpi_communicator owned(comm);
        auto const rank = owned.rank(), size = owned.size();
        return std::make_unique<group>(
            group{call.communicator, {call.members.begin(), call.members.end()}, std::move(owned), comm, rank, size});
    }

    group world_;
    std::vector<std::unique_ptr<group>> groups_;
    std::vector<group const*> latest_; ///< by communicator number
    mpi_types types_;
    mpi_call_memory blocking_;
    std::deque<pending> started_;
    std::vector<std::size_t> free_;
    bool ended_ = false;
    bool ends_job_;
};

} // namespace chorus::detail
