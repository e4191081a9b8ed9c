// The loss of the field's trainers, mean |x - y| and 1 - mean SSIM, with its gradient, in two sweeps over the picture.
//
// SSIM's window is separable and its gradient is made of the same windows: the first sweep leaves the derivatives of
// every pixel's SSIM with respect to the window's sums of x, x^2 and xy, the second spreads them over the window again.
// A picture is worked through in bands of rows, so that what is between two windows stays in the L2 cache.
#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <vector>

#include "vec.h"

namespace SFU_ISA {
namespace {

constexpr int kRadius = 5;
constexpr int kTaps = 2 * kRadius + 1;
constexpr int kBand = 32;
constexpr float kC1 = 0.01f * 0.01f, kC2 = 0.03f * 0.03f;
// exp(-k^2 / (2 * 1.5^2)), normalised; the middle of the window first.
constexpr float kWindow[kRadius + 1] = {0.266011725f,   0.213005538f,   0.10936069f,
                                        0.0360007721f, 0.00759875814f, 0.00102838008f};

struct Size {
  int width, height, channels;
  int values() const { return width * channels; }                                     // of a row
  int pad() const { return (kRadius * channels + kLanes - 1) / kLanes * kLanes; }     // zeros left and right of it
  int stride() const { return (values() + kLanes - 1) / kLanes * kLanes + 2 * pad(); }
};

// The window along a padded row.
SFU_INLINE vf along(const float* at, int channels) {
  vf sum = splat(kWindow[0]) * load(at);
  for (int k = 1; k <= kRadius; ++k) sum += splat(kWindow[k]) * (load(at - k * channels) + load(at + k * channels));
  return sum;
}

// The window down kTaps rows, `step` floats apart; `at` is in the first.
SFU_INLINE vf down(const float* at, int step) {
  vf sum = splat(kWindow[0]) * load(at + kRadius * step);
  for (int k = 1; k <= kRadius; ++k)
    sum += splat(kWindow[k]) * (load(at + (kRadius - k) * step) + load(at + (kRadius + k) * step));
  return sum;
}

struct Sums {
  double absolute, similarity;
};

// SSIM of the rows [first, last) and its derivatives, into `slopes`: rows of three padded rows each.
Sums compare(const Size& size, const float* image, const float* target, int first, int last, float* slopes,
             std::vector<float>& memory) {
  const int stride = size.stride(), pad = size.pad(), values = size.values(), rows = last - first + 2 * kRadius;
  // Per row five windows' sums, then two padded rows and their products.
  memory.assign(size_t(rows) * 5 * stride + 5 * size_t(stride), 0.0f);
  float* blurred = memory.data();
  float* lines = blurred + size_t(rows) * 5 * stride;
  for (int row = 0; row < rows; ++row) {
    const int from = first - kRadius + row;
    if (from < 0 || from >= size.height) continue;  // zeros
    std::copy_n(image + size_t(from) * values, values, lines + pad);
    std::copy_n(target + size_t(from) * values, values, lines + stride + pad);
    for (int i = pad; i < pad + values; i += kLanes) {
      const vf x = load(lines + i), y = load(lines + stride + i);
      store(lines + 2 * stride + i, x * x);
      store(lines + 3 * stride + i, y * y);
      store(lines + 4 * stride + i, x * y);
    }
    for (int k = 0; k < 5; ++k)
      for (int i = pad; i < pad + values; i += kLanes)
        store(blurred + (size_t(row) * 5 + k) * stride + i, along(lines + k * stride + i, size.channels));
  }
  Sums sums{0, 0};
  const vf one = splat(1.0f), two = splat(2.0f), c1 = splat(kC1), c2 = splat(kC2);
  for (int row = first; row < last; ++row) {
    const float* window = blurred + size_t(row - first) * 5 * stride;
    float* out = slopes + size_t(row) * 3 * stride;
    vf total{}, absolute{};
    for (int i = 0; i < values; i += kLanes) {
      const float* at = window + pad + i;
      const int step = 5 * stride;
      const vf mx = down(at, step), my = down(at + stride, step);
      const vf xx = down(at + 2 * stride, step), yy = down(at + 3 * stride, step), xy = down(at + 4 * stride, step);
      const vf a1 = two * mx * my + c1, a2 = two * (xy - mx * my) + c2;
      const vf b1 = mx * mx + my * my + c1, b2 = (xx - mx * mx) + (yy - my * my) + c2;
      const vf i1 = one / b1, i2 = one / b2, both = i1 * i2;
      const vf similarity = a1 * a2 * both;
      const vf by_mean = two * (my * (a2 - a1) * both + similarity * mx * (i2 - i1));
      const vf inside = iota() < splat(float(values - i)) ? one : splat(0.0f);
      store(out + pad + i, inside * by_mean);
      store(out + stride + pad + i, -inside * similarity * i2);
      store(out + 2 * stride + pad + i, inside * two * a1 * both);
      total += inside * similarity;
    }
    const float* x = image + size_t(row) * values;
    const float* y = target + size_t(row) * values;
    int i = 0;
    for (; i + kLanes <= values; i += kLanes) {
      const vf d = load(x + i) - load(y + i);
      absolute += vmax(d, -d);
    }
    float rest = 0;
    for (; i < values; ++i) rest += std::fabs(x[i] - y[i]);
    sums.absolute += sum(absolute) + rest;
    sums.similarity += sum(total);
  }
  return sums;
}

// The loss's gradient in the rows [first, last). `l1` and `ssim` are the derivatives of the loss by one value's part.
void spread(const Size& size, const float* image, const float* target, int first, int last, const float* slopes,
            float l1, float ssim, float* gradient, std::vector<float>& memory) {
  const int stride = size.stride(), pad = size.pad(), values = size.values(), rows = last - first + 2 * kRadius;
  memory.assign(size_t(rows) * 3 * stride + 3 * size_t(stride), 0.0f);
  float* blurred = memory.data();
  float* lines = blurred + size_t(rows) * 3 * stride;
  for (int row = 0; row < rows; ++row) {
    const int from = first - kRadius + row;
    if (from < 0 || from >= size.height) continue;
    for (int k = 0; k < 3; ++k)
      for (int i = pad; i < pad + values; i += kLanes)
        store(blurred + (size_t(row) * 3 + k) * stride + i,
              along(slopes + (size_t(from) * 3 + k) * stride + i, size.channels));
  }
  const vf zero = splat(0.0f), step_up = splat(l1), step_down = splat(-l1), weight = splat(ssim);
  for (int row = first; row < last; ++row) {
    std::copy_n(image + size_t(row) * values, values, lines + pad);
    std::copy_n(target + size_t(row) * values, values, lines + stride + pad);
    const float* window = blurred + size_t(row - first) * 3 * stride + pad;
    for (int i = 0; i < values; i += kLanes) {
      const vf x = load(lines + pad + i), y = load(lines + stride + pad + i);
      const vf spread = down(window + i, 3 * stride) + splat(2.0f) * x * down(window + stride + i, 3 * stride) +
                        y * down(window + 2 * stride + i, 3 * stride);
      const vf sign = x > y ? step_up : (x < y ? step_down : zero);
      store(lines + 2 * stride + i, sign + weight * spread);
    }
    std::copy_n(lines + 2 * stride, values, gradient + size_t(row) * values);
  }
}

}  // namespace

// Compares two pictures [height, width, channels]. out: the mean of |x - y| and the mean SSIM (11 x 11 window, sigma
// 1.5, zeros beyond the edge). gradient: that of (1 - weight) * mean |x - y| + weight * (1 - mean SSIM) by the image.
// Returns 0, or 1 without memory.
SFU_API(int) SFU_NAME(sfu_l1_ssim)(const float* image, const float* target, int32_t width, int32_t height,
                                   int32_t channels, float weight, double* out, float* gradient, int32_t threads) {
  const Size size{width, height, channels};
  const int bands = (height + kBand - 1) / kBand;
  threads = std::min(threads, bands);
  const double scale = 1.0 / (double(size.values()) * height);
  try {
    const size_t floats = size_t(height) * 3 * size.stride();
    std::unique_ptr<float[]> slopes(new float[floats]);
    std::vector<Sums> sums(bands);
    bool failed = false;
#pragma omp parallel num_threads(threads)
    {
      std::vector<float> memory;
      try {
        memory.reserve(size_t(kBand + 2 * kRadius + 1) * 5 * size.stride());
      } catch (const std::bad_alloc&) {
#pragma omp atomic write
        failed = true;
      }
#pragma omp barrier
      if (!failed) {
#pragma omp for schedule(dynamic, 1)
        for (int band = 0; band < bands; ++band) {
          const int first = band * kBand, last = std::min(height, first + kBand);
          for (int row = first; row < last; ++row)
            for (int k = 0; k < 3; ++k) {
              float* line = slopes.get() + (size_t(row) * 3 + k) * size.stride();
              std::fill(line, line + size.pad(), 0.0f);
              std::fill(line + size.stride() - size.pad(), line + size.stride(), 0.0f);
            }
          sums[band] = compare(size, image, target, first, last, slopes.get(), memory);
        }
#pragma omp for schedule(dynamic, 1)
        for (int band = 0; band < bands; ++band)
          spread(size, image, target, band * kBand, std::min(height, band * kBand + kBand), slopes.get(),
                 float((1 - weight) * scale), float(-weight * scale), gradient, memory);
      }
    }
    if (failed) return 1;
    out[0] = out[1] = 0;
    for (const Sums& band : sums) out[0] += band.absolute * scale, out[1] += band.similarity * scale;
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

}  // namespace SFU_ISA
