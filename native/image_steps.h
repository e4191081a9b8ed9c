// The integer formulas that a splat's colour sets for the rest of it: docs/format.md, "SPLT: the coded stream".
// The law is src/sfumato/media/image/quantise.py. They hold for integers below 2^36 in magnitude; a chunk's are below
// 2^27. No floating point.
#pragma once
#include <algorithm>
#include <bit>

#include "rans.h"

namespace SFU_NAMESPACE {

constexpr int fraction = 24;               // bits after the binary point of steps and logarithms
constexpr int max_refinement = 8;          // bits by which a coordinate can be finer than the grid
constexpr int64_t position_log = 4122081;  // log2 of the whitened position step at class 0

inline int bit_length(uint64_t value) { return int(std::bit_width(value)); }

// floor(log2(sum of squares)) of a splat's colour; 0 for black.
inline int energy_class(const int64_t* color, uint32_t channels) {
    uint64_t sum = 0;
    for (uint32_t c = 0; c < channels; ++c) sum += uint64_t(color[c]) * uint64_t(color[c]);
    return bit_length(std::max<uint64_t>(sum, 1)) - 1;
}

// Step of log2 l11 and log2 l22.
inline int64_t log_step(int energy) {
    return std::max<int64_t>((energy % 2 ? 20350616 : 28780118) >> energy / 2, 1);
}

// Step of l21 / l22.
inline int64_t tilt_step(int energy) {
    return std::max<int64_t>((energy % 2 ? 19951585 : 28215802) >> energy / 2, 1);
}

// Bits by which x (axis 0) and y (axis 1) of a splat are finer than cells of 2^exponent pixels.
struct Refinement {
    int bits[2];
};

inline Refinement refinement(int64_t log_l11, int64_t log_l22, int64_t tilt, int energy, int exponent) {
    const int64_t step = log_step(energy), limit = int64_t(1) << 30, half = int64_t(1) << (fraction - 1);
    const int64_t slant = std::clamp(tilt * tilt_step(energy), -limit, limit) >> (fraction - 12);
    const int widening = bit_length(uint64_t((int64_t(1) << 24) + slant * slant)) - 1 - 24;
    const int64_t offset = position_log - energy * half + half;
    const int64_t wanted[2] = {(log_l11 * step - widening * half + offset) >> fraction,
                               (log_l22 * step + offset) >> fraction};
    Refinement found;
    for (int axis = 0; axis < 2; ++axis)
        found.bits[axis] = int(std::clamp<int64_t>(exponent - wanted[axis], 0, max_refinement));
    return found;
}

}  // namespace SFU_NAMESPACE
