#pragma once
/// Parcels: where the blocks of an all-to-all lie on one rank while they are passed on.

#include <chorus/core/slice.hpp>

#include <cstddef>
#include <vector>

namespace chorus::detail {

/// Finds the block that goes from one rank to another, seen by rank `rank`: its own blocks lie in `outgoing`, those for
/// it in `incoming`, others in scratch that is made when they are first asked for. Refers to all that it is given.
template <class Transit>
class parcels {
public:
    constexpr parcels(int rank, block_list const& outgoing, block_list const& incoming, Transit const& transit)
        : rank_(rank),
          outgoing_(outgoing),
          incoming_(incoming),
          transit_(transit),
          held_(static_cast<std::size_t>(outgoing.size() * outgoing.size())) {}

    slice_list const& operator()(int source, int destination) {
        if (source == rank_) return outgoing_[destination];
        if (destination == rank_) return incoming_[source];
        auto& place = held_[static_cast<std::size_t>(source * outgoing_.size() + destination)];
        if (place.empty()) place = transit_(source, destination);
        return place;
    }
    /// The blocks from each of the sources to each of the destinations, as one message.
    slice_list operator()(std::vector<int> const& sources, std::vector<int> const& destinations) {
        slice_list message;
        for (auto const source : sources)
            for (auto const destination : destinations) message += (*this)(source, destination);
        return message;
    }

private:
    int rank_;
    block_list const& outgoing_;
    block_list const& incoming_;
    Transit const& transit_;
    std::vector<slice_list> held_;
};

/// New scratch for the blocks from each of the sources to each of the destinations.
template <class Transit>
slice_list in_transit(Transit const& transit, std::vector<int> const& sources,
                                std::vector<int> const& destinations) {
    slice_list blocks;
    for (auto const source : sources)
        for (auto const destination : destinations) blocks += transit(source, destination);
    return blocks;
}

} // namespace chorus::detail
