// C ABI of the 3D splat kernels: pictures of splats, what each splat adds to them, and gradients.
//
// A tile takes its splats nearest first, kLanes at a time: their rows in the strips (kLanes neighbouring columns) of it
// and the states in which they start are found for all of them at once, which hides latencies. Then each is drawn down
// its strips: alpha follows from two multiplications per row (w *= g; g *= k) instead of an exponential. A pixel that
// takes no more splats keeps its transmittance with the sign turned.
#include <new>

#include "splat3d.h"

namespace SFU_ISA {
namespace splat3d {
namespace {

constexpr int kPixels = kTile * kTile;
constexpr int kKnown = 13;  // floats of Ready that place_batch wants

// How kLanes splats lie in a tile, for each of its vectors of columns.
struct Batch {
  int32_t first[kStrips][kLanes], rows[kStrips][kLanes];  // rows <= 0: nowhere
  int32_t direct[kStrips][kLanes];                        // 1: too steep for the recurrence
  float x[kLanes], y[kLanes];                             // centres in pixels of the tile
};

SFU_INLINE vi to_int(vf x) { return __builtin_convertvector(x, vi); }

SFU_INLINE void place_batch(const Ready* const* splats, int count, float left, float top_row, Batch& batch) {
  float known[kKnown][kLanes];
  for (int i = 0; i < kLanes; ++i) {
    const float* from = &splats[std::min(i, count - 1)]->x;
    for (int k = 0; k < kKnown; ++k) known[k][i] = from[k];
  }
  const vf x = load(known[0]) - splat(left), y = load(known[1]) - splat(top_row);
  const vf u = load(known[2]), p = load(known[3]), r = load(known[4]), log_opacity = load(known[5]);
  const vf inverse_r = load(known[10]), top = load(known[11]), extent_x = load(known[12]);
  const vf zero = splat(0.0f), half_pixel = splat(0.5f);
  const vf slope = -p * inverse_r, reach = u * extent_x, reach2 = reach * reach;
  const vf limit_low = splat(-1.0f), limit_high = splat(float(kTile + 1));
  const vi one = vi{} + 1, none = vi{}, last_index = vi{} + (kTile - 1);
  store(batch.x, x), store(batch.y, y);
  for (int k = 0; k < kStrips; ++k) {
    // The highest and the lowest point of the ellipse between the first and the last column.
    const vf low = vmax(-extent_x, splat(k * kLanes + 0.5f) - x);
    const vf high = vmin(extent_x, splat((k + 1) * kLanes - 0.5f) - x);
    const vf down = clampv(top, low, high), up = clampv(-top, low, high), down1 = u * down, up1 = u * up;
    const vf bottom_edge = y + slope * down + inverse_r * vsqrt(vmax(reach2 - down1 * down1, zero));
    const vf top_edge = y + slope * up - inverse_r * vsqrt(vmax(reach2 - up1 * up1, zero));
    const vf from = clampv(top_edge - half_pixel, limit_low, limit_high);
    const vf until = clampv(bottom_edge - half_pixel, limit_low, limit_high);
    vi first = vi{} + (kTile + 2) - to_int(splat(float(kTile + 2)) - from);  // ceil
    vi last = to_int(until + splat(2.0f)) - (one + one);                     // floor
    first = first > none ? first : none;
    last = last < last_index ? last : last_index;
    const vi rows = low > high ? none : last - first + one;
    // Where alpha begins so small that a float cannot hold it, later rows cannot follow from it.
    const vf dy = __builtin_convertvector(first, vf) + half_pixel - y;
    const vf z_low = p * low + r * dy, z_high = p * high + r * dy;
    const vf z1 = vmax(vabs(u * low), vabs(u * high)), z2 = vmax(vabs(z_low), vabs(z_high));
    const vi direct = z1 * z1 + z2 * z2 - log_opacity > splat(120.0f);
    std::memcpy(batch.first[k], &first, sizeof first);
    std::memcpy(batch.rows[k], &rows, sizeof rows);
    std::memcpy(batch.direct[k], &direct, sizeof direct);
  }
}

// Alpha of kLanes neighbouring columns on the way down their rows.
struct Fall {
  vf w, g;    // alpha, and what it is multiplied with for the next row
  vf z1, z2;  // in the first row
};

SFU_INLINE Fall start(const Ready& s, float x, float dy, int strip) {
  const vf dx = splat(strip * kLanes + 0.5f - x) + iota();
  Fall f;
  f.z1 = splat(s.u) * dx;
  f.z2 = splat(s.p) * dx + splat(s.r * dy);
  const vf t = splat(s.log_opacity) - f.z1 * f.z1 - f.z2 * f.z2;
  const vf growth = splat(-s.r) * (f.z2 + f.z2 + splat(s.r));
  f.w = zero_where(t < splat(-125.0f), exp2v(vmax(t, splat(-126.0f))));
  f.g = exp2v(clampv(growth, splat(-126.0f), splat(126.0f)));
  return f;
}

// Of the row after `row` rows, by a direct exponential.
SFU_INLINE vf direct_alpha(const Ready& s, const Fall& f, int row) {
  const vf z2 = f.z2 + splat(s.r * row);
  return exp2v(vmax(splat(s.log_opacity) - f.z1 * f.z1 - z2 * z2, splat(-126.0f)));
}

// out[i] = the sum of the lanes of v[i], for 8 vectors at once.
SFU_INLINE void sum8(const vf* v, float* out) {
#if !__has_builtin(__builtin_shufflevector)  // GCC before 12
  for (int i = 0; i < 8; ++i) out[i] = sum(v[i]);
#elif defined(__AVX__)
  const auto halves = [](vf a, vf b) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  };
  const auto quarters = [](vf a, vf b) {
    return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) +
           __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
  };
  const auto lanes = [](vf a, vf b) {
    return __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14) +
           __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15);
  };
  store(out, lanes(quarters(halves(v[0], v[4]), halves(v[1], v[5])), quarters(halves(v[2], v[6]), halves(v[3], v[7]))));
#else
  for (int i = 0; i < 8; i += 4) {
    const auto halves = [](vf a, vf b) {
      return __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
    };
    const vf a = halves(v[i], v[i + 1]), b = halves(v[i + 2], v[i + 3]);
    store(out + i, __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7));
  }
#endif
}

SFU_INLINE vf negative(vf x) {
  vi bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits |= vi{} + int32_t(0x80000000u);
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// One step of blending: the weights of kLanes pixels; `left` is their transmittance.
struct Step {
  vf alpha, weight;
  vi blended;
};

SFU_INLINE Step blend(vf w, float* left) {
  const vf a = zero_where(w < splat(kCutoff), vmin(w, splat(kCap)));
  const vf before = load(left), used = a * before, after = before - used;
  const vi blended = after > splat(kStop);
  store(left, blended ? after : negative(before));
  return {a, zero_where(~blended, used), blended};
}

struct alignas(64) Tile {
  float left[kPixels];     // transmittance
  float plane[4][kPixels]; // red, green, blue, depth so far; in the gradient pass: the loss's gradients of these
  float behind[kPixels];   // gradient along what is blended from here on
};

// Part of a splat: neighbouring columns and the rows of the tile in which it shows there.
struct Strip {
  int splat, rows;
  int at;  // of the first pixel in the planes
  bool direct;
};

// Which splats show in the tile's pixels, in batches, until no pixel takes more. Calls
// draw(position in the list, splat, strips, falls, how many strips) for each.
template <class Draw>
SFU_INLINE void for_each_splat(const Frame& frame, int tile, Tile& planes, Draw draw) {
  const uint32_t end = frame.list_start[tile + 1];
  const float left = float(tile % frame.columns * kTile), top = float(tile / frame.columns * kTile);
  for (uint32_t at = frame.list_start[tile]; at < end; at += kLanes) {
    vf best = splat(-1.0f);
    for (int i = 0; i < kPixels; i += kLanes) best = vmax(best, load(planes.left + i));
    bool alive = false;
    for (int i = 0; i < kLanes; ++i) alive |= best[i] > 0;
    if (!alive) return;
    const int count = int(std::min<uint32_t>(kLanes, end - at));
    const Ready* splats[kLanes];
    for (int i = 0; i < count; ++i) splats[i] = &frame.ready[frame.list[at + i]];
    for (uint32_t i = at + kLanes; i < std::min(end, at + 2 * kLanes); ++i)
      __builtin_prefetch(&frame.ready[frame.list[i]]);
    Batch batch;
    place_batch(splats, count, left, top, batch);
    Strip strips[kLanes * kStrips + 1];
    Fall falls[kLanes * kStrips];
    int found = 0;
    for (int i = 0; i < count; ++i)
      for (int k = 0; k < kStrips; ++k) {
        const int first = batch.first[k][i];
        strips[found] = {i, batch.rows[k][i], first * kTile + k * kLanes, batch.direct[k][i] != 0};
        if (batch.rows[k][i] <= 0) continue;
        falls[found++] = start(*splats[i], batch.x[i], first + 0.5f - batch.y[i], k);
      }
    strips[found].splat = -1;
    for (int from = 0; from < found;) {
      int to = from + 1;
      while (strips[to].splat == strips[from].splat) ++to;
      const int i = strips[from].splat;
      draw(at + i, *splats[i], strips + from, falls + from, to - from);
      from = to;
    }
  }
}

// Pixels beyond the picture's edge take no splats.
void open_tile(const Frame& frame, int tile, Tile& planes) {
  const int left = tile % frame.columns * kTile, top = tile / frame.columns * kTile;
  for (int row = 0; row < kTile; ++row)
    for (int column = 0; column < kTile; ++column)
      planes.left[row * kTile + column] =
          left + column < frame.view.width && top + row < frame.view.height ? 1.0f : -1.0f;
}

// --- forward ---------------------------------------------------------------------------------------------------------

SFU_INLINE vf growth_of(const Ready& s) { return exp2v(splat(std::max(-2 * s.r * s.r, -126.0f))); }

template <bool kPicture, bool kWeights, bool kDirect>
SFU_INLINE void draw_strip(const Ready& s, const Strip& strip, const Fall& fall, Tile& tile, vf& gained, vf& peak) {
  const vf k = growth_of(s);
  vf w = fall.w, g = fall.g;
  const vf red = splat(s.color[0]), green = splat(s.color[1]), blue = splat(s.color[2]), depth = splat(s.depth);
  float* left = tile.left + strip.at;
  float* p = tile.plane[0] + strip.at;
  for (int row = 0; row < strip.rows; ++row, left += kTile, p += kTile) {
    if (kDirect) w = direct_alpha(s, fall, row);
    const Step step = blend(w, left);
    if (kPicture) {
      store(p, load(p) + red * step.weight);
      store(p + kPixels, load(p + kPixels) + green * step.weight);
      store(p + 2 * kPixels, load(p + 2 * kPixels) + blue * step.weight);
      store(p + 3 * kPixels, load(p + 3 * kPixels) + depth * step.weight);
    }
    if (kWeights) gained += step.weight, peak = vmax(peak, step.weight);
    if (!kDirect) w *= g, g *= k;
  }
}

template <bool kPicture, bool kWeights>
void draw_tile(const Frame& frame, int tile, Tile& planes, float* sums, float* peaks) {
  open_tile(frame, tile, planes);
  if (kPicture) std::fill(&planes.plane[0][0], &planes.plane[0][0] + 4 * kPixels, 0.0f);
  if (kWeights) {
    const uint32_t begin = frame.list_start[tile], end = frame.list_start[tile + 1];
    std::fill(sums + begin, sums + end, 0.0f);
    std::fill(peaks + begin, peaks + end, 0.0f);
  }
  const auto draw = [&](uint32_t at, const Ready& s, const Strip* strips, const Fall* falls, int count) {
    vf gained{}, peak{};
    for (int i = 0; i < count; ++i) {
      if (strips[i].direct)
        draw_strip<kPicture, kWeights, true>(s, strips[i], falls[i], planes, gained, peak);
      else
        draw_strip<kPicture, kWeights, false>(s, strips[i], falls[i], planes, gained, peak);
    }
    if (kWeights) {
      sums[at] = sum(gained);
      float most = 0;
      for (int lane = 0; lane < kLanes; ++lane) most = std::max(most, peak[lane]);
      peaks[at] = most;
    }
  };
  for_each_splat(frame, tile, planes, draw);
}

// Threads worth waking: one takes about as long to wake as 64 tiles with little, or 1024 pairs, to draw.
int worth(const Frame& frame, int threads) {
  return std::min(threads, 1 + frame.tiles() / 64 + int(frame.list_start.back() / 1024));
}

struct Rect {
  int left, top, width, height;
};

Rect rect_of(const Frame& frame, int tile) {
  const int left = tile % frame.columns * kTile, top = tile / frame.columns * kTile;
  return {left, top, std::min(kTile, frame.view.width - left), std::min(kTile, frame.view.height - top)};
}

void write_tile(const Frame& frame, int tile, const Tile& planes, const float* background, float* color, float* alpha,
                float* depth) {
  const Rect rect = rect_of(frame, tile);
  for (int row = 0; row < rect.height; ++row) {
    const size_t at = size_t(rect.top + row) * frame.view.width + rect.left;
    for (int column = 0; column < rect.width; ++column) {
      const int i = row * kTile + column;
      const float left = std::fabs(planes.left[i]);
      alpha[at + column] = 1 - left;
      depth[at + column] = planes.plane[3][i];
      for (int ch = 0; ch < 3; ++ch) color[3 * (at + column) + ch] = planes.plane[ch][i] + left * background[ch];
    }
  }
}

// Per splat: the sum and the largest of its pairs' values.
void sum_weights(const Frame& frame, const float* sums, const float* peaks, float* total, float* peak, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t rank = 0; rank < int64_t(frame.visible); ++rank) {
    float sum = 0, most = 0;
    for (uint32_t pair = frame.pair_start[rank]; pair < frame.pair_start[rank + 1]; ++pair) {
      sum += sums[frame.place[pair]];
      most = std::max(most, peaks[frame.place[pair]]);
    }
    total[frame.order[rank]] = sum;
    peak[frame.order[rank]] = most;
  }
}

// --- backward --------------------------------------------------------------------------------------------------------

// Sums over the lanes' rows, still by column; in the order of Moments.
struct Gather {
  vf h, z1, z2, z11, z12, z22, color[3], depth;
};

template <bool kDirect>
SFU_INLINE void gather_strip(const Ready& s, const Strip& strip, const Fall& fall, Tile& tile, Gather& out) {
  const vf k = growth_of(s);
  const vf red = splat(s.color[0]), green = splat(s.color[1]), blue = splat(s.color[2]), depth = splat(s.depth);
  vf w = fall.w, g = fall.g;
  vf s0{}, s1{}, s2{}, d_red{}, d_green{}, d_blue{}, d_depth{};
  int at = strip.at;
  for (int row = 0; row < strip.rows; ++row, at += kTile) {
    if (kDirect) w = direct_alpha(s, fall, row);
    const Step step = blend(w, tile.left + at);
    const float* p = tile.plane[0] + at;
    const vf g_red = load(p), g_green = load(p + kPixels), g_blue = load(p + 2 * kPixels);
    const vf g_depth = load(p + 3 * kPixels);
    const vf along = (red * g_red + green * g_green + blue * g_blue + depth * g_depth) * step.weight;
    const vf behind = load(tile.behind + at) - along;
    store(tile.behind + at, behind);
    const vf h = zero_where(~step.blended | (w > splat(kCap)),
                            along - step.alpha * behind / (splat(1.0f) - step.alpha));
    s0 += h, s1 += s0, s2 += s1;
    d_red += step.weight * g_red, d_green += step.weight * g_green, d_blue += step.weight * g_blue;
    d_depth += step.weight * g_depth;
    if (!kDirect) w *= g, g *= k;
  }
  const vf n = splat(float(strip.rows)), slope = splat(s.r);
  const vf r1 = n * s0 - s1;                                                     // sum of row * h
  const vf r2 = splat(2.0f) * s2 - s1 - n * n * s0 + splat(2.0f) * n * r1;       // sum of row^2 * h
  const vf z2 = fall.z2 * s0 + slope * r1;
  out.h += s0;
  out.z1 += fall.z1 * s0;
  out.z2 += z2;
  out.z11 += fall.z1 * fall.z1 * s0;
  out.z12 += fall.z1 * z2;
  out.z22 += fall.z2 * (z2 + slope * r1) + slope * slope * r2;
  out.color[0] += d_red, out.color[1] += d_green, out.color[2] += d_blue;
  out.depth += d_depth;
}

// The pictures of the forward pass and the loss's gradients in them.
struct Pictures {
  const float *color, *alpha, *depth, *d_color, *d_alpha, *d_depth;
};

void read_tile(const Frame& frame, int tile, const Pictures& pictures, Tile& planes) {
  const Rect rect = rect_of(frame, tile);
  std::fill(&planes.plane[0][0], &planes.plane[0][0] + 4 * kPixels, 0.0f);
  std::fill(planes.behind, planes.behind + kPixels, 0.0f);
  for (int row = 0; row < rect.height; ++row) {
    const size_t at = size_t(rect.top + row) * frame.view.width + rect.left;
    for (int column = 0; column < rect.width; ++column) {
      const int i = row * kTile + column;
      const size_t pixel = at + column;
      float behind = -pictures.d_alpha[pixel] * (1 - pictures.alpha[pixel]);
      for (int ch = 0; ch < 3; ++ch) {
        planes.plane[ch][i] = pictures.d_color[3 * pixel + ch];
        behind += pictures.color[3 * pixel + ch] * pictures.d_color[3 * pixel + ch];
      }
      planes.plane[3][i] = pictures.d_depth[pixel];
      planes.behind[i] = behind + pictures.depth[pixel] * pictures.d_depth[pixel];
    }
  }
}

void gather_tile(const Frame& frame, int tile, const Pictures& pictures, Tile& planes, Moments* moments) {
  open_tile(frame, tile, planes);
  read_tile(frame, tile, pictures, planes);
  std::fill(moments + frame.list_start[tile], moments + frame.list_start[tile + 1], Moments{});
  const auto gather = [&](uint32_t at, const Ready& s, const Strip* strips, const Fall* falls, int count) {
    Gather sums{};
    for (int i = 0; i < count; ++i) {
      if (strips[i].direct)
        gather_strip<true>(s, strips[i], falls[i], planes, sums);
      else
        gather_strip<false>(s, strips[i], falls[i], planes, sums);
    }
    sum8(&sums.h, &moments[at].h);
    moments[at].color[2] = sum(sums.color[2]);
    moments[at].depth = sum(sums.depth);
  };
  for_each_splat(frame, tile, planes, gather);
}

Moments total_of(const Frame& frame, const Buffer<Moments>& moments, int64_t rank) {
  Moments t{};
  for (uint32_t pair = frame.pair_start[rank]; pair < frame.pair_start[rank + 1]; ++pair) {
    const Moments& m = moments[frame.place[pair]];
    t.h += m.h, t.z1 += m.z1, t.z2 += m.z2, t.z11 += m.z11, t.z12 += m.z12, t.z22 += m.z22;
    for (int ch = 0; ch < 3; ++ch) t.color[ch] += m.color[ch];
    t.depth += m.depth;
  }
  return t;
}

}  // namespace
}  // namespace splat3d

using namespace splat3d;

// A frame: splats projected, sorted and put into tiles. The arrays of the splats must outlive it. `view` holds rotation
// [9], position [3], offset [3], fx, fy, cx, cy, near and the limits x_low, x_high, y_low, y_high. Null
// without memory, or if the splats lie in too many tiles.
SFU_API(void*) SFU_NAME(sfu_frame3d_new)(int64_t count, const float* mean, const float* rotation, const float* scale,
                                         const float* opacity, const float* sh, int32_t coefficients,
                                         const float* view, int32_t width, int32_t height, int32_t antialias,
                                         int32_t threads) {
  try {
    auto frame = std::make_unique<Frame>();
    frame->scene = Scene{count, mean, rotation, scale, opacity, sh, coefficients};
    std::memcpy(&frame->view, view, 24 * sizeof(float));
    frame->view.width = width, frame->view.height = height, frame->view.antialias = antialias;
    return prepare(*frame, threads) ? frame.release() : nullptr;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

SFU_API(void) SFU_NAME(sfu_frame3d_free)(void* frame) { delete static_cast<Frame*>(frame); }

// Draws the frame: color [H, W, 3] over background [3], alpha and depth [H, W]. Returns 0, or 1 without memory.
SFU_API(int) SFU_NAME(sfu_frame3d_draw)(const void* handle, const float* background, float* color, float* alpha,
                                        float* depth, int32_t threads) {
  const Frame& frame = *static_cast<const Frame*>(handle);
  threads = worth(frame, threads);
#pragma omp parallel num_threads(threads)
  {
    Tile planes;
#pragma omp for schedule(dynamic, 2)
    for (int tile = 0; tile < frame.tiles(); ++tile) {
      draw_tile<true, false>(frame, tile, planes, nullptr, nullptr);
      write_tile(frame, tile, planes, background, color, alpha, depth);
    }
  }
  return 0;
}

// total and peak [N]: the sum and the largest of every splat's weights. Draws the picture too unless color is null.
SFU_API(int) SFU_NAME(sfu_frame3d_weights)(const void* handle, const float* background, float* color, float* alpha,
                                           float* depth, float* total, float* peak, int32_t threads) {
  const Frame& frame = *static_cast<const Frame*>(handle);
  threads = worth(frame, threads);
  Buffer<float> sums, peaks;
  try {
    sums.allocate(frame.list_start.back());
    peaks.allocate(frame.list_start.back());
  } catch (const std::bad_alloc&) {
    return 1;
  }
#pragma omp parallel num_threads(threads)
  {
    Tile planes;
#pragma omp for schedule(dynamic, 2)
    for (int tile = 0; tile < frame.tiles(); ++tile) {
      if (color) {
        draw_tile<true, true>(frame, tile, planes, sums.data.get(), peaks.data.get());
        write_tile(frame, tile, planes, background, color, alpha, depth);
      } else {
        draw_tile<false, true>(frame, tile, planes, sums.data.get(), peaks.data.get());
      }
    }
  }
  std::fill(total, total + frame.scene.count, 0.0f);
  std::fill(peak, peak + frame.scene.count, 0.0f);
  sum_weights(frame, sums.data.get(), peaks.data.get(), total, peak, threads);
  return 0;
}

// Gradients with respect to all values of the splats, from the pictures that sfu_frame3d_draw made and the loss's
// gradients in them. Returns 0, or 1 without memory.
SFU_API(int) SFU_NAME(sfu_frame3d_gradient)(const void* handle, const float* color, const float* alpha,
                                            const float* depth, const float* d_color, const float* d_alpha,
                                            const float* d_depth, float* mean, float* rotation, float* scale,
                                            float* opacity, float* sh, float* screen, int32_t threads) {
  const Frame& frame = *static_cast<const Frame*>(handle);
  threads = worth(frame, threads);
  const Pictures pictures{color, alpha, depth, d_color, d_alpha, d_depth};
  const Gradients out{mean, rotation, scale, opacity, sh, screen};
  Buffer<Moments> moments;
  try {
    moments.allocate(frame.list_start.back());
  } catch (const std::bad_alloc&) {
    return 1;
  }
  const int values = 3 * frame.scene.coefficients;
#pragma omp parallel num_threads(threads)
  {
#pragma omp for schedule(static) nowait
    for (int64_t n = 0; n < frame.scene.count; ++n) {
      std::fill_n(mean + 3 * n, 3, 0.0f);
      std::fill_n(rotation + 4 * n, 4, 0.0f);
      std::fill_n(scale + 3 * n, 3, 0.0f);
      std::fill_n(sh + values * n, values, 0.0f);
      opacity[n] = screen[n] = 0;
    }
    Tile planes;
#pragma omp for schedule(dynamic, 2)
    for (int tile = 0; tile < frame.tiles(); ++tile) gather_tile(frame, tile, pictures, planes, moments.data.get());
#pragma omp for schedule(dynamic, 64)
    for (int64_t block = 0; block < (int64_t(frame.visible) + kLanes - 1) / kLanes; ++block) {
      const int64_t first = block * kLanes;
      const int lanes = int(std::min<int64_t>(kLanes, frame.visible - first));
      int32_t index[kLanes];
      Moments totals[kLanes];
      for (int i = 0; i < kLanes; ++i) {
        const int64_t rank = first + std::min(i, lanes - 1);
        index[i] = int32_t(frame.order[rank]);
        totals[i] = total_of(frame, moments, rank);
      }
      backproject(frame, index, lanes, totals, out);
    }
  }
  return 0;
}

}  // namespace SFU_ISA
