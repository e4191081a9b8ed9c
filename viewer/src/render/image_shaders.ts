/** Additive 2D splats in GLSL: the sums of src/sfumato/kernels/reference.py, resized as in splats2d.py. */

import { BATCH } from "./gl";
import { LINE } from "./table";

/** Half width of a splat in standard deviations: where its weight falls to 1/255. */
export const REACH = Math.sqrt(2 * Math.log(255));

/** Variance in canvas pixels^2 that a strongly reduced picture is blurred by (LOW_PASS in kernels/splats2d.py). */
export const LOW_PASS = 0.1;

/** Splats that reach further are left out, as the Python kernels do: a damaged file must not cost hours. */
export const MAX_EXTENT = 1e6;

export const SPLAT_VERTEX = `
uniform usampler2D splats;
uniform int first, end;
uniform vec2 size, shift; // of the canvas, of the image in it: pixels
uniform float scale, weight;
flat out vec4 color;
out vec2 z;

void main() {
  int n = first + gl_InstanceID * ${BATCH} + (gl_VertexID >> 2);
  gl_Position = vec4(2.0, 2.0, 0.0, 1.0);
  if (n >= end) return;
  ivec2 at = ivec2(n % ${LINE} * 2, n / ${LINE});
  uvec4 low = texelFetch(splats, at, 0), high = texelFetch(splats, at + ivec2(1, 0), 0);
  vec2 center = scale * uintBitsToFloat(low.xy) + shift;
  vec3 chol = scale * vec3(uintBitsToFloat(low.zw), uintBitsToFloat(high.x));
  if (!(min(chol.x, chol.z) > 0.0) || !(${REACH.toFixed(7)} * max(chol.x, length(chol.yz)) < ${MAX_EXTENT.toFixed(1)})) return;
  float gain = weight;
  if (scale < 1.0) {
    float blur = ${LOW_PASS.toFixed(2)} * (1.0 - scale * scale), before = chol.x * chol.z;
    float l11 = sqrt(chol.x * chol.x + blur), l21 = chol.x * chol.y / l11;
    float least = before / l11;
    float l22 = sqrt(max(dot(chol.yz, chol.yz) + blur - l21 * l21, least * least));
    gain *= before / (l11 * l22);
    chol = vec3(l11, l21, l22);
  }
  color = gain * vec4(unpackHalf2x16(high.y), unpackHalf2x16(high.z));
  z = ${REACH.toFixed(7)} * vec2((gl_VertexID & 1) * 2 - 1, (gl_VertexID & 2) - 1);
  vec2 place = center + vec2(chol.x * z.x, chol.y * z.x + chol.z * z.y);
  gl_Position = vec4(2.0 * place / size - 1.0, 0.0, 1.0);
}`;

export const SPLAT_FRAGMENT = `
flat in vec4 color;
in vec2 z;
out vec4 sum;

void main() {
  float w = exp(-0.5 * dot(z, z));
  if (w < ${(1 / 255).toFixed(9)}) discard;
  sum = w * color;
}`;

/** The sums to the screen; targets have their first row on top, the screen has it below. */
export const SHOW_FRAGMENT = `
uniform sampler2D settled, fading;
uniform vec4 rectangle; // of the image in the canvas: left, top, right, bottom
uniform vec4 background;
uniform int channels;
uniform bool fades;
out vec4 shown;

void main() {
  ivec2 at = ivec2(gl_FragCoord.x, float(textureSize(settled, 0).y) - gl_FragCoord.y);
  vec2 place = vec2(at) + 0.5;
  vec4 value = texelFetch(settled, at, 0);
  if (fades) value += texelFetch(fading, at, 0);
  value = clamp(value, 0.0, 1.0);
  if (channels == 1) value.rgb = value.rrr;
  if (channels != 4) value.a = 1.0;
  if (any(lessThan(place, rectangle.xy)) || any(greaterThan(place, rectangle.zw))) value.a = 0.0;
  shown = vec4(value.rgb * value.a, value.a) + background * (1.0 - value.a);
}`;
