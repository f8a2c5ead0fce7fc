#pragma once
/// Memory for the caller's own buffers that all ranks of the host can read.

#include <chorus/core/plain_vector.hpp>
#include <chorus/transport/detail/shm_job.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace chorus::detail {

/// First fit over a rank's part of the mapping. A buffer has memory from `allocate` to `free` and no longer. What was severed from
/// the other ranks is never given out again: one that was stopped may still write to the memory that they shared.
class shm_heap {
public:
    shm_heap(std::shared_ptr<shm_job> job, int rank) : job_(std::move(job)), begin_(job_->heap_at(rank)), bytes_(job_->shape().heap_bytes) {}

    /// On pages of its own; large ones on huge pages. A transport_error where there is too little.
    [[gnu::cold]] std::byte* allocate(std::size_t bytes) {
        auto const size = round_up(bytes, bytes >= huge_page ? huge_page : 4096);
        std::size_t at = 0, i = 0;
        for (; i < used_.size() && used_[i].at - at < size; ++i) at = used_[i].at + used_[i].bytes;
        if (size < bytes || at > bytes_ || bytes_ - at < size)
            throw transport_error(text({"chorus: no room for ", bytes, " bytes in shared memory: a rank has ", bytes_, " bytes (shm_options, ulimit)"}), {});
        job_->memory().commit(begin_ + at, size);
        used_.insert(i, {at, size, false});
        return job_->at(begin_ + at);
    }
    [[gnu::cold]] void free(std::byte* memory) {
        auto const at = static_cast<std::size_t>(memory - job_->at(begin_));
        for (std::size_t i = 0; i < used_.size(); ++i) {
            if (used_[i].at != at) continue;
            if (used_[i].severed) return job_->memory().drop_private(begin_ + at, used_[i].bytes);
            job_->memory().decommit(begin_ + at, used_[i].bytes);
            return used_.erase(i);
        }
    }
    /// Makes the buffer that the memory is of private to this process: it keeps its place and its contents, and other ranks reach it no
    /// longer. True where it is no buffer of this heap. False where there is too little memory.
    [[gnu::cold]] bool sever(std::byte const* memory) {
        auto* const found = entry_at(static_cast<std::size_t>(memory - job_->at(begin_)));
        if (found == nullptr || found->severed) return true;
        found->severed = job_->memory().make_private(begin_ + found->at, found->bytes);
        any_severed_ = any_severed_ || found->severed;
        return found->severed;
    }
    /// Whether other ranks reach what lies there in the mapping.
    bool is_shared(std::size_t at) const {
        if (!any_severed_) return true;
        auto const* const found = const_cast<shm_heap*>(this)->entry_at(at - begin_);
        return found != nullptr && !found->severed;
    }

private:
    struct entry {
        std::size_t at, bytes;
        bool severed; ///< from the other ranks
    };
    entry* entry_at(std::size_t at) {
        for (auto& each : used_)
            if (at - each.at < each.bytes) return &each; // before it: a huge number
        return nullptr;
    }
    std::shared_ptr<shm_job> job_;
    std::size_t begin_, bytes_;
    plain_vector<entry> used_; ///< by place
    bool any_severed_ = false;
};

} // namespace chorus::detail
