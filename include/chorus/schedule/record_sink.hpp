#pragma once
/// The sink that algorithms are compiled against.

#include <chorus/core/compiled.hpp>
#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace chorus {

class recorder;

/// A recorder as seen by all ranks or by a subset of them, on one lane. Cheap to copy; refers to its recorder.
class record_sink {
public:
    explicit record_sink(recorder& into);

    int rank() const { return rank_; }
    int size() const { return size_; }

    void send(int peer, slice_list const& data);
    void recv(int peer, slice_list const& data);
    void recv_reduce(int peer, slice_list const& data, side received = side::right);
    void copy(slice_list const& from, slice_list const& to);
    void reduce(slice_list const& from, slice_list const& into, side received = side::right);
    void finish(slice_list const& data);
    slice_list scratch(slice_list const& data);
    /// Scratch for blocks of the collective by their numbers (schedule.hpp): what all_to_all holds for others.
    slice_list scratch_blocks(std::vector<std::int32_t> blocks);

    /// The same on lane 0..3.
    record_sink on_lane(int lane) const;
    /// The ranks `members` (by this sink's numbers, this rank among them) renumbered from 0 in the order given.
    record_sink subset(std::vector<int> const& members) const;

private:
    int global(int peer) const;

    recorder* recorder_;
    int rank_;
    int size_;
    std::uint8_t lane_ = 0;
    std::shared_ptr<std::vector<int> const> members_;
};

static_assert(schedule_sink<record_sink>);

} // namespace chorus

#if CHORUS_DEFINE
#include <chorus/schedule/recorder.hpp>
#endif
