// 3D Gaussian splats on the CPU: projection and its gradient, and what the passes over tiles share.
//
// A splat becomes an ellipse on the screen whose alpha is 2^(log_opacity - z1^2 - z2^2) with z1 = u dx and
// z2 = p dx + r dy: the inverse Cholesky factor of its covariance, scaled so that the exponent has base 2. A sum of
// squares keeps its precision for needles, where the expanded quadratic cancels.
#pragma once
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "vec.h"
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace SFU_ISA {
namespace splat3d {

constexpr float kCutoff = 1.0f / 255.0f;  // the constants of reference3d.py
constexpr float kLogCutoff = -7.994353437f;  // its logarithm to base 2
constexpr float kCap = 0.99f;
constexpr float kStop = 1e-4f;
constexpr float kDilation = 0.3f;
constexpr float kMaxVariance = 1e12f;
constexpr float kHalfLog2e = 0.7213475204444817f;
constexpr int kTile = 16;                  // pixels across and down; its planes stay in the L1 cache
constexpr int kStrips = kTile / kLanes;    // vectors across a tile
constexpr uint32_t kAbsent = 0xffffffffu;  // depth key of a splat that does not show

// What the kernels know of a camera. A point in camera axes is rotation (mean - position) + offset: `position` is the
// camera's, rounded, and `offset` the rest, so that large world coordinates cost no precision.
struct View {
  float rotation[9], position[3], offset[3];
  float fx, fy, cx, cy, near;
  float x_low, x_high, y_low, y_high;  // limits of x/z and y/z where the projection is linearised
  int32_t width, height, antialias;
};

struct Scene {
  int64_t count;
  const float *mean, *rotation, *scale, *opacity, *sh;
  int32_t coefficients;  // spherical harmonics per channel: 1, 4, 9 or 16
};

// A projected splat; one cache line.
struct alignas(64) Ready {
  float x, y;              // centre in pixels
  float u, p, r;           // see above
  float log_opacity;
  float color[3], depth;
  float inverse_r, top;    // 1 / r; dx of the topmost point of the ellipse where alpha is the cut-off
  float extent_x, extent_y;  // its half width and height
};

template <class T>
struct Buffer {  // an array that is not filled with zeros first
  std::unique_ptr<T[]> data;
  void allocate(size_t count) { data.reset(new T[count]); }
  T& operator[](size_t i) { return data[i]; }
  const T& operator[](size_t i) const { return data[i]; }
};

SFU_INLINE vf vsqrt(vf x) {
#if defined(__AVX__)
  return vf(_mm256_sqrt_ps(__m256(x)));
#elif defined(__SSE2__)
  return vf(_mm_sqrt_ps(__m128(x)));
#else
  for (int i = 0; i < kLanes; ++i) x[i] = std::sqrt(x[i]);
  return x;
#endif
}

SFU_INLINE vf zero_where(vi mask, vf x) {
  vi bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits &= ~mask;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

SFU_INLINE vf vabs(vf x) { return vmax(x, -x); }
SFU_INLINE vf clampv(vf x, vf low, vf high) { return vmin(vmax(x, low), high); }

// Logarithm to base 2 of positive, normal numbers, absolute error 1e-7: the exponent, and the series of the inverse
// hyperbolic tangent for the mantissa in [sqrt(1/2), sqrt(2)).
SFU_INLINE vf log2v(vf x) {
  vi bits;
  std::memcpy(&bits, &x, sizeof bits);
  const vi exponent = (bits - 0x3f3504f3) >> 23;
  bits -= exponent << 23;
  vf m;
  std::memcpy(&m, &bits, sizeof m);
  const vf s = (m - splat(1.0f)) / (m + splat(1.0f)), s2 = s * s;
  vf sum = splat(0.3205988979f);
  sum = sum * s2 + splat(0.4121985831f);
  sum = sum * s2 + splat(0.5770780164f);
  sum = sum * s2 + splat(0.9617966939f);
  sum = sum * s2 + splat(2.885390082f);
  return __builtin_convertvector(exponent, vf) + sum * s;
}

// Values `at` of kLanes items of `stride` floats each.
SFU_INLINE vf gather(const float* base, int stride, int at, const int32_t* index) {
  vf v;
  for (int i = 0; i < kLanes; ++i) v[i] = base[size_t(index[i]) * stride + at];
  return v;
}

// Spherical harmonics as harmonics.py orders them; `count` of them.
SFU_INLINE void harmonics(vf x, vf y, vf z, int count, vf* out) {
  out[0] = splat(0.28209479177387814f);
  if (count == 1) return;
  const vf c1 = splat(0.4886025119029199f);
  out[1] = -c1 * y, out[2] = c1 * z, out[3] = -c1 * x;
  if (count == 4) return;
  const vf xx = x * x, yy = y * y, zz = z * z, c2 = splat(1.0925484305920792f);
  out[4] = c2 * x * y, out[5] = -c2 * y * z;
  out[6] = splat(0.31539156525252005f) * (splat(2.0f) * zz - xx - yy);
  out[7] = -c2 * x * z, out[8] = splat(0.5462742152960396f) * (xx - yy);
  if (count == 9) return;
  const vf three = splat(3.0f), high = splat(4.0f) * zz - xx - yy;
  out[9] = splat(-0.5900435899266435f) * y * (three * xx - yy);
  out[10] = splat(2.890611442640554f) * x * y * z;
  out[11] = splat(-0.4570457994644658f) * y * high;
  out[12] = splat(0.3731763325901154f) * z * (splat(2.0f) * zz - three * (xx + yy));
  out[13] = splat(-0.4570457994644658f) * x * high;
  out[14] = splat(1.445305721320277f) * z * (xx - yy);
  out[15] = splat(-0.5900435899266435f) * x * (xx - three * yy);
}

// Adds weight[k] times the derivatives of harmonic k by x, y and z.
SFU_INLINE void harmonics_gradient(vf x, vf y, vf z, int count, const vf* weight, vf* out) {
  if (count == 1) return;
  const vf* w = weight;
  const vf c1 = splat(0.4886025119029199f);
  out[0] -= c1 * w[3], out[1] -= c1 * w[1], out[2] += c1 * w[2];
  if (count == 4) return;
  const vf two = splat(2.0f), three = splat(3.0f), c2 = splat(1.0925484305920792f);
  const vf c6 = splat(2 * 0.31539156525252005f) * w[6], c8 = splat(2 * 0.5462742152960396f) * w[8];
  out[0] += c2 * (y * w[4] - z * w[7]) - c6 * x + c8 * x;
  out[1] += c2 * (x * w[4] - z * w[5]) - c6 * y - c8 * y;
  out[2] += -c2 * (y * w[5] + x * w[7]) + two * c6 * z;
  if (count == 9) return;
  const vf xx = x * x, yy = y * y, zz = z * z, xy = x * y, xz = x * z, yz = y * z, six = splat(6.0f);
  const vf e = splat(0.5900435899266435f), f = splat(0.4570457994644658f);
  const vf w9 = e * w[9], w10 = splat(2.890611442640554f) * w[10], w11 = f * w[11];
  const vf w12 = splat(0.3731763325901154f) * w[12], w13 = f * w[13];
  const vf w14 = splat(1.445305721320277f) * w[14], w15 = e * w[15];
  const vf four = splat(4.0f), eight = splat(8.0f);
  out[0] += -six * xy * w9 + yz * w10 + two * xy * w11 - six * xz * w12 - (four * zz - three * xx - yy) * w13 +
            two * xz * w14 - three * (xx - yy) * w15;
  out[1] += -three * (xx - yy) * w9 + xz * w10 - (four * zz - xx - three * yy) * w11 - six * yz * w12 +
            two * xy * w13 - two * yz * w14 + six * xy * w15;
  out[2] += xy * w10 - eight * yz * w11 + three * (two * zz - xx - yy) * w12 - eight * xz * w13 + (xx - yy) * w14;
}

// The steps from kLanes splats to their ellipses: see reference3d.Projection.
struct Geometry {
  vf point[3], inverse_depth;
  vf slant_x, slant_y;
  vi limited_x, limited_y;
  vf quaternion[4], inverse_length;
  vf turn[9], scale[3], axes[9];
  vf zoom_x, zoom_y, row1[3], row2[3];  // the axes on the screen
  vf sharp11, sharp12, sharp22, sharp_determinant;
  vf s11, s12, s22, determinant;        // dilated
};

SFU_INLINE void shape(const Scene& scene, const View& view, const int32_t* index, Geometry& g) {
  vf d[3];
  for (int i = 0; i < 3; ++i) d[i] = gather(scene.mean, 3, i, index) - splat(view.position[i]);
  const float* m = view.rotation;
  for (int i = 0; i < 3; ++i)
    g.point[i] =
        splat(m[3 * i]) * d[0] + splat(m[3 * i + 1]) * d[1] + splat(m[3 * i + 2]) * d[2] + splat(view.offset[i]);
  g.inverse_depth = splat(1.0f) / g.point[2];
  const vf x = g.point[0] * g.inverse_depth, y = g.point[1] * g.inverse_depth;
  g.limited_x = (x < splat(view.x_low)) | (x > splat(view.x_high));
  g.limited_y = (y < splat(view.y_low)) | (y > splat(view.y_high));
  g.slant_x = clampv(x, splat(view.x_low), splat(view.x_high));
  g.slant_y = clampv(y, splat(view.y_low), splat(view.y_high));

  vf q[4];
  for (int i = 0; i < 4; ++i) q[i] = gather(scene.rotation, 4, i, index);
  const vf largest = vmax(vmax(vabs(q[0]), vabs(q[1])), vmax(vabs(q[2]), vabs(q[3])));
  const vf unit = splat(1.0f) / largest;  // squares of tiny or huge quaternions would leave the range of floats
  for (int i = 0; i < 4; ++i) q[i] *= unit;
  const vf length = vsqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  for (int i = 0; i < 4; ++i) g.quaternion[i] = q[i] / length;
  g.inverse_length = unit / length;
  const vf qw = g.quaternion[0], qx = g.quaternion[1], qy = g.quaternion[2], qz = g.quaternion[3];
  const vf one = splat(1.0f), two = splat(2.0f);
  g.turn[0] = one - two * (qy * qy + qz * qz);
  g.turn[1] = two * (qx * qy - qw * qz);
  g.turn[2] = two * (qx * qz + qw * qy);
  g.turn[3] = two * (qx * qy + qw * qz);
  g.turn[4] = one - two * (qx * qx + qz * qz);
  g.turn[5] = two * (qy * qz - qw * qx);
  g.turn[6] = two * (qx * qz - qw * qy);
  g.turn[7] = two * (qy * qz + qw * qx);
  g.turn[8] = one - two * (qx * qx + qy * qy);
  for (int j = 0; j < 3; ++j) {
    g.scale[j] = gather(scene.scale, 3, j, index);
    for (int i = 0; i < 3; ++i)
      g.axes[3 * i + j] = (splat(m[3 * i]) * g.turn[j] + splat(m[3 * i + 1]) * g.turn[3 + j] +
                           splat(m[3 * i + 2]) * g.turn[6 + j]) * g.scale[j];
  }
  g.zoom_x = splat(view.fx) * g.inverse_depth;
  g.zoom_y = splat(view.fy) * g.inverse_depth;
  for (int j = 0; j < 3; ++j) {
    g.row1[j] = g.zoom_x * (g.axes[j] - g.slant_x * g.axes[6 + j]);
    g.row2[j] = g.zoom_y * (g.axes[3 + j] - g.slant_y * g.axes[6 + j]);
  }
  g.sharp11 = g.row1[0] * g.row1[0] + g.row1[1] * g.row1[1] + g.row1[2] * g.row1[2];
  g.sharp12 = g.row1[0] * g.row2[0] + g.row1[1] * g.row2[1] + g.row1[2] * g.row2[2];
  g.sharp22 = g.row2[0] * g.row2[0] + g.row2[1] * g.row2[1] + g.row2[2] * g.row2[2];
  // By the minors of the two rows (Cauchy-Binet): no difference of large squares for needles.
  const vf m1 = g.row1[1] * g.row2[2] - g.row1[2] * g.row2[1];
  const vf m2 = g.row1[2] * g.row2[0] - g.row1[0] * g.row2[2];
  const vf m3 = g.row1[0] * g.row2[1] - g.row1[1] * g.row2[0];
  g.sharp_determinant = m1 * m1 + m2 * m2 + m3 * m3;
  g.s11 = g.sharp11 + splat(kDilation), g.s12 = g.sharp12, g.s22 = g.sharp22 + splat(kDilation);
  g.determinant = g.sharp_determinant + splat(kDilation) * (g.sharp11 + g.sharp22) + splat(kDilation * kDilation);
}

// Unit vector from the camera to the splats in world axes, and 1 / distance.
SFU_INLINE vf direction(const View& view, const Geometry& g, vf* out) {
  const vf inverse = splat(1.0f) / vsqrt(g.point[0] * g.point[0] + g.point[1] * g.point[1] + g.point[2] * g.point[2]);
  for (int i = 0; i < 3; ++i)
    out[i] = (splat(view.rotation[i]) * g.point[0] + splat(view.rotation[3 + i]) * g.point[1] +
              splat(view.rotation[6 + i]) * g.point[2]) * inverse;
  return inverse;
}

// Projects kLanes splats beginning at `first`, as far as there are so many, to ready[first...] and key[0...].
template <int K>
inline void project(const Scene& scene, const View& view, int64_t first, Ready* ready, uint32_t* key) {
  int32_t index[kLanes];
  const int lanes = int(std::min<int64_t>(kLanes, scene.count - first));
  for (int i = 0; i < kLanes; ++i) index[i] = int32_t(first + std::min(i, lanes - 1));
  Geometry g;
  shape(scene, view, index, g);

  vf opacity = gather(scene.opacity, 1, 0, index);
  if (view.antialias) opacity *= vsqrt(g.sharp_determinant / g.determinant);
  const vf log_opacity = log2v(vmax(opacity, splat(1e-30f)));
  const vf reach2 = log_opacity - splat(kLogCutoff), reach = vsqrt(vmax(reach2, splat(0.0f)));
  const vf scale = splat(std::sqrt(kHalfLog2e));
  const vf root1 = vsqrt(g.s11), root2 = vsqrt(g.s22), root = vsqrt(g.determinant);
  const vf u = scale / root1, r = scale * root1 / root, p = -r * g.s12 / g.s11;
  const vf extent_x = reach * root1 / scale, extent_y = reach * root2 / scale;
  const vf x = g.point[0] * g.zoom_x + splat(view.cx), y = g.point[1] * g.zoom_y + splat(view.cy);
  const vf top = extent_y * g.s12 / g.s22;
  const vf finite = x + y + u + p + r + log_opacity + extent_x + extent_y + top;
  const vi shown = (g.point[2] > splat(view.near)) & (reach2 > splat(0.0f)) & (opacity < splat(1e30f)) &
                   (g.s11 < splat(kMaxVariance)) & (g.s22 < splat(kMaxVariance)) & (finite == finite) &
                   (x + extent_x > splat(0.0f)) & (x - extent_x < splat(float(view.width))) &
                   (y + extent_y > splat(0.0f)) & (y - extent_y < splat(float(view.height)));
  bool any = false;
  for (int i = 0; i < kLanes; ++i) any |= shown[i] != 0;
  if (!any) {
    for (int i = 0; i < lanes; ++i) key[i] = kAbsent;
    return;
  }
  vf way[3], basis[16];
  direction(view, g, way);
  harmonics(way[0], way[1], way[2], K, basis);
  for (int i = 0; i < lanes; ++i) {
    key[i] = kAbsent;
    if (!shown[i]) continue;
    float color[3] = {0.5f, 0.5f, 0.5f};
    const float* sh = scene.sh + size_t(first + i) * K * 3;
    for (int k = 0; k < K; ++k)
      for (int ch = 0; ch < 3; ++ch) color[ch] += basis[k][i] * sh[3 * k + ch];
    if (!(std::fabs(color[0]) + std::fabs(color[1]) + std::fabs(color[2]) < 1e30f)) continue;
    const float depth = g.point[2][i];
    ready[first + i] = Ready{x[i],
                             y[i],
                             u[i],
                             p[i],
                             r[i],
                             log_opacity[i],
                             {std::max(color[0], 0.0f), std::max(color[1], 0.0f), std::max(color[2], 0.0f)},
                             depth,
                             1 / r[i],
                             top[i],
                             extent_x[i],
                             extent_y[i]};
    std::memcpy(&key[i], &depth, sizeof depth);  // positive floats sort like their bits
  }
}

// Everything found out about a picture before and after its pixels are drawn.
struct Frame {
  Scene scene;
  View view;
  int columns, rows;           // tiles
  uint32_t visible;            // splats that show
  Buffer<Ready> ready;         // [count], only those of splats that show are filled
  Buffer<uint32_t> order;      // [visible], splats, nearest first
  Buffer<uint32_t> pair_start; // [visible + 1], by rank in `order`
  Buffer<uint32_t> place;      // [pairs], where in `list` a pair stands
  Buffer<uint32_t> list;       // [pairs], the splats of every tile, nearest first
  std::vector<uint32_t> list_start;  // [tiles + 1]
  int tiles() const { return columns * rows; }
};

// Fills the frame from its scene and view; false if its lists would be too long. The result does not depend on the
// number of threads.
bool prepare(Frame& frame, int threads);

// Sums over the pixels of one (splat, tile) pair, or over all pairs of a splat. h is alpha * dL/dalpha.
struct Moments {
  float h, z1, z2, z11, z12, z22;  // sums of h times the powers of z
  float color[3], depth;
};

// Where a picture's gradients go.
struct Gradients {
  float *mean, *rotation, *scale, *opacity, *sh, *screen;
};

// Gradients of the `lanes` first splats of `index`, from their moments.
void backproject(const Frame& frame, const int32_t* index, int lanes, const Moments* moments, const Gradients& out);

}  // namespace splat3d
}  // namespace SFU_ISA
