/**
 * 3D splats in GLSL: the projection and blending of src/sfumato/kernels/reference3d.py, in three steps. Every row is
 * projected once a picture, into two texels; the rows are drawn in their order; the result goes on the screen.
 */

import { BATCH } from "./gl";
import { LINE } from "./table";

/** Where a row of a table starts; what is in it, scene_pack.ts says. */
const PLACE = `
ivec2 place(int row, int texels) {
  return ivec2(row % ${LINE} * texels, row / ${LINE});
}`;

const CUTOFF = (1 / 255).toFixed(9);

/** Constants of reference3d.py: DILATION, VIEW_MARGIN, MAX_SIGMA; ALPHA_CAP stands in the fragment shader. */
export const VIEW_MARGIN = 0.3;
const DILATION = "0.3";
const MAX_SIGMA = "1e6";

/** Harmonics in the order and with the signs of kernels/harmonics.py, whose polynomials these are. */
const HARMONICS = `
vec3 three(uvec4 a, uvec4 b, int at) { // numbers at, at + 1 and at + 2 of the sixteen in two texels
  uint words[8] = uint[8](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w);
  vec2 one = unpackHalf2x16(words[at >> 1]), two = unpackHalf2x16(words[(at >> 1) + 1]);
  return (at & 1) == 0 ? vec3(one, two.x) : vec3(one.y, two);
}

vec3 harmonics(ivec2 at, vec3 way) {
  if (degree == 0) return vec3(0.0);
  uvec2 arrival = texelFetch(arrivals, at, 0).xy; // the last degree that came, and when
  float part = clamp((now - uintBitsToFloat(arrival.y)) * pace, 0.0, 1.0);
  vec3 parts = mix(vec3(1.0), vec3(part), equal(uvec3(arrival.x), uvec3(1u, 2u, 3u)));
  float x = way.x, y = way.y, z = way.z, xx = x * x, yy = y * y, zz = z * z;
  ivec2 pair = at * ivec2(2, 1), triple = at * ivec2(3, 1), next = ivec2(1, 0);
  vec3 sum = vec3(0.0);
  {
    uvec4 a = texelFetch(first, pair, 0), b = texelFetch(first, pair + next, 0);
    sum += parts.x * 0.4886025119 * (-y * three(a, b, 0) + z * three(a, b, 3) - x * three(a, b, 6));
  }
  if (degree > 1) {
    uvec4 a = texelFetch(second, pair, 0), b = texelFetch(second, pair + next, 0);
    sum += parts.y * 1.0925484306 * (x * y * three(a, b, 0) - y * z * three(a, b, 3) - x * z * three(a, b, 9));
    sum += parts.y * (0.3153915653 * (2.0 * zz - xx - yy) * three(a, b, 6) + 0.5462742153 * (xx - yy) * three(a, b, 12));
  }
  if (degree > 2) {
    uvec4 a = texelFetch(third, triple, 0), b = texelFetch(third, triple + next, 0), c = texelFetch(third, triple + 2 * next, 0);
    vec3 cubic = -0.5900435899 * (y * (3.0 * xx - yy) * three(a, b, 0) + x * (xx - 3.0 * yy) * three(b, c, 10));
    cubic += 2.8906114426 * x * y * z * three(a, b, 3) + 1.4453057213 * z * (xx - yy) * three(b, c, 7);
    cubic -= 0.4570457995 * (4.0 * zz - xx - yy) * (y * three(a, b, 6) + x * three(b, c, 4));
    cubic += 0.3731763326 * z * (2.0 * zz - 3.0 * xx - 3.0 * yy) * three(b, c, 1);
    sum += parts.z * cubic;
  }
  return sum;
}`;

/** Instead of FRAME_SHADER, where rows lie in the world. */
export const NO_FRAMES = `
struct Frame {
  mat3 axes;
  vec3 place;
  float scale;
};

Frame frameOf(int row) {
  return Frame(mat3(1.0), vec3(0.0), 1.0);
}`;

/**
 * Row by row: where the splat lies on the screen and how it looks, all 0 if it does not show. Stands behind FRAME_SHADER
 * or NO_FRAMES.
 */
export const PROJECT_FRAGMENT = `
uniform usampler2D shapes, lives, arrivals, first, second, third;
uniform int rows, degree;
uniform mat3 rotation; // world to camera
uniform vec3 translation, eye;
uniform vec4 lens; // fx, fy, cx, cy
uniform vec4 limits; // least x/z and y/z, greatest x/z and y/z
uniform vec2 size;
uniform float near, now, pace; // seconds; pace: of fading, in 1/s
uniform bool antialiased;
layout(location = 0) out uvec4 extent; // centre in pixels, l11 and l21 of the covariance's factor
layout(location = 1) out uvec4 look; // l22, red and green, blue and opacity
${PLACE}
${HARMONICS}

/** Opacity at this time: what comes rises evenly, what goes stays until most of what replaces it is there. */
float opacityOf(uvec2 life) {
  vec2 ends = unpackHalf2x16(life.x);
  float part = clamp((now - uintBitsToFloat(life.y)) * pace, 0.0, 1.0);
  return mix(ends.x, ends.y, ends.y < ends.x ? part * part * part : part);
}

mat3 matrixOf(vec4 q) { // scalar first
  q = normalize(q);
  return mat3(
    1.0 - 2.0 * (q.z * q.z + q.w * q.w), 2.0 * (q.y * q.z + q.x * q.w), 2.0 * (q.y * q.w - q.x * q.z),
    2.0 * (q.y * q.z - q.x * q.w), 1.0 - 2.0 * (q.y * q.y + q.w * q.w), 2.0 * (q.z * q.w + q.x * q.y),
    2.0 * (q.y * q.w + q.x * q.z), 2.0 * (q.z * q.w - q.x * q.y), 1.0 - 2.0 * (q.y * q.y + q.z * q.z));
}

void main() {
  extent = look = uvec4(0u);
  ivec2 at = ivec2(gl_FragCoord.xy);
  int row = at.y * ${LINE} + at.x;
  if (row >= rows) return;
  float opacity = opacityOf(texelFetch(lives, at, 0).xy);
  if (opacity < ${CUTOFF}) return;
  uvec4 low = texelFetch(shapes, at * ivec2(2, 1), 0), high = texelFetch(shapes, at * ivec2(2, 1) + ivec2(1, 0), 0);
  Frame frame = frameOf(row);
  vec3 mean = frame.scale * (frame.axes * uintBitsToFloat(low.xyz)) + frame.place;
  vec3 point = rotation * mean + translation;
  if (!(point.z > near)) return;

  ivec3 logs = ivec3(int(low.w << 16) >> 16, int(low.w) >> 16, int(high.z << 16) >> 16);
  vec3 scale = frame.scale * exp2(vec3(logs) / 256.0);
  mat3 axes = rotation * frame.axes * matrixOf(vec4(unpackSnorm2x16(high.x), unpackSnorm2x16(high.y)));
  vec2 slant = clamp(point.xy / point.z, limits.xy, limits.zw);
  vec2 focal = lens.xy / point.z;
  vec2 a = focal * (axes[0].xy - slant * axes[0].z) * scale.x;
  vec2 b = focal * (axes[1].xy - slant * axes[1].z) * scale.y;
  vec2 c = focal * (axes[2].xy - slant * axes[2].z) * scale.z;
  vec3 sharp = vec3(a.x * a.x + b.x * b.x + c.x * c.x, a.x * a.y + b.x * b.y + c.x * c.y, a.y * a.y + b.y * b.y + c.y * c.y);
  vec3 wide = sharp + vec3(${DILATION}, 0.0, ${DILATION});
  if (!(max(wide.x, wide.z) < ${MAX_SIGMA} * ${MAX_SIGMA})) return;
  if (antialiased) {
    // The determinant of the sharp covariance as a sum of squares: the difference would cancel out for thin splats.
    vec3 minors = vec3(a.x * b.y - a.y * b.x, a.x * c.y - a.y * c.x, b.x * c.y - b.y * c.x);
    opacity *= sqrt(dot(minors, minors) / (wide.x * wide.z - wide.y * wide.y));
    if (opacity < ${CUTOFF}) return;
  }
  vec2 center = lens.xy * point.xy / point.z + lens.zw;
  vec2 reach = sqrt(2.0 * log(opacity / ${CUTOFF}) * wide.xz);
  if (any(lessThan(center + reach, vec2(0.0))) || any(greaterThan(center - reach, size))) return;

  float l11 = sqrt(wide.x), l21 = wide.y / l11, l22 = sqrt(max(wide.z - l21 * l21, 0.0));
  vec3 way = mean - eye;
  vec3 color = vec3(unpackHalf2x16(high.z).y, unpackHalf2x16(high.w)) + harmonics(at, way / max(length(way), 1e-12));
  color = max(color, 0.0);
  extent = floatBitsToUint(vec4(center, l11, l21));
  look = uvec4(floatBitsToUint(l22), packHalf2x16(color.rg), packHalf2x16(vec2(color.b, opacity)), 0u);
}`;

export const SPLAT_VERTEX = `
uniform usampler2D order, extents, looks;
uniform int count;
uniform vec2 size;
uniform bool flipped;
flat out vec4 color;
out vec2 z;
${PLACE}

void main() {
  gl_Position = vec4(2.0, 2.0, 0.0, 1.0);
  int n = gl_InstanceID * ${BATCH} + gl_VertexID / 3;
  if (n >= count) return;
  ivec2 at = place(int(texelFetch(order, place(n, 1), 0).x), 1);
  vec4 extent = uintBitsToFloat(texelFetch(extents, at, 0));
  if (extent.z == 0.0) return;
  uvec4 look = texelFetch(looks, at, 0);
  color = vec4(unpackHalf2x16(look.y), unpackHalf2x16(look.z));
  float reach = sqrt(max(2.0 * log(color.a / ${CUTOFF}), 0.0));
  // A triangle around the circle: it covers more than a square does, but most splats are small and corners cost more.
  int k = gl_VertexID % 3;
  z = reach * vec2(float(k - 1) * ${Math.sqrt(3)}, k == 1 ? 2 : -1);
  vec2 corner = extent.xy + vec2(extent.z * z.x, extent.w * z.x + uintBitsToFloat(look.x) * z.y);
  corner = 2.0 * corner / size - 1.0;
  gl_Position = vec4(corner.x, flipped ? -corner.y : corner.y, 0.0, 1.0);
}`;

export const SPLAT_FRAGMENT = `
flat in vec4 color;
in vec2 z;
out vec4 covered;

void main() {
  float alpha = color.a * exp(-0.5 * dot(z, z));
  if (alpha < ${CUTOFF}) discard;
  alpha = min(alpha, 0.99);
  covered = vec4(color.rgb * alpha, alpha);
}`;

/** The premultiplied picture over the background; targets have their first row on top. */
export const SHOW_FRAGMENT = `
uniform sampler2D picture;
uniform vec4 background;
out vec4 shown;

void main() {
  vec4 value = texelFetch(picture, ivec2(gl_FragCoord.x, float(textureSize(picture, 0).y) - gl_FragCoord.y), 0);
  shown = value + background * (1.0 - value.a);
}`;
