// The integer formulas by which level, scales and fineness of a splat of a scene set the steps of the rest of it:
// docs/format.md, "What the integers decide". The law is src/sfumato/media/scene/quantise.py. No floating point.
#pragma once
#include <algorithm>

#include "rans.h"

namespace SFU_NAMESPACE {

constexpr int octave = 16;         // steps are reckoned in sixteenths of an octave
constexpr int length_parts = 256;  // lengths and opacities in so many parts of one
constexpr int max_fine = 16;       // bits by which a coordinate can be finer than the grid
constexpr int level_limit = 12;    // levels beyond, in either direction, count as this
constexpr int level_classes = 2 * level_limit + 1;
constexpr int largest_log = 60;  // of axes and of the grid's step, in octaves
constexpr int position_step = -54;
constexpr int thinnest = 10 * length_parts;  // an axis is at most so much shorter than the next
constexpr int darkest = 12 * length_parts;   // opacities below count as this

// 2^(k / 16) with 16 bits behind the point.
constexpr int32_t roots[octave] = {65536, 68438, 71468,  74632,  77936,  81386,  84990,  88752,
                                   92682, 96785, 101070, 105545, 110218, 115098, 120194, 125515};

// Which of the level_classes sets of steps a splat of this level has.
inline int level_class(int64_t level) {
    return int(std::clamp<int64_t>(level, -level_limit, level_limit)) + level_limit;
}

// 2^(log / 16) parts of an octave, log at most `limit` <= 128, at least 1.
inline int32_t length_step(int32_t log, int32_t limit) {
    const int32_t limited = std::clamp(log, 0, limit);
    return roots[limited % octave] << limited / octave >> 16;
}

// What a shade, log2 of the colour step in sixteenths of an octave, sets.
struct Steps {
    int32_t shade;
    int32_t first, second, third;  // of the scales, in parts of an octave, 1 to 256
    int32_t opacity;               // likewise
};

// The steps of a chunk, one set for each class of levels.
struct ChunkSteps {
    Steps of[level_classes];

    // fineness: -128..127.
    explicit ChunkSteps(int fineness) {
        for (int c = 0; c < level_classes; ++c) {
            const int32_t shade = -2 * fineness - octave * (c - level_limit);
            of[c] = {shade, length_step(shade + 82, 128), length_step(shade + 79, 112), length_step(shade + 123, 112),
                     length_step(shade + 95, 128)};
        }
    }
};

// log2 of the longest axis, in parts of an octave.
inline int32_t longest_axis(int64_t scale, const Steps& steps) {
    constexpr int64_t most = largest_log * length_parts;
    return int32_t(std::clamp(scale * steps.first, -most, most));
}

// By how much an axis is shorter than the next, in parts of an octave, from equal steps.
inline int32_t grown(int64_t scale, int32_t step) {
    const auto even = int32_t(std::clamp<int64_t>(scale * step, 0, 1 << 12));
    return std::min(even + (even * even >> 8), thinnest);
}

// log2 of the steps of direction and roll, in sixteenths of an octave; second, third: see `grown`.
inline int32_t direction_log(int32_t shade, int32_t second, int32_t third) {
    return std::min(shade + 9 - std::min((11 * second + 5 * third) >> 8, 96), 20);
}

inline int32_t roll_log(int32_t shade, int32_t second, int32_t third) {
    return std::min(shade + 17 + std::clamp(12 * (second - third) >> 8, -48, 64), 28);
}

// Bits by which a position is finer than a grid with cells of 2^exponent.
inline int32_t fine_bits(int32_t longest, int32_t second, int32_t shade, int32_t exponent) {
    const int32_t log = ((longest - (second >> 1)) >> 4) + position_step + shade;
    return std::clamp(exponent - ((log + octave / 2) >> 4), 0, max_fine);
}

// Multiplies by 2^(sixteenths / 16), rounded.
class Rescale {
public:
    explicit Rescale(int32_t sixteenths = 0) {
        const int32_t shift = std::clamp(sixteenths, -20 * octave, 20 * octave);
        const int32_t whole = (shift >> 4) - 16;
        root = roots[shift & (octave - 1)];
        left = std::max(whole, 0);
        right = std::max(-whole, 0);
    }

    int64_t operator()(int64_t value) const {
        constexpr int64_t most = 1 << 20;
        const int64_t half = (int64_t(1) << right) >> 1;
        return ((std::clamp(value, -most, most) * root << left) + half) >> right;
    }

private:
    int64_t root;
    int32_t left, right;
};

}  // namespace SFU_NAMESPACE
