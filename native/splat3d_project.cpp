// From splats to the lists of every tile, and from sums over pixels back to the splats' values.
#include "splat3d.h"

namespace SFU_ISA {
namespace splat3d {
namespace {

// A run of tiles in one row of tiles that a splat may touch.
struct Span {
  uint32_t splat;
  uint16_t row, first, last;
};

// A range of depths: its splats in order, and what they add to the lists.
struct Range {
  std::vector<Span> spans;
  std::vector<uint32_t> next;  // [tiles], first how many, then where the next goes
  uint32_t first, last;        // ranks
  uint64_t pairs;              // more than kMaxPairs: not all of them were looked for
};

// A frame of more (splat, tile) pairs is refused: 2 GB of lists, of which a damaged file could ask for.
constexpr uint64_t kMaxPairs = uint64_t(1) << 28;

// Splats that are projected in one go; their entries, depth key << 32 | splat, have a part of the array to themselves.
constexpr int kBlock = 4096;

struct Entries {
  Buffer<uint64_t> all;         // [count]
  std::vector<uint32_t> found;  // [blocks], how many of a block show
};

// Sorts by the upper 32 bits; stable, so that equal depths stay in the order given. Needs as much room again.
uint64_t* radix_sort(uint64_t* entries, uint64_t* spare, size_t count) {
  constexpr int kBits = 11, kBuckets = 1 << kBits, kPasses = 3;
  std::vector<uint32_t> counts(kPasses * kBuckets);
  for (size_t i = 0; i < count; ++i)
    for (int pass = 0; pass < kPasses; ++pass)
      ++counts[pass * kBuckets + (entries[i] >> (32 + pass * kBits) & (kBuckets - 1))];
  for (int pass = 0; pass < kPasses; ++pass) {
    uint32_t* next = counts.data() + pass * kBuckets;
    uint32_t total = 0;
    for (int bucket = 0; bucket < kBuckets; ++bucket) {
      const uint32_t here = next[bucket];
      next[bucket] = total;
      total += here;
    }
    for (size_t i = 0; i < count; ++i) spare[next[entries[i] >> (32 + pass * kBits) & (kBuckets - 1)]++] = entries[i];
    std::swap(entries, spare);
  }
  return entries;
}

// Bounds of `ranges` ranges with about equally many splats: [ranges + 1]. Equal for all threads.
std::vector<uint64_t> split(const Entries& entries, int ranges) {
  std::vector<uint64_t> sample;
  for (size_t block = 0; block < entries.found.size(); ++block)
    for (uint32_t i = 0; i < entries.found[block]; i += 61) sample.push_back(entries.all[block * kBlock + i]);
  std::sort(sample.begin(), sample.end());
  std::vector<uint64_t> bounds(ranges + 1, ~uint64_t(0));
  bounds[0] = 0;
  for (int range = 1; range < ranges && !sample.empty(); ++range)
    bounds[range] = sample[sample.size() * range / ranges];
  return bounds;
}

// The tiles that a splat may touch, row by row: exact for the ellipse where its alpha is the cut-off.
template <class Take>
SFU_INLINE void for_each_span(const Ready& s, const Frame& frame, Take take) {
  const int top = std::max(0, int(std::ceil(s.y - s.extent_y - 0.5f)));
  const int bottom = std::min(frame.view.height - 1, int(std::floor(s.y + s.extent_y - 0.5f)));
  const int left = std::max(0, int(std::ceil(s.x - s.extent_x - 0.5f)));
  const int right = std::min(frame.view.width - 1, int(std::floor(s.x + s.extent_x - 0.5f)));
  if (top > bottom || left > right) return;
  const int first_row = top / kTile, last_row = bottom / kTile, first = left / kTile, last = right / kTile;
  if (first == last || first_row == last_row) {
    for (int row = first_row; row <= last_row; ++row) take(row, first, last);
    return;
  }
  const float slope = s.top / s.extent_y;            // of the midpoints of the rows, by dy
  const float lean = -s.p * s.inverse_r * s.extent_x;  // dy of the rightmost point
  const float half = s.u * s.extent_x * s.inverse_r * s.extent_x / s.extent_y;  // half width at dy = 0
  const float inverse = 1 / s.extent_y;
  for (int row = first_row; row <= last_row; ++row) {
    const float low = std::max(row * kTile + 0.5f - s.y, -s.extent_y);
    const float high = std::min(row * kTile + kTile - 0.5f - s.y, s.extent_y);
    const float at = std::min(std::max(lean, low), high), to = std::min(std::max(-lean, low), high);
    const float a = at * inverse, b = to * inverse;
    const float far = s.x + slope * at + half * std::sqrt(std::max(0.0f, 1 - a * a));
    const float near = s.x + slope * to - half * std::sqrt(std::max(0.0f, 1 - b * b));
    const int from = std::max(left, int(std::ceil(near - 0.5f))), until = std::min(right, int(std::floor(far - 0.5f)));
    if (from <= until) take(row, from / kTile, until / kTile);
  }
}

void find_spans(Frame& frame, Range& range) {
  range.next.assign(frame.tiles(), 0);
  range.spans.reserve(size_t(range.last - range.first) * 2);
  range.pairs = 0;
  for (uint32_t rank = range.first; rank < range.last && range.pairs <= kMaxPairs; ++rank) {
    if (rank + 12 < range.last) __builtin_prefetch(&frame.ready[frame.order[rank + 12]]);
    frame.pair_start[rank] = uint32_t(range.pairs);
    const uint32_t splat = frame.order[rank];
    for_each_span(frame.ready[splat], frame, [&](int row, int first, int last) {
      range.spans.push_back({splat, uint16_t(row), uint16_t(first), uint16_t(last)});
      for (int column = first; column <= last; ++column) ++range.next[size_t(row) * frame.columns + column];
      range.pairs += last - first + 1;
    });
  }
}

// Sorts the entries in [low, high) into their ranks.
void sort_range(Frame& frame, const Entries& entries, uint64_t low, uint64_t high, Range& range) {
  size_t capacity = 0, mine = 0, nearer = 0;
  for (const uint32_t found : entries.found) capacity += found;
  Buffer<uint64_t> storage;
  storage.allocate(2 * capacity + 1);
  uint64_t* out = storage.data.get();
  for (size_t block = 0; block < entries.found.size(); ++block)
    for (uint32_t i = 0; i < entries.found[block]; ++i) {
      const uint64_t entry = entries.all[block * kBlock + i];
      out[mine] = entry;  // kept only if it counts
      nearer += entry < low;
      mine += entry >= low && entry < high;
    }
  const uint64_t* sorted = radix_sort(out, out + capacity, mine);
  range.first = uint32_t(nearer), range.last = uint32_t(nearer + mine);
  for (size_t i = 0; i < mine; ++i) frame.order[nearer + i] = uint32_t(sorted[i]);
}

// Turns every range's counts into places in the lists; false if there are too many.
bool place_ranges(Frame& frame, std::vector<Range>& ranges) {
  uint64_t pairs = 0;
  for (const Range& range : ranges) pairs += range.pairs;
  if (pairs > kMaxPairs) return false;
  const int tiles = frame.tiles();
  frame.visible = ranges.back().last;
  frame.list_start.resize(tiles + 1);
  uint32_t total = 0;
  for (int tile = 0; tile < tiles; ++tile) {
    frame.list_start[tile] = total;
    for (Range& range : ranges) {
      const uint32_t here = range.next[tile];
      range.next[tile] = total;
      total += here;
    }
  }
  frame.list_start[tiles] = total;
  frame.list.allocate(total);
  frame.place.allocate(total);
  frame.pair_start[frame.visible] = total;
  return true;
}

// Writes the pairs of a range to the lists; the first of them is pair number `base`.
void fill_lists(Frame& frame, Range& range, uint32_t base) {
  for (uint32_t rank = range.first; rank < range.last; ++rank) frame.pair_start[rank] += base;
  uint32_t pair = base;
  for (const Span& span : range.spans)
    for (int column = span.first; column <= span.last; ++column) {
      const uint32_t at = range.next[size_t(span.row) * frame.columns + column]++;
      frame.list[at] = span.splat;
      frame.place[pair++] = at;
    }
}

void project_block(Frame& frame, int64_t block, Entries& entries) {
  const int64_t first = block * kBlock, last = std::min<int64_t>(frame.scene.count, first + kBlock);
  uint32_t key[kBlock];
  Ready* ready = frame.ready.data.get();
  for (int64_t n = first; n < last; n += kLanes) switch (frame.scene.coefficients) {
      case 1: project<1>(frame.scene, frame.view, n, ready, key + (n - first)); break;
      case 4: project<4>(frame.scene, frame.view, n, ready, key + (n - first)); break;
      case 9: project<9>(frame.scene, frame.view, n, ready, key + (n - first)); break;
      default: project<16>(frame.scene, frame.view, n, ready, key + (n - first));
    }
  uint32_t found = 0;
  uint64_t* out = entries.all.data.get() + first;
  for (int64_t n = first; n < last; ++n) {
    out[found] = uint64_t(key[n - first]) << 32 | uint64_t(n);
    found += key[n - first] != kAbsent;
  }
  entries.found[block] = found;
}

}  // namespace

// Few barriers: where other programs run as well, every one may cost the time slice of another program.
bool prepare(Frame& frame, int threads) {
  const size_t count = frame.scene.count;
  threads = int(std::min<int64_t>(threads, 1 + frame.scene.count / 2048));  // waking a thread takes as long as these
  const int64_t blocks = (int64_t(count) + kBlock - 1) / kBlock;
  frame.columns = (frame.view.width + kTile - 1) / kTile;
  frame.rows = (frame.view.height + kTile - 1) / kTile;
  frame.ready.allocate(count);
  frame.order.allocate(count);
  frame.pair_start.allocate(count + 1);
  Entries entries;
  entries.all.allocate(count);
  entries.found.resize(blocks);
  std::vector<Range> ranges(threads);
  bool fits = false;
#pragma omp parallel num_threads(threads)
  {
#pragma omp for schedule(dynamic, 1)
    for (int64_t block = 0; block < blocks; ++block) project_block(frame, block, entries);
#pragma omp for schedule(static, 1)
    for (int r = 0; r < threads; ++r) {
      const std::vector<uint64_t> bounds = split(entries, threads);
      sort_range(frame, entries, bounds[r], bounds[r + 1], ranges[r]);
      find_spans(frame, ranges[r]);
    }
#pragma omp single
    fits = place_ranges(frame, ranges);
#pragma omp for schedule(static, 1)
    for (int r = 0; r < (fits ? threads : 0); ++r) {
      uint32_t base = 0;
      for (int before = 0; before < r; ++before) base += uint32_t(ranges[before].pairs);
      fill_lists(frame, ranges[r], base);
    }
  }
  return fits;
}

void backproject(const Frame& frame, const int32_t* index, int lanes, const Moments* moments, const Gradients& out) {
  const View& view = frame.view;
  const Scene& scene = frame.scene;
  Geometry g;
  shape(scene, view, index, g);
  vf m[10], ready[5];
  for (int i = 0; i < kLanes; ++i) {
    const Moments& t = moments[std::min(i, lanes - 1)];
    const float all[10] = {t.h, t.z1, t.z2, t.z11, t.z12, t.z22, t.color[0], t.color[1], t.color[2], t.depth};
    for (int k = 0; k < 10; ++k) m[k][i] = all[k];
    const Ready& s = frame.ready[index[i]];
    ready[0][i] = s.u, ready[1][i] = s.p, ready[2][i] = s.r;
    for (int ch = 0; ch < 3; ++ch)
      if (!(s.color[ch] > 0)) m[6 + ch][i] = 0;  // clamped
  }
  // Moments are in units of sqrt(kHalfLog2e).
  const vf u = ready[0], p = ready[1], r = ready[2];
  const vf once = splat(1 / kHalfLog2e);
  const vf center_x = (u * m[1] + p * m[2]) * once, center_y = r * m[2] * once;
  const vf half = splat(0.5f) * once * once;
  vf g11 = half * (u * u * m[3] + splat(2.0f) * u * p * m[4] + p * p * m[5]);
  vf g12 = half * r * (u * m[4] + p * m[5]);
  vf g22 = half * r * r * m[5];
  if (view.antialias) {
    const vf h = splat(0.5f) * m[0], before = h / g.sharp_determinant, after = h / g.determinant;
    g11 += g.sharp22 * before - g.s22 * after;
    g12 += g.s12 * (after - before);
    g22 += g.sharp11 * before - g.s11 * after;
  }
  vf d_slant_x{}, d_slant_y{}, d_zoom{}, d_axes[9], d_turn[9], d_scale[3];
  for (int j = 0; j < 3; ++j) {
    const vf d1 = splat(2.0f) * (g11 * g.row1[j] + g12 * g.row2[j]);
    const vf d2 = splat(2.0f) * (g12 * g.row1[j] + g22 * g.row2[j]);
    d_axes[j] = g.zoom_x * d1;
    d_axes[3 + j] = g.zoom_y * d2;
    d_axes[6 + j] = -(g.zoom_x * g.slant_x * d1 + g.zoom_y * g.slant_y * d2);
    d_slant_x -= g.zoom_x * d1 * g.axes[6 + j];
    d_slant_y -= g.zoom_y * d2 * g.axes[6 + j];
    d_zoom += d1 * g.row1[j] + d2 * g.row2[j];
  }
  d_slant_x = zero_where(g.limited_x, d_slant_x);
  d_slant_y = zero_where(g.limited_y, d_slant_y);
  const vf pull_x = center_x * g.zoom_x, pull_y = center_y * g.zoom_y;
  const vf d_x = d_slant_x * g.inverse_depth + pull_x, d_y = d_slant_y * g.inverse_depth + pull_y;
  const vf d_z = m[9] - (d_slant_x * g.slant_x + d_slant_y * g.slant_y + d_zoom + pull_x * g.point[0] +
                         pull_y * g.point[1]) * g.inverse_depth;
  const float* c = view.rotation;
  for (int j = 0; j < 3; ++j) {
    d_scale[j] = splat(0.0f);
    for (int i = 0; i < 3; ++i) {
      const vf local =
          splat(c[i]) * d_axes[j] + splat(c[3 + i]) * d_axes[3 + j] + splat(c[6 + i]) * d_axes[6 + j];
      d_scale[j] += local * g.turn[3 * i + j];
      d_turn[3 * i + j] = local * g.scale[j];
    }
  }
  const vf w = g.quaternion[0], x = g.quaternion[1], y = g.quaternion[2], z = g.quaternion[3], two = splat(2.0f);
  const vf* d = d_turn;
  vf q[4] = {
      two * (x * (d[7] - d[5]) + y * (d[2] - d[6]) + z * (d[3] - d[1])),
      two * (w * (d[7] - d[5]) + y * (d[1] + d[3]) + z * (d[2] + d[6]) - two * x * (d[4] + d[8])),
      two * (w * (d[2] - d[6]) + x * (d[1] + d[3]) + z * (d[5] + d[7]) - two * y * (d[0] + d[8])),
      two * (w * (d[3] - d[1]) + x * (d[2] + d[6]) + y * (d[5] + d[7]) - two * z * (d[0] + d[4])),
  };
  const vf along = q[0] * w + q[1] * x + q[2] * y + q[3] * z;
  for (int i = 0; i < 4; ++i) q[i] = (q[i] - g.quaternion[i] * along) * g.inverse_length;

  vf way[3], basis[16], weight[16], d_way[3] = {};
  const vf inverse_distance = direction(view, g, way);
  harmonics(way[0], way[1], way[2], scene.coefficients, basis);
  const int values = 3 * scene.coefficients;
  if (scene.coefficients > 1) {
    for (int k = 0; k < scene.coefficients; ++k)
      weight[k] = gather(scene.sh, values, 3 * k, index) * m[6] + gather(scene.sh, values, 3 * k + 1, index) * m[7] +
                  gather(scene.sh, values, 3 * k + 2, index) * m[8];
    harmonics_gradient(way[0], way[1], way[2], scene.coefficients, weight, d_way);
    const vf radial = d_way[0] * way[0] + d_way[1] * way[1] + d_way[2] * way[2];
    for (int i = 0; i < 3; ++i) d_way[i] = (d_way[i] - way[i] * radial) * inverse_distance;
  }
  const vf d_opacity = m[0] / gather(scene.opacity, 1, 0, index);
  const vf screen_x = center_x * splat(0.5f * view.width), screen_y = center_y * splat(0.5f * view.height);
  const vf screen = vsqrt(screen_x * screen_x + screen_y * screen_y);
  vf d_mean[3];
  for (int i = 0; i < 3; ++i)
    d_mean[i] = splat(c[i]) * d_x + splat(c[3 + i]) * d_y + splat(c[6 + i]) * d_z + d_way[i];
  for (int i = 0; i < lanes; ++i) {
    const size_t n = index[i];
    for (int k = 0; k < 3; ++k) out.mean[3 * n + k] = d_mean[k][i], out.scale[3 * n + k] = d_scale[k][i];
    for (int k = 0; k < 4; ++k) out.rotation[4 * n + k] = q[k][i];
    out.opacity[n] = d_opacity[i];
    out.screen[n] = screen[i];
    float* sh = out.sh + n * values;
    for (int k = 0; k < scene.coefficients; ++k)
      for (int ch = 0; ch < 3; ++ch) sh[3 * k + ch] = basis[k][i] * m[6 + ch][i];
  }
}

}  // namespace splat3d
}  // namespace SFU_ISA
