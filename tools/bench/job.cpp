#include "job.hpp"

#include "environment.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace chorus::tools {

namespace {

constexpr int wrong_byte = 0x2b; // of an element that no result has, but for one-byte types: there 43 is as good as any

} // namespace

std::byte* arena::reserve(std::size_t bytes) {
    if (bytes > size_ || size_ == 0) {
        size_ = (bytes + 4096) / 4096 * 4096;
        if (shared_ != nullptr) {
            buffer_ = {};
            buffer_ = allocate<std::byte>(*shared_, size_);
        } else {
            memory_.reset();
            memory_.reset(static_cast<std::byte*>(::operator new (size_, std::align_val_t{4096})));
            std::memset(memory_.get(), 0, size_); // the first touch is nobody's iteration
        }
    }
    return shared_ != nullptr ? buffer_.data() : memory_.get();
}

call_size size_at(collective what, std::size_t count, int rank, int ranks, int root) {
    auto const block = count / static_cast<std::size_t>(ranks);
    auto const here = rank == root;
    switch (what) {
    case collective::all_gather:
        return {block, block, count};
    case collective::all_to_all:
        return {block, count, count};
    case collective::reduce_scatter:
        return {block, count, block};
    case collective::broadcast:
        return {count, 0, count};
    case collective::reduce:
        return {count, count, here ? count : 0};
    case collective::gather:
        return {block, block, here ? count : 0};
    case collective::scatter:
        return {block, here ? count : 0, block};
    case collective::barrier:
        return {};
    default:
        return {count, count, count};
    }
}

bool cuts_evenly(collective what, std::size_t bytes, std::size_t element_bytes, int ranks) {
    return bytes % (element_bytes * (has_blocks(what) ? static_cast<std::size_t>(ranks) : 1)) == 0;
}

job::job(communicator& comm, collective what, std::size_t bytes, element_type const& type, bench_options const& how,
         arena& input, arena& output)
    : type_(type),
      rank_(comm.rank()),
      ranks_(comm.size()),
      count_(bytes / type.bytes) {
    size_ = size_at(what, count_, rank_, ranks_, 0);
    auto room = bytes;
    if (how.buffers == buffer_mode::cold) {
        stride_ = (bytes + 63) / 64 * 64;
        positions_ = std::max<std::size_t>(2, 2 * cache_bytes() / std::max<std::size_t>(64, stride_));
        room = stride_ * positions_;
    }
    input_ = input.reserve(room);
    output_ = output.reserve(room);

    call_.what = what;
    call_.in_place = what == collective::broadcast || what == collective::barrier;
    call_.fold = has_operator(what) ? type.fold(how.op) : type.copy();
    if (has_operator(what)) {
        contributed_ = contribution(how.op, rank_, ranks_);
        auto const others = what == collective::scan ? rank_ + 1 : what == collective::exclusive_scan ? rank_ : ranks_;
        wanted_ = folded(how.op, std::max(1, others), ranks_);
    }
    call_.lengths.uniform = size_.uniform;
    place(0);
}

void job::place(std::size_t i) {
    offset_ = stride_ * (i % positions_);
    call_.input = call_.in_place ? nullptr : input();
    call_.output = output();
}

void job::write_input(std::size_t turn) {
    shift_ = turn * 577; // a prime: turns repeat when the numbers do
    auto const numbers = number_stream{arbitrary_numbers()};
    auto const write_block = [&](std::byte* to, std::size_t index, std::size_t block) {
        type_.store(to + index * bytes_of(size_.uniform), size_.uniform, {numbers.values, first_of_block(block) + shift_});
    };
    auto const p = static_cast<std::size_t>(ranks_), r = static_cast<std::size_t>(rank_);
    switch (call_.what) {
    case collective::all_to_all:
        for (std::size_t j = 0; j < p; ++j) write_block(input(), j, r * p + j);
        break;
    case collective::scatter:
        for (std::size_t j = 0; j < p && size_.input > 0; ++j) write_block(input(), j, j);
        break;
    case collective::all_gather:
    case collective::gather:
        write_block(input(), 0, r);
        break;
    case collective::broadcast:
        if (rank_ == 0) write_block(output(), 0, 0);
        break;
    case collective::barrier:
        break;
    default:
        type_.store(input(), size_.input, {contributed_, shift_});
    }
}

void job::write_all_inputs() {
    for (std::size_t i = positions_; i-- > 0;) {
        place(i);
        write_input();
    }
}

void job::mark_output(std::size_t turn) {
    if (call_.what == collective::broadcast && rank_ == 0) return; // it is the input
    auto const p = static_cast<std::size_t>(ranks_);
    for (std::size_t i = 0; i < p; ++i) {
        auto const begin = size_.output * i / p, end = size_.output * (i + 1) / p;
        if (begin < end) std::memset(output() + bytes_of(begin + turn % (end - begin)), wrong_byte, type_.bytes);
    }
}

void job::spoil_output() {
    if (call_.what == collective::broadcast && rank_ == 0) return; // it is the input
    std::memset(output(), wrong_byte, bytes_of(size_.output));
}

bool job::output_is_right() const {
    auto const p = static_cast<std::size_t>(ranks_), r = static_cast<std::size_t>(rank_);
    auto const holds_block = [&](std::size_t index, std::size_t block) {
        return type_.holds(output() + index * bytes_of(size_.uniform), size_.uniform,
                           {arbitrary_numbers(), first_of_block(block) + shift_});
    };
    auto right = true;
    switch (call_.what) {
    case collective::all_to_all:
        for (std::size_t i = 0; i < p; ++i) right = right && holds_block(i, i * p + r);
        return right;
    case collective::all_gather:
    case collective::gather:
        for (std::size_t i = 0; i < p && size_.output > 0; ++i) right = right && holds_block(i, i);
        return right;
    case collective::scatter:
        return holds_block(0, r);
    case collective::broadcast:
        return holds_block(0, 0);
    case collective::barrier:
        return true;
    case collective::exclusive_scan:
        return rank_ == 0 || type_.holds(output(), size_.output, {wanted_, shift_});
    case collective::reduce_scatter:
        return type_.holds(output(), size_.output, {wanted_, r * size_.uniform + shift_});
    default:
        return type_.holds(output(), size_.output, {wanted_, shift_});
    }
}

void job::fold_blocks() {
    auto const block = bytes_of(count_ / static_cast<std::size_t>(ranks_));
    std::vector<void const*> sources;
    for (int i = 0; i < ranks_;) {
        if (i > 0) sources.push_back(output()); // what the first have come to
        while (i < ranks_ && sources.size() < 8) sources.push_back(input() + static_cast<std::size_t>(i++) * block);
        void* const result = output();
        call_.fold.fold({sources.data(), static_cast<int>(sources.size()), &result, 1, block / type_.bytes});
        sources.clear();
    }
}

void job::touch_memory() {
    switch (call_.what) {
    case collective::barrier:
        return;
    case collective::reduce:
    case collective::reduce_scatter:
        return fold_blocks();
    case collective::gather:
    case collective::scatter:
        std::memcpy(output(), input(), bytes_of(count_) / static_cast<std::size_t>(ranks_));
        return;
    default:
        std::memcpy(output(), input(), bytes_of(count_));
    }
}

} // namespace chorus::tools
