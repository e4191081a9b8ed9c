// Float vectors of a register's width through the compilers' vector extensions: the same source becomes SSE2, AVX2,
// AVX-512VL, NEON or wasm SIMD. Vectors wider than a register work too, but GCC takes their comparisons apart lane by lane.
#pragma once
#include <cstdint>
#include <cstring>

#include "abi.h"

namespace SFU_ISA {

#if defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef float vf __attribute__((vector_size(4 * kLanes)));
typedef int32_t vi __attribute__((vector_size(4 * kLanes)));

#define SFU_INLINE inline __attribute__((always_inline))

SFU_INLINE vf splat(float x) { return x - vf{}; }
SFU_INLINE vf iota() {
#if defined(__AVX__)
  return vf{0, 1, 2, 3, 4, 5, 6, 7};
#else
  return vf{0, 1, 2, 3};
#endif
}

SFU_INLINE vf load(const float* p) {
  vf v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
SFU_INLINE void store(float* p, vf v) { std::memcpy(p, &v, sizeof v); }

SFU_INLINE vf vmax(vf a, vf b) { return a > b ? a : b; }
SFU_INLINE vf vmin(vf a, vf b) { return a < b ? a : b; }

// 2^x for x in [-126, 126], relative error 2e-7: the magic addition rounds x to the nearest integer n, a polynomial of
// degree 5 covers the remaining [-0.5, 0.5], and n is added to the exponent field.
SFU_INLINE vf exp2v(vf x) {
  const vf magic = splat(12582912.0f);  // 1.5 * 2^23
  const vf shifted = x + magic;
  const vf f = x - (shifted - magic);
  vf p = splat(1.3398874e-3f);
  p = p * f + splat(9.6184373e-3f);
  p = p * f + splat(5.5503324e-2f);
  p = p * f + splat(2.4022651e-1f);
  p = p * f + splat(6.9314718e-1f);
  p = p * f + splat(1.0f);
  vi n, bits;
  std::memcpy(&n, &shifted, sizeof n);
  std::memcpy(&bits, &p, sizeof bits);
  bits += n << 23;  // the magic's own low bits are zero, so that n's low bits are the integer
  vf r;
  std::memcpy(&r, &bits, sizeof r);
  return r;
}

SFU_INLINE float sum(vf v) {
#if defined(__AVX__)
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
#else
  return (v[0] + v[2]) + (v[1] + v[3]);
#endif
}

}  // namespace SFU_ISA
