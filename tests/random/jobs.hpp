#pragma once
/// Calls of a random program as objects: begun, finished and compared with the reference, several times.

#include "memory.hpp"
#include "reference.hpp"

#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>
#include <chorus/runtime/fusion.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chorus::testing {

/// A collective on its way. `begin` fills the buffers and starts it, `finish` waits and says what is wrong.
class job {
public:
    virtual ~job() = default;
    virtual void begin() = 0;
    virtual std::string finish() = 0;

    int left = 1; ///< how often it is still to be begun
    random_step step;
};

/// Whether a buffer of the step is in shared memory, and where it begins.
inline bool is_shared(random_step const& step, int rank, int buffer) {
    if (step.where != memory::is_mixed) return step.where == memory::is_shared;
    return detail::mix(static_cast<std::uint32_t>(step.how.seed), static_cast<std::uint64_t>(rank * 8 + buffer)) % 2 ==
           0;
}
inline std::size_t shift_of(random_step const& step, int rank, int buffer) {
    auto const random =
        detail::mix(static_cast<std::uint32_t>(step.how.seed) + 1, static_cast<std::uint64_t>(rank * 8 + buffer));
    return random % 3 == 0 ? random / 3 % 40 : 0;
}

/// One call: a collective, or a message to one rank and from another.
template <class T, class Op>
class call_job final : public job {
public:
    call_job(std::shared_ptr<communicator> on, memory_pool& memory, random_step const& of, Op op)
        : comm_(std::move(on)),
          op_(op),
          outgoing_({}, form::uniform),
          incoming_({}, form::uniform) {
        step = of;
        left = of.rounds;
        auto const ranks = comm_->size(), self = comm_->rank();
        if (step.what == random_step::kind::send) {
            auto const by = 1 + step.how.root % (ranks - 1);
            to_ = (self + by) % ranks;
            from_ = (self + ranks - by) % ranks;
            plan_.in = ragged_count(step.how, self, to_);
            plan_.out = ragged_count(step.how, from_, self);
            plan_.given = {{0, plan_.in, self, self + 1, to_}};
            plan_.result = {{0, plan_.out, from_, from_ + 1, self}};
        } else {
            step.how.root %= ranks;
            step.how.how = algorithm_of(step, ranks);
            plan_ = plan_of(step.how, ranks, self);
            outgoing_ = blocks_of(step.how, ranks, self, true);
            incoming_ = blocks_of(step.how, ranks, self, false);
        }
        in_.emplace(memory, plan_.in, is_shared(step, self, 0), shift_of(step, self, 0));
        out_.emplace(memory, plan_.out, is_shared(step, self, 1), shift_of(step, self, 1));
        for (int r = 0; r < ranks; ++r) world_.push_back(comm_->world_rank(r));
    }

    void begin() override {
        in_->clear();
        out_->clear();
        auto const values = of_round();
        for (auto const& each : plan_.given) values.write(each, plan_.in_place ? out_->get() : in_->get());
        if (persistent_) return persistent_->start();
        if (step.what == random_step::kind::send)
            message();
        else
            call();
    }
    std::string finish() override {
        for (auto& each : requests_) each.wait();
        requests_.clear();
        if (persistent_) persistent_->wait();
        auto const values = of_round();
        margined<T>::clear(wanted_, plan_.in);
        if (!plan_.in_place)
            for (auto const& each : plan_.given) values.write(each, wanted_);
        auto wrong = in_->compare("input", wanted_);
        margined<T>::clear(wanted_, plan_.out);
        if (plan_.in_place)
            for (auto const& each : plan_.given) values.write(each, wanted_);
        for (auto const& each : plan_.open)
            std::copy_n(out_->get().data() + each.at, each.count, wanted_.data() + each.at);
        for (auto const& each : plan_.result) values.write(each, wanted_);
        wanted_.resize(plan_.out);
        if (wrong.empty()) wrong = out_->compare("output", wanted_);
        --left;
        return wrong;
    }

private:
    reference<T, Op> of_round() const {
        auto const scans = step.how.what == collective::scan || step.how.what == collective::exclusive_scan;
        return {step.how.seed + static_cast<std::uint64_t>(left), world_, op_, !scans};
    }
    void message() {
        requests_.push_back(async_recv(*comm_, out_->get(), from_));
        if (step.how.how_run == mode::blocking)
            send(*comm_, in_->get(), to_);
        else
            requests_.push_back(async_send(*comm_, in_->get(), to_));
    }

    /// In the mode of the step.
    template <class B, class A, class P, class... Args>
    void submit(B const& blocking, A const& asynchronous, P const& persistent, Args&&... args) {
        switch (step.how.how_run) {
        case mode::blocking:
            return blocking(*comm_, args...);
        case mode::asynchronous:
            requests_.push_back(asynchronous(*comm_, args...));
            return;
        case mode::persistent:
            persistent_.emplace(persistent(*comm_, args...));
            persistent_->start();
        }
    }
    void call() {
        auto const in = in_->get(), out = out_->get();
        auto const& how = step.how.how;
        auto const uniform = step.how.shape == form::uniform;
        auto const blocks = incoming_.argument(step.how.shape);
        auto const folds = [&](auto const& b, auto const& a, auto const& p) {
            return plan_.in_place ? submit(b, a, p, out, op_, how) : submit(b, a, p, in, out, op_, how);
        };
        switch (step.how.what) {
        case collective::all_reduce:
            return folds(all_reduce, async_all_reduce, persistent_all_reduce);
        case collective::scan: // has no average, and programs ask for none
            if constexpr (!facts_of<Op, T>().finishes) return folds(scan, async_scan, persistent_scan);
            return;
        case collective::exclusive_scan:
            if constexpr (!facts_of<Op, T>().finishes)
                return folds(exclusive_scan, async_exclusive_scan, persistent_exclusive_scan);
            return;
        case collective::reduce: {
            auto const at_root = comm_->rank() == step.how.root;
            if (step.how.in_place)
                return submit(reduce, async_reduce, persistent_reduce, at_root ? out : in, op_, step.how.root, how);
            return submit(reduce, async_reduce, persistent_reduce, in, out, op_, step.how.root, how);
        }
        case collective::reduce_scatter:
            if (plan_.in_place)
                return submit(reduce_scatter, async_reduce_scatter, persistent_reduce_scatter, out, op_, how);
            if (uniform)
                return submit(reduce_scatter, async_reduce_scatter, persistent_reduce_scatter, in, out, op_, how);
            return submit(reduce_scatter_v, async_reduce_scatter_v, persistent_reduce_scatter_v, in, out, blocks, op_,
                          how);
        case collective::broadcast:
            return submit(broadcast, async_broadcast, persistent_broadcast, out, step.how.root, how);
        case collective::all_gather:
            if (uniform && plan_.in_place) return submit(all_gather, async_all_gather, persistent_all_gather, out, how);
            if (uniform) return submit(all_gather, async_all_gather, persistent_all_gather, in, out, how);
            if (plan_.in_place)
                return submit(all_gather_v, async_all_gather_v, persistent_all_gather_v, out, blocks, how);
            return submit(all_gather_v, async_all_gather_v, persistent_all_gather_v, in, out, blocks, how);
        case collective::gather:
            if (uniform) return submit(gather, async_gather, persistent_gather, in, out, step.how.root, how);
            return submit(gather_v, async_gather_v, persistent_gather_v, in, out, blocks, step.how.root, how);
        case collective::scatter:
            if (uniform) return submit(scatter, async_scatter, persistent_scatter, in, out, step.how.root, how);
            return submit(scatter_v, async_scatter_v, persistent_scatter_v, in, blocks, out, step.how.root, how);
        case collective::all_to_all:
            if (uniform && plan_.in_place) return submit(all_to_all, async_all_to_all, persistent_all_to_all, out, how);
            if (uniform) return submit(all_to_all, async_all_to_all, persistent_all_to_all, in, out, how);
            return submit(all_to_all_v, async_all_to_all_v, persistent_all_to_all_v, in,
                          outgoing_.argument(step.how.shape), out, blocks, how);
        case collective::barrier:
            return submit(barrier, async_barrier, persistent_barrier, how);
        case collective::send_recv:
            break;
        }
    }

    std::shared_ptr<communicator> comm_;
    Op op_;
    buffers_plan plan_;
    layout outgoing_, incoming_;
    int to_ = 0, from_ = 0;
    std::optional<margined<T>> in_, out_;
    std::vector<int> world_;
    std::vector<T> wanted_;
    std::vector<request> requests_; ///< end before their memory
    std::optional<persistent_request> persistent_;
};

/// A bucket of several vectors, each of another length.
template <class T>
class bucket_job final : public job {
public:
    bucket_job(std::shared_ptr<communicator> on, memory_pool& memory, random_step const& of) : comm_(std::move(on)) {
        auto& comm = *comm_;
        step = of;
        auto const spans = 2 + of.rounds;
        for (int i = 0; i < spans; ++i) {
            lengths_.push_back(ragged_count(of.how, i, of.rounds));
            spans_.emplace_back(memory, lengths_.back(), is_shared(of, comm.rank(), i % 8),
                                shift_of(of, comm.rank(), i % 8));
        }
        for (int r = 0; r < comm.size(); ++r) world_.push_back(comm.world_rank(r));
        bucket_.emplace(comm, std::max<std::size_t>(sizeof(T), of.how.count * sizeof(T)));
    }
    void begin() override {
        reference<T, std::plus<>> const values(step.how.seed, world_, {}, false);
        for (std::size_t i = 0; i < spans_.size(); ++i) {
            spans_[i].clear();
            values.write({0, lengths_[i], comm_->rank(), comm_->rank() + 1, static_cast<int>(i)}, spans_[i].get());
            bucket_->add(spans_[i].get());
        }
        bucket_->flush();
    }
    std::string finish() override {
        bucket_->wait();
        --left;
        reference<T, std::plus<>> const values(step.how.seed, world_, {}, false);
        std::string wrong;
        for (std::size_t i = 0; i < spans_.size() && wrong.empty(); ++i) {
            margined<T>::clear(wanted_, lengths_[i]);
            values.write({0, lengths_[i], 0, comm_->size(), static_cast<int>(i)}, wanted_);
            wrong = spans_[i].compare("vector", wanted_);
        }
        return wrong;
    }

private:
    std::shared_ptr<communicator> comm_;
    std::vector<std::size_t> lengths_;
    std::vector<margined<T>> spans_;
    std::vector<int> world_;
    std::vector<T> wanted_;
    std::optional<reduction_bucket<T>> bucket_;
};

/// The job of a step, or null where it is none of this rank's.
inline std::unique_ptr<job> make_job(std::shared_ptr<communicator> const& comm, memory_pool& memory,
                                     random_step const& step) {
    if (!comm->valid() || (step.what == random_step::kind::send && comm->size() < 2)) return nullptr;
    if (step.what == random_step::kind::bucket) return std::make_unique<bucket_job<float>>(comm, memory, step);
    std::unique_ptr<job> made;
    with_element(step.element, [&]<class T, class Op>(T, Op op) {
        made = std::make_unique<call_job<T, Op>>(comm, memory, step, op);
    });
    return made;
}

} // namespace chorus::testing
