#pragma once
/// Copies out of the caller's input that were not made but remembered: the recorder's notes of what still lies there.

#include <chorus/core/plain_vector.hpp>
#include <chorus/core/slice.hpp>
#include <chorus/schedule/step.hpp>

#include <cstddef>

namespace chorus {

/// `copy` holds the same as `original`, which lies in the input; the bytes have not been moved.
struct mirror {
    slice copy;
    slice original;

    /// The part of it whose copy lies in `data`. Precondition: they overlap.
    mirror within(slice const& data) const {
        auto const from = data.begin < copy.begin ? copy.begin : data.begin;
        auto const to = data.end < copy.end ? data.end : copy.end;
        auto const shift = original.begin.block - copy.begin.block;
        mirror part{{copy.buffer, from, to}, {input_buffer, from, to}};
        part.original.begin.block += shift;
        part.original.end.block += shift;
        return part;
    }
};

class mirrors {
public:
    plain_vector<mirror> const& all() const { return notes_; }

    /// A copy out of the input becomes a note. False where the copy must really be made.
    bool remember(step const& copy) {
        if (copy.source.size() != copy.target.size()) return false;
        for (std::size_t i = 0; i < copy.source.size(); ++i)
            if (copy.source[i].buffer != input_buffer || copy.target[i].buffer == input_buffer) return false;
        for (std::size_t i = 0; i < copy.source.size(); ++i) {
            forget(copy.target[i]);
            notes_.push_back({copy.target[i], copy.source[i]});
        }
        return true;
    }

    /// The same data, read from the input wherever it was never written here.
    slice_list originals(slice_list const& data) const {
        if (notes_.empty()) return data;
        slice_list result;
        for (auto const& each : data) {
            auto rest = each;
            while (rest.begin < rest.end) {
                auto const* const found = first_in(rest);
                if (found == nullptr) break;
                auto const part = found->within(rest);
                if (rest.begin < part.copy.begin) result += slice{rest.buffer, rest.begin, part.copy.begin};
                result += part.original;
                rest.begin = part.copy.end;
            }
            if (rest.begin < rest.end || each.begin == each.end) result += rest;
        }
        return result;
    }

    /// The note that begins first of those that overlap the slice; null where none does.
    mirror const* first_in(slice const& data) const {
        mirror const* first = nullptr;
        for (auto const& each : notes_)
            if (overlap(each.copy, data) && (first == nullptr || each.copy.begin < first->copy.begin)) first = &each;
        return first;
    }

    /// The slice is about to be written: it no longer mirrors anything.
    void forget(slice const& written) {
        for (std::size_t i = 0; i < notes_.size();) {
            auto const old = notes_[i];
            if (!overlap(old.copy, written)) {
                ++i;
                continue;
            }
            notes_.erase(i);
            keep(old, old.copy.begin, written.begin);
            keep(old, written.end, old.copy.end);
        }
    }

private:
    void keep(mirror const& old, position const& from, position const& to) {
        if (from < to) notes_.push_back(old.within({old.copy.buffer, from, to}));
    }

    plain_vector<mirror> notes_;
};

} // namespace chorus
