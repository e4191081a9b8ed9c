// The integers of a chunk of 2D splats to floating point. The law is `dequantise_reference` in
// src/sfumato/media/image/quantise.py.
//
// Neither fused multiply-add nor the C library's exponential is used, so that every machine, and wasm, gets the same
// splats from a file to the last bit; from numpy's they differ in the last digit of one number in many millions.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "image_steps.h"

namespace SFU_NAMESPACE {

namespace {

constexpr double margin = 16;        // pixels of the grid beyond the canvas
constexpr int64_t largest_log = 40;  // of |log2 l11| and |log2 l22|
constexpr double largest_tilt = 1e6;
constexpr double pi = 3.14159265358979323846;
constexpr double unit = 1.0 / (1 << fraction);

// 2^x = sum over i of coefficients[i] x^i; cut off below 2^-56 for |x| <= 1/2.
constexpr auto coefficients = [] {
    std::array<double, 14> found{1};
    for (size_t i = 1; i < found.size(); ++i) found[i] = found[i - 1] * 0.69314718055994530942 / double(i);
    return found;
}();

inline double power_of_two(int64_t exponent) { return std::bit_cast<double>(uint64_t(1023 + exponent) << 52); }

// 2^(value / 2^24) for |value| <= 2^24 largest_log.
inline double exp2_fixed(int64_t value) {
    const int64_t whole = (value + (int64_t(1) << (fraction - 1))) >> fraction;
    const double x = double(value - (whole << fraction)) * unit;
    double sum = coefficients.back();
    for (size_t i = coefficients.size() - 1; i-- > 0;) sum = sum * x + coefficients[i];
    return sum * power_of_two(whole);
}

inline double scale_of(int64_t log, int64_t step) {
    return exp2_fixed(std::clamp(log * step, -(largest_log << fraction), largest_log << fraction));
}

// 2^(-step / 8).
double gamma_step(int32_t step) {
    constexpr double eighths[8] = {1.0,
                                   0.91700404320467121,
                                   0.84089641525371450,
                                   0.77110541270397037,
                                   0.70710678118654757,
                                   0.64841977732550483,
                                   0.59460355750136051,
                                   0.54525386633262884};
    return eighths[step % 8] * power_of_two(-(step / 8));
}

// Opponent colours to RGB, in place.
inline void to_rgb(double* color) {
    constexpr double third = 0.57735026918962573, half = 0.70710678118654746, sixth = 0.40824829046386307;
    const double bright = color[0] * third, red = color[1] * half, green = color[2] * sixth;
    color[0] = bright + red + green;
    color[1] = bright - 2 * green;
    color[2] = bright - red + green;
}

template <uint32_t channels>
void convert(size_t n, int32_t color_step, int32_t exponent, const int64_t* cell, const int64_t* color,
             const int64_t* log_l11, const int64_t* log_l22, const int64_t* tilt, const int64_t* fine, float* xy,
             float* chol, float* out) {
    const double step = gamma_step(color_step);
    for (size_t i = 0; i < n; ++i) {
        const int energy = energy_class(color + channels * i, channels);
        const double l11 = scale_of(log_l11[i], log_step(energy)), l22 = scale_of(log_l22[i], log_step(energy));
        const double slope = double(tilt[i] * tilt_step(energy)) * unit;
        chol[3 * i] = float(l11);
        chol[3 * i + 1] = float(std::clamp(slope, -largest_tilt, largest_tilt) * l22);
        chol[3 * i + 2] = float(l22);
        const Refinement finer = refinement(log_l11[i], log_l22[i], tilt[i], energy, exponent);
        for (int axis = 0; axis < 2; ++axis) {
            const int bits = finer.bits[axis];
            const double place = double((cell[2 * i + axis] << bits) + fine[2 * i + axis]) + 0.5;
            xy[2 * i + axis] = float(place * power_of_two(exponent - bits) - margin);
        }
        double gamma[channels];
        for (uint32_t c = 0; c < channels; ++c) gamma[c] = double(color[channels * i + c]) * step;
        if constexpr (channels >= 3) to_rgb(gamma);
        const double area = std::sqrt(pi * l11 * l22);
        for (uint32_t c = 0; c < channels; ++c) out[channels * i + c] = float(gamma[c] / area);
    }
}

}  // namespace

}  // namespace SFU_NAMESPACE

using namespace SFU_NAMESPACE;

// Turns the integers of `count` splats (arrays as in sfu_decode_image_chunk, magnitudes below 2^36) into xy [n, 2],
// chol [n, 3] and out [n, channels]. color_step 0..255, exponent -4..10. Returns 0, or bad_numbers for what the format
// does not have.
SFU_API(int) SFU_NAME(sfu_dequantise_image)(size_t count, uint32_t channels, int32_t color_step, int32_t exponent,
                                            const int64_t* cell, const int64_t* color, const int64_t* log_l11,
                                            const int64_t* log_l22, const int64_t* tilt, const int64_t* fine, float* xy,
                                            float* chol, float* out) {
    if (color_step < 0 || color_step > 255 || exponent < -4 || exponent > 10) return bad_numbers;
    const auto run = [&](auto converted) {
        converted(count, color_step, exponent, cell, color, log_l11, log_l22, tilt, fine, xy, chol, out);
        return 0;
    };
    switch (channels) {
        case 1: return run(convert<1>);
        case 3: return run(convert<3>);
        case 4: return run(convert<4>);
        default: return bad_numbers;
    }
}
