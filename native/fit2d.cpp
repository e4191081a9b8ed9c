// One step of fitting layered 2D splats to pictures: all prefixes, their errors and all gradients in one pass.
//
// The model is additive, so that drawing the segments one after another into the same buffer shows every prefix in turn,
// and the gradient image of a segment is the running sum, from the last prefix down, of the weighted residuals: any
// number of supervised prefixes costs one forward and one backward pass over the splats. The pass works band by band;
// residuals never leave the cache.
#include "splat2d.h"

namespace SFU_ISA {
namespace {

struct Job {
  Canvas canvas;
  int segments;
  const float* const* targets;  // [segments], canvas layout
  const float* weights;         // [segments]
  bool clamp;                   // errors of what a screen shows: values outside 0..1 count as 0 or 1
};

template <int C>
void pass(const Job& job, const Binned& bins, std::vector<Moments>& moments, std::vector<double>& errors, int threads) {
  const Canvas& canvas = job.canvas;
  const int bands = canvas.bands(), segments = job.segments;
  const size_t band_floats = canvas.row() * kBand + kPad;
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> picture(band_floats);
    std::vector<float> residuals(band_floats * segments, 0.0f);
#pragma omp for schedule(dynamic, 1)
    for (int b = 0; b < bands; ++b) {
      const int first = b * kBand, last = std::min(canvas.height, first + kBand) - 1;
      const uint32_t* starts = &bins.list_start[size_t(b) * segments];
      std::fill(picture.begin(), picture.end(), 0.0f);
      for (int k = 0; k < segments; ++k) {
        for (uint32_t i = starts[k]; i < starts[k + 1]; ++i)
          draw<C>(bins.ready[bins.list[i]], canvas, first, last, picture.data() + kPad);
        const float low = job.clamp ? 0.0f : -INFINITY, high = job.clamp ? 1.0f : INFINITY;
        const float weight = job.weights[k];
        float* residual = residuals.data() + band_floats * k;
        double error = 0;
        for (int row = 0; row < (last - first + 1) * C; ++row) {
          const float* shown = picture.data() + size_t(row) * canvas.stride() + kPad;
          const float* target = job.targets[k] + (size_t(first) * C + row) * canvas.stride() + kPad;
          float* out = residual + size_t(row) * canvas.stride() + kPad;
          float line = 0;
#pragma omp simd reduction(+ : line)
          for (int column = 0; column < canvas.width; ++column) {
            const float r = std::min(std::max(shown[column], low), high) - target[column];
            line += r * r;
            out[column] = weight * r;
          }
          error += line;
        }
        errors[size_t(b) * segments + k] = error;
      }
      const int rows = (last - first + 1) * C;
      for (int k = segments - 2; k >= 0; --k) {
        float* mine = residuals.data() + band_floats * k;
        const float* next = mine + band_floats;
        const size_t floats = size_t(rows) * canvas.stride();
        for (size_t i = 0; i < floats; ++i) mine[i] += next[i];
      }
      for (int k = 0; k < segments; ++k)
        for (uint32_t i = starts[k]; i < starts[k + 1]; ++i) {
          const uint32_t n = bins.list[i];
          gather<C>(bins.ready[n], canvas, first, last, residuals.data() + band_floats * k + kPad,
                    moments[bins.pair_start[n] + (b - bins.first_band[n])]);
        }
    }
  }
}

}  // namespace

// Floats per channel row in the canvas layout [height][channel][stride], and the column where pixels begin.
SFU_API(int32_t) SFU_NAME(sfu_fit2d_stride)(int32_t width) { return Canvas{width, 1, 1}.stride(); }
SFU_API(int32_t) SFU_NAME(sfu_fit2d_pad)() { return kPad; }

// The weighted sum over prefixes k of weights[k] * 1/2 sum (shown_k - targets[k])^2: its gradients, whitened, and the
// plain sums of squared errors of every prefix.
//
// segment [N]: the prefix from which on a splat is shown. errors [segments] out. gradient [N, 5 + C] out: for steps u and
// E in the splat's own coordinates, xy += L u and L <- L (I + E): d/du1, d/du2, d/dE11, d/dE21, d/dE22, then d/dcolor.
// Every segment is below `segments`. Returns 0, or 1 for an unsupported number of channels.
SFU_API(int) SFU_NAME(sfu_fit2d_gradient)(int64_t count, const float* xy, const float* chol, const float* color,
                                          const uint8_t* segment, int32_t segments, const float* const* targets,
                                          const float* weights, int32_t channels, int32_t width, int32_t height,
                                          int32_t clamp, double* errors, float* gradient, int32_t threads) {
  if (!supported(channels)) return 1;
  const Job job{{width, height, channels}, segments, targets, weights, clamp != 0};
  Binned bins;
  bin(count, xy, chol, color, segment, segments, job.canvas, threads, bins);
  std::vector<Moments> moments(bins.list.size());
  std::vector<double> band_errors(size_t(job.canvas.bands()) * segments);
  switch (channels) {
    case 1: pass<1>(job, bins, moments, band_errors, threads); break;
    case 3: pass<3>(job, bins, moments, band_errors, threads); break;
    default: pass<4>(job, bins, moments, band_errors, threads);
  }
  for (int k = 0; k < segments; ++k) {
    errors[k] = 0;
    for (int b = 0; b < job.canvas.bands(); ++b) errors[k] += band_errors[size_t(b) * segments + k];
  }
  const int parameters = 5 + channels;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t n = 0; n < count; ++n) {
    const Moments t = total(bins, moments, n);
    float* g = gradient + parameters * n;
    g[0] = t.z1, g[1] = t.z2;
    g[2] = t.z11, g[3] = t.z12, g[4] = t.z22;
    for (int ch = 0; ch < channels; ++ch) g[5 + ch] = t.color[ch];
  }
  return 0;
}

// One step of Adam in whitened coordinates. first, second [N, 5 + C]: the moments. step [5 + C]: step sizes.
// correction1, correction2: 1 - beta^t. floor: least L11 and L22 in pixels; ceiling: the largest.
// Returns 0, or 1 for an unsupported number of channels.
SFU_API(int) SFU_NAME(sfu_fit2d_adam)(int64_t count, float* xy, float* chol, float* color, int32_t channels,
                                       const float* gradient, float* first, float* second, const float* step,
                                       float beta1, float beta2, float correction1, float correction2, float floor,
                                       float ceiling, int32_t threads) {
  if (!supported(channels)) return 1;
  const int parameters = 5 + channels;
  const float inverse1 = 1 / correction1, inverse2 = 1 / correction2;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t n = 0; n < count; ++n) {
    const float* g = gradient + parameters * n;
    float *m = first + parameters * n, *v = second + parameters * n;
    float delta[9];
    for (int i = 0; i < parameters; ++i) {
      m[i] += (1 - beta1) * (g[i] - m[i]);
      v[i] += (1 - beta2) * (g[i] * g[i] - v[i]);
      delta[i] = -step[i] * (m[i] * inverse1) / (std::sqrt(v[i] * inverse2) + 1e-12f);
    }
    float* L = chol + 3 * n;
    xy[2 * n] += L[0] * delta[0];
    xy[2 * n + 1] += L[1] * delta[0] + L[2] * delta[1];
    const float l21 = L[1] * (1 + delta[2]) + L[2] * delta[3];
    L[0] = std::min(std::max(L[0] * (1 + delta[2]), floor), ceiling);
    L[2] = std::min(std::max(L[2] * (1 + delta[4]), floor), ceiling);
    L[1] = std::min(std::max(l21, -ceiling), ceiling);
    for (int ch = 0; ch < channels; ++ch) color[channels * n + ch] += delta[5 + ch];
  }
  return 0;
}

}  // namespace SFU_ISA
