#pragma once
/// Numbers by lot, the same on every machine, for searches that draw very many.

#include <cstdint>

namespace chorus::detail {

/// Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003: the shifts 13, 7, 17 on 64 bits.
class xorshift {
public:
    std::uint64_t operator()() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_;
    }

private:
    std::uint64_t state_ = 0x9E37'79B9'7F4A'7C15U;
};

} // namespace chorus::detail
