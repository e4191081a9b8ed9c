// The integers of 3D splats to floating point. The law is `dequantise_reference` in
// src/sfumato/media/scene/quantise.py.
//
// Neither fused multiply-add nor the C library's exponential is used, so that every machine, and wasm, gets the same
// splats from a file to the last bit; from numpy's they differ in the last digit of one number in many millions.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "scene_steps.h"

namespace SFU_NAMESPACE {

namespace {

constexpr double color_step = 5.0 / 64, band_coarser = 1.25, rotation_step = 1.0 / 10;
constexpr double sh_c0 = 0.28209479177387814;

// 2^x for 0 <= x < 1: a series, cut off below 2^-56 for |x| <= 1/2.
constexpr double root_of_two(double x) {
    const double half = x > 0.5 ? x - 1 : x;
    double sum = 1, term = 1;
    for (int i = 1; i < 16; ++i) {
        term *= half * 0.69314718055994530942 / i;
        sum += term;
    }
    return x > 0.5 ? 2 * sum : sum;
}

constexpr auto parts = [] {
    std::array<double, length_parts> found{};
    for (int i = 0; i < length_parts; ++i) found[size_t(i)] = root_of_two(double(i) / length_parts);
    return found;
}();

inline double power_of_two(int exponent) { return std::bit_cast<double>(uint64_t(1023 + exponent) << 52); }

// 2^(log / 256), for logarithms between -2^18 and 2^18.
inline double exp2_parts(int32_t log) { return parts[size_t(log & (length_parts - 1))] * power_of_two(log >> 8); }

// 2^(log / 16).
inline double exp2_sixteenths(int32_t log) { return exp2_parts(log * (length_parts / octave)); }

// Where the integers of a field lie, as the caller's four numbers: address, bytes of each, and how many bytes lie
// between those of two splats and of two columns.
struct Field {
    int64_t address, size, row, column;

    // Integers of `some` splats from `first`, of one column.
    void load(size_t first, size_t some, size_t which, int64_t* out) const {
        const auto* at = reinterpret_cast<const uint8_t*>(address) + int64_t(first) * row + int64_t(which) * column;
        switch (size) {
            case 1: return widen<int8_t>(at, some, out);
            case 2: return widen<int16_t>(at, some, out);
            case 4: return widen<int32_t>(at, some, out);
            default: return widen<int64_t>(at, some, out);
        }
    }

private:
    template <typename Number>
    void widen(const uint8_t* at, size_t some, int64_t* out) const {
        Number value;
        if (row == int64_t(sizeof(Number))) {
            for (size_t i = 0; i < some; ++i) {
                std::memcpy(&value, at + i * sizeof(Number), sizeof(Number));
                out[i] = value;
            }
            return;
        }
        for (size_t i = 0; i < some; ++i) {
            std::memcpy(&value, at + int64_t(i) * row, sizeof(Number));
            out[i] = value;
        }
    }
};

constexpr size_t block = 128;  // splats that are converted together

// Opponent colours to RGB.
inline void to_rgb(const double* color, double* rgb) {
    constexpr double third = 0.57735026918962584, half = 0.70710678118654746, sixth = 0.40824829046386307;
    constexpr double two_sixths = 0.81649658092772615;
    rgb[0] = color[0] * third + color[1] * half + color[2] * sixth;
    rgb[1] = color[0] * third - color[2] * two_sixths;
    rgb[2] = color[0] * third - color[1] * half + color[2] * sixth;
}

// The quaternion of a direction (y, z) and a roll; what lies outside the ball is taken to its edge.
inline void turned(double y, double z, double roll, float* out) {
    const double length = y * y + z * z;
    const double shorter = 1 / std::sqrt(std::max(length, 1.0));
    y *= shorter;
    z *= shorter;
    const double w = std::sqrt(std::max(1 - length, 0.0));
    const double x = std::clamp(roll, -1.0, 1.0);
    const double upright = std::sqrt(1 - x * x);
    out[0] = float(w * upright);
    out[1] = float(w * x);
    out[2] = float(y * upright + z * x);
    out[3] = float(z * upright - y * x);
}

enum Which { cells, levels, scales, opacities, rotations, colors, places, fields };

// Where the splats go: [n, 3], [n, 4], [n, 3], [n], [n, 3].
struct Splats {
    float *mean, *rotation, *scale, *opacity, *sh;
};

struct Quantiser {
    ChunkSteps steps;
    double color[level_classes];

    explicit Quantiser(int fineness) : steps(fineness) {
        for (int c = 0; c < level_classes; ++c) color[c] = color_step * exp2_sixteenths(steps.of[c].shade);
    }
};

void convert(const Field* field, const Quantiser& quantiser, int32_t exponent, bool coarse, const double* origin,
             size_t first, size_t some, const Splats& out) {
    int64_t level[block], scale[3][block], opacity[block], rotation[3][block], color[3][block], cell[3][block],
        fine[3][block];
    field[levels].load(first, some, 0, level);
    field[opacities].load(first, some, 0, opacity);
    for (size_t k = 0; k < 3; ++k) {
        field[cells].load(first, some, k, cell[k]);
        field[scales].load(first, some, k, scale[k]);
        field[rotations].load(first, some, k, rotation[k]);
        field[colors].load(first, some, k, color[k]);
        field[places].load(first, some, k, fine[k]);
    }
    for (size_t i = 0; i < some; ++i) {
        const size_t at = first + i;
        const int which = level_class(level[i]);
        const Steps& steps = quantiser.steps.of[which];
        const int32_t longest = longest_axis(scale[0][i], steps);
        const int32_t second = grown(scale[1][i], steps.second), third = grown(scale[2][i], steps.third);
        const int bits = coarse ? 0 : fine_bits(longest, second, steps.shade, exponent);
        const double side = power_of_two(exponent - bits);
        for (size_t k = 0; k < 3; ++k)
            out.mean[3 * at + k] = float(origin[k] + (double((cell[k][i] << bits) + fine[k][i]) + 0.5) * side);

        const double turn = rotation_step * exp2_sixteenths(direction_log(steps.shade, second, third));
        const double roll = rotation_step * exp2_sixteenths(roll_log(steps.shade, second, third));
        turned(double(rotation[0][i]) * turn, double(rotation[1][i]) * turn, double(rotation[2][i]) * roll,
               out.rotation + 4 * at);

        constexpr int32_t least = -largest_log * length_parts;
        out.scale[3 * at] = float(exp2_parts(longest));
        out.scale[3 * at + 1] = float(exp2_parts(std::max(longest - second, least)));
        out.scale[3 * at + 2] = float(exp2_parts(std::max(longest - second - third, least)));
        out.opacity[at] = float(exp2_parts(-int32_t(std::clamp<int64_t>(opacity[i] * steps.opacity, 0, darkest))));

        double seen[3], rgb[3];
        for (size_t k = 0; k < 3; ++k) seen[k] = double(color[k][i]) * quantiser.color[which];
        to_rgb(seen, rgb);
        for (size_t k = 0; k < 3; ++k) out.sh[3 * at + k] = float((rgb[k] - 0.5) / sh_c0);
    }
}

}  // namespace

}  // namespace SFU_NAMESPACE

using namespace SFU_NAMESPACE;

// Turns the integers of `count` splats (magnitudes below 2^44, cells and places below 2^40) into mean [n, 3],
// rotation [n, 4], scale [n, 3], opacity [n] and sh [n, 3]. field [7, 4]: cell, level, scale, opacity, rotation, color
// and fine, see `Field`. fineness -128..127, exponent -60..60, coarse: 1 for positions that are cells of the grid.
// Returns 0, or bad_numbers for what the format does not have.
SFU_API(int)
SFU_NAME(sfu_dequantise_scene)(size_t count, const int64_t* field, int32_t fineness, int32_t exponent, int coarse,
                               const double* origin, float* mean, float* rotation, float* scale, float* opacity,
                               float* sh) {
    if (fineness < -128 || fineness > 127 || std::abs(exponent) > largest_log) return bad_numbers;
    Field about[fields];
    std::memcpy(about, field, sizeof(about));
    const Quantiser quantiser(fineness);
    for (size_t first = 0; first < count; first += block)
        convert(about, quantiser, exponent, coarse != 0, origin, first, std::min(block, count - first),
                {mean, rotation, scale, opacity, sh});
    return 0;
}

// Turns the integers of `each` (3, 5 or 7) harmonics of `count` splats into sh, row floats from one splat to the next.
// level, values: see `Field`; the values' columns are the harmonics of one channel, those of the next lie `channel`
// bytes further. Returns 0, or bad_numbers.
SFU_API(int)
SFU_NAME(sfu_dequantise_band)(size_t count, uint32_t each, const int64_t* level, const int64_t* values, int64_t channel,
                              int32_t fineness, float* sh, size_t row) {
    if (fineness < -128 || fineness > 127 || (each != 3 && each != 5 && each != 7)) return bad_numbers;
    Field of_level, of_values;
    std::memcpy(&of_level, level, sizeof(Field));
    std::memcpy(&of_values, values, sizeof(Field));
    const Quantiser quantiser(fineness);
    int64_t levels[block], seen[3][block];
    for (size_t first = 0; first < count; first += block) {
        const size_t some = std::min(block, count - first);
        of_level.load(first, some, 0, levels);
        for (size_t k = 0; k < each; ++k) {
            for (size_t c = 0; c < 3; ++c) {
                Field one = of_values;
                one.address += int64_t(c) * channel;
                one.load(first, some, k, seen[c]);
            }
            for (size_t i = 0; i < some; ++i) {
                const double step = band_coarser * quantiser.color[level_class(levels[i])];
                const double color[3] = {double(seen[0][i]) * step, double(seen[1][i]) * step,
                                         double(seen[2][i]) * step};
                double rgb[3];
                to_rgb(color, rgb);
                float* out = sh + (first + i) * row + 3 * k;
                for (size_t c = 0; c < 3; ++c) out[c] = float(rgb[c] / sh_c0);
            }
        }
    }
    return 0;
}
