// C ABI of the 2D splat kernels: the picture of a set of splats, and the gradients of a loss in that picture.
#include "splat2d.h"

namespace SFU_ISA {
namespace {

// Canvas rows as the kernels keep them become rows of interleaved channels.
template <int C>
void interleave(const Canvas& canvas, const float* band, int rows, float* out) {
  const int stride = canvas.stride();
  for (int row = 0; row < rows; ++row) {
    const float* line = band + row * canvas.row() + kPad;
    float* pixel = out + size_t(row) * canvas.width * C;
    for (int column = 0; column < canvas.width; ++column)
      for (int ch = 0; ch < C; ++ch) *pixel++ = line[ch * stride + column];
  }
}

template <int C>
void deinterleave(const Canvas& canvas, const float* in, int rows, float* band) {
  const int stride = canvas.stride();
  for (int row = 0; row < rows; ++row) {
    float* line = band + row * canvas.row() + kPad;
    const float* pixel = in + size_t(row) * canvas.width * C;
    for (int column = 0; column < canvas.width; ++column)
      for (int ch = 0; ch < C; ++ch) line[ch * stride + column] = *pixel++;
  }
}

template <int C>
void render(const Canvas& canvas, const Binned& bins, float* out, int threads) {
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> band(canvas.row() * kBand + kPad);
#pragma omp for schedule(dynamic, 1)
    for (int b = 0; b < canvas.bands(); ++b) {
      const int first = b * kBand, last = std::min(canvas.height, first + kBand) - 1;
      std::fill(band.begin(), band.end(), 0.0f);
      for (uint32_t i = bins.list_start[b]; i < bins.list_start[b + 1]; ++i)
        draw<C>(bins.ready[bins.list[i]], canvas, first, last, band.data() + kPad);
      interleave<C>(canvas, band.data(), last - first + 1, out + size_t(first) * canvas.width * C);
    }
  }
}

template <int C>
void backward(const Canvas& canvas, const Binned& bins, const float* gradient, std::vector<Moments>& moments,
              int threads) {
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> band(canvas.row() * kBand + kPad, 0.0f);
#pragma omp for schedule(dynamic, 1)
    for (int b = 0; b < canvas.bands(); ++b) {
      const int first = b * kBand, last = std::min(canvas.height, first + kBand) - 1;
      deinterleave<C>(canvas, gradient + size_t(first) * canvas.width * C, last - first + 1, band.data());
      for (uint32_t i = bins.list_start[b]; i < bins.list_start[b + 1]; ++i) {
        const uint32_t n = bins.list[i];
        gather<C>(bins.ready[n], canvas, first, last, band.data() + kPad,
                  moments[bins.pair_start[n] + (b - bins.first_band[n])]);
      }
    }
  }
}

}  // namespace

// out [height, width, channels] = the picture of `count` splats; xy is relative to the canvas's top left corner.
// Returns 0, or 1 for an unsupported number of channels.
SFU_API(int) SFU_NAME(sfu_render2d)(int64_t count, const float* xy, const float* chol, const float* color,
                                    int32_t channels, int32_t width, int32_t height, float* out, int32_t threads) {
  if (!supported(channels)) return 1;
  const Canvas canvas{width, height, channels};
  Binned bins;
  bin(count, xy, chol, color, nullptr, 1, canvas, threads, bins);
  switch (channels) {
    case 1: render<1>(canvas, bins, out, threads); break;
    case 3: render<3>(canvas, bins, out, threads); break;
    default: render<4>(canvas, bins, out, threads);
  }
  return 0;
}

// Gradients of a loss with respect to xy [N, 2], chol [N, 3] and color [N, C], given the loss's gradient in every pixel.
SFU_API(int) SFU_NAME(sfu_render2d_backward)(int64_t count, const float* xy, const float* chol, const float* color,
                                             int32_t channels, int32_t width, int32_t height, const float* gradient,
                                             float* out_xy, float* out_chol, float* out_color, int32_t threads) {
  if (!supported(channels)) return 1;
  const Canvas canvas{width, height, channels};
  Binned bins;
  bin(count, xy, chol, color, nullptr, 1, canvas, threads, bins);
  std::vector<Moments> moments(bins.list.size());
  switch (channels) {
    case 1: backward<1>(canvas, bins, gradient, moments, threads); break;
    case 3: backward<3>(canvas, bins, gradient, moments, threads); break;
    default: backward<4>(canvas, bins, gradient, moments, threads);
  }
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t n = 0; n < count; ++n) {
    const Moments t = total(bins, moments, n);
    // dxy = L^-T sum(g z) and dL = L^-T sum(g z z^T), its lower part. An absent splat's factor may have no inverse.
    const bool shows = bins.pair_start[n] < bins.pair_start[n + 1];
    const float i11 = shows ? 1 / chol[3 * n] : 0, i22 = shows ? 1 / chol[3 * n + 2] : 0;
    const float i21 = shows ? -chol[3 * n + 1] * i11 * i22 : 0;
    out_xy[2 * n] = i11 * t.z1 + i21 * t.z2;
    out_xy[2 * n + 1] = i22 * t.z2;
    out_chol[3 * n] = i11 * t.z11 + i21 * t.z12;
    out_chol[3 * n + 1] = i22 * t.z12;
    out_chol[3 * n + 2] = i22 * t.z22;
    for (int ch = 0; ch < channels; ++ch) out_color[channels * n + ch] = t.color[ch];
  }
  return 0;
}

}  // namespace SFU_ISA
