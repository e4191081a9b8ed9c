// Additive 2D Gaussian splats on the CPU: what the forward pass, the gradients and the fit share.
//
// A splat contributes c * 2^(a dx^2 + b dx dy + c dy^2) to every pixel where that weight is at least 1/255 (the cut-off
// of GaussianImage's rasteriser). The canvas is worked through in bands of rows whose pixels stay in the L2 cache.
// Within a band a splat is drawn in *strips*: kLanes neighbouring columns, all rows. Down a strip the exponent is a
// quadratic in the row, so that the weight follows from two multiplications per row (w *= g; g *= k) instead of an
// exponential. Columns may lean: a strip can shift by a whole number of pixels per row ("shear"), which turns most
// diagonal splats into upright ones. What remains too diagonal is drawn row by row with direct exponentials.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "vec.h"

namespace SFU_ISA {

constexpr float kCutoff = 1.0f / 255.0f;
constexpr float kCutoffQ = 11.082634f;  // -2 ln(1/255): the squared whitened distance of the cut-off
constexpr float kHalfLog2e = 0.7213475204444817f;
constexpr float kMaxExtent = 1e6f;      // pixels; a splat reaching further is absent
constexpr int kGroup = 4;               // strips drawn in lock-step; hides the latency of the recurrence
constexpr int kPad = kLanes * kGroup;   // floats left and right of every row, so that no strip needs a mask
constexpr int kBand = 32;               // rows per band; also bounds the drift of the recurrence

// A splat in the form the inner loops want. (u, dy) are sheared offsets: dx = u + shear * dy.
struct Ready {
  float x, y;          // centre in canvas pixels
  float a, b, c;       // exponent: a u^2 + b u dy + c dy^2; row-wise: -(a dx)^2 - (b dx + c dy)^2
  float k;             // 2^(2c)
  float v1, v2, y1, y2;  // whitened offsets z1 = y2 u - v2 dy, z2 = v1 dy - y1 u (row-wise: unused)
  float extent_u;      // half width in u (row-wise: unused)
  float extent_y;      // half height
  float slope;         // d(dy)/du of the ellipse's vertical midline; row-wise: d(dx)/d(dy) of the horizontal midline
  float half;          // half length of the central chord along dy; row-wise: along dx
  float top_u;         // u of the topmost point
  int32_t shear;       // pixels per row
  int32_t row_wise;    // 1: too diagonal for the recurrence
  float color[4];
};

// More than four would not fit Ready and Moments.
inline bool supported(int channels) { return channels == 1 || channels == 3 || channels == 4; }

struct Canvas {
  int width, height, channels;
  int stride() const { return (width + 2 * kPad + kLanes - 1) / kLanes * kLanes; }  // floats per channel row
  size_t row() const { return size_t(stride()) * channels; }                        // floats per pixel row
  int bands() const { return (height + kBand - 1) / kBand; }
};

// Fills `s`; false if the splat is absent (a value that is not finite, l11 or l22 not positive, a reach of kMaxExtent or
// more: `present` in reference.py) or touches no row or column of the canvas.
inline bool prepare(const float* xy, const float* chol, const float* color, int channels, const Canvas& canvas,
                    Ready& s) {
  const float l11 = chol[0], l21 = chol[1], l22 = chol[2];
  s.x = xy[0];
  s.y = xy[1];
  const float s11 = l11 * l11, s12 = l11 * l21, s22 = l21 * l21 + l22 * l22;
  s.extent_y = std::sqrt(kCutoffQ * s22);
  const float extent_x = std::sqrt(kCutoffQ * s11);
  if (!(l11 > 0 && l22 > 0)) return false;
  if (!(s.x + extent_x > 0 && s.x - extent_x < canvas.width && s.y + s.extent_y > 0 &&
        s.y - s.extent_y < canvas.height))
    return false;  // also refuses NaN
  if (!(extent_x > 0 && extent_x < kMaxExtent && s.extent_y > 0 && s.extent_y < kMaxExtent)) return false;
  for (int ch = 0; ch < channels; ++ch) {
    if (!std::isfinite(color[ch])) return false;
    s.color[ch] = color[ch];
  }

  const float det = s11 * l22 * l22;

  // The rows of the factor in (u, y), u = x - shear y. Squares of these rather than of the canvas's own covariance: a
  // long needle along the shear would cancel to nothing there.
  const float lean = s12 / s22;
  const float shear = std::nearbyint(lean);
  const float row1 = l11 - shear * l21, row2 = -shear * l22;
  const float u11 = row1 * row1 + row2 * row2;
  const float u12 = row1 * l21 + row2 * l22;
  // Beyond a squared correlation of 0.7 the first rows of a strip can underflow where later ones do not.
  s.row_wise = !(std::fabs(shear) <= 8 && u12 * u12 < 0.7f * u11 * s22);
  if (s.row_wise) {
    s.shear = 0;
    const float scale = std::sqrt(kHalfLog2e);
    s.a = scale / l11, s.c = scale / l22, s.b = -s.a * l21 / l22;
    s.k = 0, s.extent_u = 0, s.top_u = 0;
    s.v1 = s.v2 = s.y1 = s.y2 = 0;
    s.slope = lean;
    s.half = std::sqrt(kCutoffQ * det / s22);
    return true;
  }
  s.shear = int32_t(shear);
  const float area = 1 / (l11 * l22);
  s.v1 = row1 * area, s.v2 = row2 * area, s.y1 = l21 * area, s.y2 = l22 * area;
  s.a = -kHalfLog2e * (s.y1 * s.y1 + s.y2 * s.y2);
  s.b = 2 * kHalfLog2e * (s.v1 * s.y1 + s.v2 * s.y2);
  s.c = -kHalfLog2e * (s.v1 * s.v1 + s.v2 * s.v2);
  s.k = std::exp2(std::max(2 * s.c, -126.0f));
  s.extent_u = std::sqrt(kCutoffQ * u11);
  s.slope = u12 / u11;
  s.half = std::sqrt(kCutoffQ * det / u11);
  s.top_u = u12 * std::sqrt(kCutoffQ / s22);
  return true;
}

struct Rows {
  int first, last;  // inclusive; empty if last < first
};

// Rows of the band that a splat's part between u0 and u1 touches.
SFU_INLINE Rows strip_rows(const Ready& s, float u0, float u1, int band_first, int band_last) {
  const float lo = std::max(u0, -s.extent_u), hi = std::min(u1, s.extent_u);
  const float inverse = 1.0f / (s.extent_u * s.extent_u);
  const float ut = std::min(std::max(s.top_u, lo), hi), ub = std::min(std::max(-s.top_u, lo), hi);
  const float top = s.slope * ut + s.half * std::sqrt(std::max(0.0f, 1 - ut * ut * inverse));
  const float bottom = s.slope * ub - s.half * std::sqrt(std::max(0.0f, 1 - ub * ub * inverse));
  return {std::max(band_first, int(std::ceil(s.y + bottom - 0.5f))),
          std::min(band_last, int(std::floor(s.y + top - 0.5f)))};
}

// A group of up to kGroup strips in lock-step.
struct Group {
  int column;  // of lane 0 in the first row
  int first, rows;
  float u, dy;  // offsets of lane 0, first row, from the centre
};

// Calls draw(count, group) for every group of strips of `s` in the band.
template <class Draw>
SFU_INLINE void for_each_group(const Ready& s, const Canvas& canvas, int band_first, int band_last, Draw draw) {
  const int reference = int(s.y);  // the row in which strip columns are counted
  const float offset = s.shear * (reference + 0.5f - s.y) - 0.5f + s.x;  // column = u + offset
  // Only what overlaps the canvas in some row of the band: a huge splat costs no more than the canvas.
  const int lean_first = s.shear * (band_first - reference), lean_last = s.shear * (band_last - reference);
  int column = std::max(int(std::ceil(offset - s.extent_u)), -std::max(lean_first, lean_last));
  const int end =
      std::min(int(std::floor(offset + s.extent_u)) + 1, canvas.width - std::min(lean_first, lean_last));
  while (column < end) {
    const int count = std::min(kGroup, (end - column + kLanes - 1) / kLanes);
    const float u = column - offset;
    Rows rows = strip_rows(s, u, u + std::min(count * kLanes, end - column) - 1, band_first, band_last);
    if (s.shear != 0 && rows.last >= rows.first) {
      // Keep the rows in which the leaning group overlaps the canvas.
      const auto outside = [&](int row) {
        const int at = column + s.shear * (row - reference);
        return at <= -count * kLanes || at >= canvas.width;
      };
      while (rows.first <= rows.last && outside(rows.first)) ++rows.first;
      while (rows.first <= rows.last && outside(rows.last)) --rows.last;
    }
    if (rows.last >= rows.first)
      draw(count, Group{column + s.shear * (rows.first - reference), rows.first, rows.last - rows.first + 1, u,
                        rows.first + 0.5f - s.y});
    column += count * kLanes;
  }
}

// Start of the recurrence: weight and growth of every lane in the first row.
SFU_INLINE void start(const Ready& s, vf u, float dy, vf& w, vf& g) {
  const vf t = (splat(s.a) * u + splat(s.b * dy)) * u + splat(s.c * dy * dy);
  const vf growth = splat(s.b) * u + splat(s.c * (2 * dy + 1));
  w = t < splat(-120.0f) ? splat(0.0f) : exp2v(vmax(t, splat(-126.0f)));
  g = exp2v(vmin(vmax(growth, splat(-126.0f)), splat(126.0f)));
}

SFU_INLINE vf cut(vf w) { return w >= splat(kCutoff) ? w : splat(0.0f); }

template <int C, int S>
SFU_INLINE void draw_group(const Ready& s, const Group& group, float* pixel, int stride, ptrdiff_t step) {
  vf w[S], g[S];
  for (int i = 0; i < S; ++i) start(s, splat(group.u + i * kLanes) + iota(), group.dy, w[i], g[i]);
  vf color[C];
  for (int ch = 0; ch < C; ++ch) color[ch] = splat(s.color[ch]);
  const vf k = splat(s.k);
  for (int row = group.rows; row > 0; --row, pixel += step) {
#pragma GCC unroll 4
    for (int i = 0; i < S; ++i) {
      const vf weight = cut(w[i]);
      for (int ch = 0; ch < C; ++ch) {
        float* p = pixel + ch * stride + i * kLanes;
        store(p, load(p) + color[ch] * weight);
      }
      w[i] *= g[i];
      g[i] *= k;
    }
  }
}

// Row-wise splats: columns [first, end) of one row.
SFU_INLINE void chord(const Ready& s, float dy, int width, int& first, int& end) {
  const float span = s.half * std::sqrt(std::max(0.0f, 1 - dy * dy / (s.extent_y * s.extent_y)));
  const float middle = s.x + s.slope * dy - 0.5f;
  first = std::max(0, int(std::ceil(middle - span)));
  end = std::min(width, int(std::floor(middle + span)) + 1);
}

// A sum of squares, since the expanded quadratic cancels badly for needles.
SFU_INLINE vf direct(const Ready& s, vf dx, float dy, vf& z1, vf& z2) {
  z1 = splat(s.a) * dx, z2 = splat(s.b) * dx + splat(s.c * dy);
  return cut(exp2v(vmax(-(z1 * z1 + z2 * z2), splat(-126.0f))));
}

SFU_INLINE Rows row_wise_rows(const Ready& s, int band_first, int band_last) {
  return {std::max(band_first, int(std::ceil(s.y - s.extent_y - 0.5f))),
          std::min(band_last, int(std::floor(s.y + s.extent_y - 0.5f)))};
}

// Adds the splat to a band buffer whose row 0 is canvas row `band_first`; `band` points at column 0 of channel 0.
template <int C>
inline void draw(const Ready& s, const Canvas& canvas, int band_first, int band_last, float* band) {
  const int stride = canvas.stride();
  const ptrdiff_t row_floats = canvas.row();
  if (s.row_wise) {
    vf color[C];
    for (int ch = 0; ch < C; ++ch) color[ch] = splat(s.color[ch]);
    const Rows rows = row_wise_rows(s, band_first, band_last);
    for (int row = rows.first; row <= rows.last; ++row) {
      const float dy = row + 0.5f - s.y;
      int first, end;
      chord(s, dy, canvas.width, first, end);
      float* line = band + (row - band_first) * row_floats;
      for (int column = first; column < end; column += kLanes) {
        vf z1, z2;
        const vf weight = direct(s, splat(column + 0.5f - s.x) + iota(), dy, z1, z2);
        for (int ch = 0; ch < C; ++ch) {
          float* p = line + ch * stride + column;
          store(p, load(p) + color[ch] * weight);
        }
      }
    }
    return;
  }
  const ptrdiff_t step = row_floats + s.shear;
  for_each_group(s, canvas, band_first, band_last, [&](int count, const Group& group) {
    float* pixel = band + (group.first - band_first) * row_floats + group.column;
    switch (count) {
      case 1: draw_group<C, 1>(s, group, pixel, stride, step); break;
      case 2: draw_group<C, 2>(s, group, pixel, stride, step); break;
      case 3: draw_group<C, 3>(s, group, pixel, stride, step); break;
      default: draw_group<C, 4>(s, group, pixel, stride, step);
    }
  });
}

// What a splat gathers over the gradient image G: sums of g = w (G . color) times z1, z2, z1^2, z1 z2, z2^2, the whitened
// offsets z = L^-1 (dx, dy), and of w G per channel. All gradients follow from these. Sums over dx and dy would do as
// well but for needles, whose z cancel out of them.
struct Moments {
  float z1, z2, z11, z12, z22;
  float color[4];
};

// Row-wise splats gather over z1 and z2 in place of u and dy.
struct Gather {
  vf u, y, uu, uy, yy;
  vf color[4];
};

template <int C, int S>
SFU_INLINE void gather_group(const Ready& s, const Group& group, const float* pixel, int stride, ptrdiff_t step,
                             Gather& out) {
  vf w[S], g[S], s0[S], s1[S], s2[S];
  for (int i = 0; i < S; ++i) {
    start(s, splat(group.u + i * kLanes) + iota(), group.dy, w[i], g[i]);
    s0[i] = s1[i] = s2[i] = splat(0.0f);
  }
  vf color[C], sum_color[C];
  for (int ch = 0; ch < C; ++ch) color[ch] = splat(s.color[ch]), sum_color[ch] = splat(0.0f);
  const vf k = splat(s.k);
  for (int row = group.rows; row > 0; --row, pixel += step) {
#pragma GCC unroll 4
    for (int i = 0; i < S; ++i) {
      const vf weight = cut(w[i]);
      vf along = splat(0.0f);
      for (int ch = 0; ch < C; ++ch) {
        const vf gradient = load(pixel + ch * stride + i * kLanes);
        along += gradient * color[ch];
        sum_color[ch] += gradient * weight;
      }
      // Running sums: after n rows s1 and s2 hold the first two moments about the last row, without a product by dy.
      s0[i] += along * weight;
      s1[i] += s0[i];
      s2[i] += s1[i];
      w[i] *= g[i];
      g[i] *= k;
    }
  }
  const vf n = splat(float(group.rows)), dy = splat(group.dy);
  for (int i = 0; i < S; ++i) {
    const vf u = splat(group.u + i * kLanes) + iota();
    const vf r1 = n * s0[i] - s1[i];                                      // sum of row * g
    const vf r2 = splat(2.0f) * s2[i] - s1[i] - n * n * s0[i] + splat(2.0f) * n * r1;  // sum of row^2 * g
    const vf y1 = dy * s0[i] + r1;
    out.u += u * s0[i];
    out.y += y1;
    out.uu += u * u * s0[i];
    out.uy += u * y1;
    out.yy += dy * (y1 + r1) + r2;
  }
  for (int ch = 0; ch < C; ++ch) out.color[ch] += sum_color[ch];
}

// The moments of one splat over one band of the gradient image (layout as in draw; padding must be zero).
template <int C>
inline void gather(const Ready& s, const Canvas& canvas, int band_first, int band_last, const float* band,
                   Moments& out) {
  const int stride = canvas.stride();
  const ptrdiff_t row_floats = canvas.row();
  const vf zero = splat(0.0f);
  Gather sums{zero, zero, zero, zero, zero, {zero, zero, zero, zero}};
  if (s.row_wise) {
    const Rows rows = row_wise_rows(s, band_first, band_last);
    for (int row = rows.first; row <= rows.last; ++row) {
      const float dy = row + 0.5f - s.y;
      int first, end;
      chord(s, dy, canvas.width, first, end);
      const float* line = band + (row - band_first) * row_floats;
      for (int column = first; column < end; column += kLanes) {
        const vf dx = splat(column + 0.5f - s.x) + iota();
        vf z1, z2;
        const vf weight = direct(s, dx, dy, z1, z2);
        vf along = zero;
        for (int ch = 0; ch < C; ++ch) {
          const vf gradient = load(line + ch * stride + column);
          along += gradient * splat(s.color[ch]);
          sums.color[ch] += gradient * weight;
        }
        const vf g = along * weight, g1 = g * z1, g2 = g * z2;
        sums.u += g1;
        sums.y += g2;
        sums.uu += g1 * z1;
        sums.uy += g1 * z2;
        sums.yy += g2 * z2;
      }
    }
  } else {
    const ptrdiff_t step = row_floats + s.shear;
    for_each_group(s, canvas, band_first, band_last, [&](int count, const Group& group) {
      const float* pixel = band + (group.first - band_first) * row_floats + group.column;
      switch (count) {
        case 1: gather_group<C, 1>(s, group, pixel, stride, step, sums); break;
        case 2: gather_group<C, 2>(s, group, pixel, stride, step, sums); break;
        case 3: gather_group<C, 3>(s, group, pixel, stride, step, sums); break;
        default: gather_group<C, 4>(s, group, pixel, stride, step, sums);
      }
    });
  }
  for (int ch = 0; ch < C; ++ch) out.color[ch] = sum(sums.color[ch]);
  const float u = sum(sums.u), y = sum(sums.y), uu = sum(sums.uu), uy = sum(sums.uy), yy = sum(sums.yy);
  if (s.row_wise) {
    const float square = 1 / kHalfLog2e, scale = std::sqrt(square);
    out.z1 = scale * u, out.z2 = scale * y;
    out.z11 = square * uu, out.z12 = square * uy, out.z22 = square * yy;
    return;
  }
  out.z1 = s.y2 * u - s.v2 * y;
  out.z2 = s.v1 * y - s.y1 * u;
  out.z11 = s.y2 * s.y2 * uu - 2 * s.y2 * s.v2 * uy + s.v2 * s.v2 * yy;
  out.z12 = (s.y2 * s.v1 + s.v2 * s.y1) * uy - s.y2 * s.y1 * uu - s.v2 * s.v1 * yy;
  out.z22 = s.v1 * s.v1 * yy - 2 * s.v1 * s.y1 * uy + s.y1 * s.y1 * uu;
}

// Splats sorted into bands and, within a band, into segments (runs of splats added between two prefixes), in index order.
struct Binned {
  std::vector<Ready> ready;
  std::vector<int32_t> first_band;   // [N]
  std::vector<uint32_t> pair_start;  // [N + 1], pairs of a splat: pair_start[n] + (band - first_band[n])
  std::vector<uint32_t> list_start;  // [bands * segments + 1]
  std::vector<uint32_t> list;        // splat of each entry
};

inline void bin(int64_t count, const float* xy, const float* chol, const float* color, const uint8_t* segment,
                int segments, const Canvas& canvas, int threads, Binned& out) {
  out.ready.resize(count);
  out.first_band.resize(count);
  out.pair_start.resize(count + 1);
  std::vector<int32_t> last_band(count);
  const int channels = canvas.channels;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t n = 0; n < count; ++n) {
    Ready& s = out.ready[n];
    int32_t first = 0, last = -1;
    if (prepare(xy + 2 * n, chol + 3 * n, color + channels * n, channels, canvas, s)) {
      const int top = std::max(0, int(std::ceil(s.y - s.extent_y - 0.5f)));
      const int bottom = std::min(canvas.height - 1, int(std::floor(s.y + s.extent_y - 0.5f)));
      if (top <= bottom) first = top / kBand, last = bottom / kBand;
    }
    out.first_band[n] = first;
    last_band[n] = last;
  }
  const size_t lists = size_t(canvas.bands()) * segments;
  out.list_start.assign(lists + 1, 0);
  uint32_t pairs = 0;
  for (int64_t n = 0; n < count; ++n) {
    out.pair_start[n] = pairs;
    const int segment_n = segment ? segment[n] : 0;
    for (int32_t band = out.first_band[n]; band <= last_band[n]; ++band)
      ++out.list_start[size_t(band) * segments + segment_n + 1], ++pairs;
  }
  out.pair_start[count] = pairs;
  for (size_t i = 0; i < lists; ++i) out.list_start[i + 1] += out.list_start[i];
  out.list.resize(pairs);
  std::vector<uint32_t> next(out.list_start.begin(), out.list_start.end() - 1);
  for (int64_t n = 0; n < count; ++n) {
    const int segment_n = segment ? segment[n] : 0;
    for (int32_t band = out.first_band[n]; band <= last_band[n]; ++band)
      out.list[next[size_t(band) * segments + segment_n]++] = uint32_t(n);
  }
}

// The sums of a splat's moments over its bands, in band order; zero for a splat that shows nowhere.
inline Moments total(const Binned& bins, const std::vector<Moments>& moments, int64_t n) {
  Moments t{};
  for (uint32_t pair = bins.pair_start[n]; pair < bins.pair_start[n + 1]; ++pair) {
    const Moments& p = moments[pair];
    t.z1 += p.z1, t.z2 += p.z2, t.z11 += p.z11, t.z12 += p.z12, t.z22 += p.z22;
    for (int ch = 0; ch < 4; ++ch) t.color[ch] += p.color[ch];
  }
  return t;
}

}  // namespace SFU_ISA
