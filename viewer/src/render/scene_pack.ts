/** Rows of a scene as words for the graphics card, to be uploaded at once: see scratch.ts. */

import { reuse, scratch } from "../decode/scratch";
import type { Rows3D } from "../decode/types";
import { half, half2, snorm2 } from "./half";

/** Texels of four words that a row takes of shapes: mean, first two scales | rotation, third scale and red, green and blue. */
export const SHAPE_TEXELS = 2;

/** Texels of four words that a row takes of the harmonics of degree 1, 2 and 3: two halves a word. */
export const HARMONIC_TEXELS = [0, 2, 2, 3] as const;

const SH_C0 = 0.28209479177387814;

/** Scales are kept as 256ths of octaves, as the files have them. */
const OCTAVE = 256;

export function packShapes({ count, mean, rotation, scale, sh0 }: Rows3D): Uint32Array {
  const stride = 4 * SHAPE_TEXELS;
  reuse();
  const words = scratch(Uint32Array, count * stride);
  const places = new Float32Array(words.buffer);
  for (let i = 0, at = 0; i < count; i++, at += stride) {
    for (let k = 0; k < 3; k++) places[at + k] = mean[3 * i + k];
    words[at + 3] = (logOf(scale[3 * i]) & 0xffff) | (logOf(scale[3 * i + 1]) << 16);
    words[at + 4] = snorm2(rotation[4 * i], rotation[4 * i + 1]);
    words[at + 5] = snorm2(rotation[4 * i + 2], rotation[4 * i + 3]);
    words[at + 6] = (logOf(scale[3 * i + 2]) & 0xffff) | (half(0.5 + SH_C0 * sh0[3 * i]) << 16);
    words[at + 7] = half2(0.5 + SH_C0 * sh0[3 * i + 1], 0.5 + SH_C0 * sh0[3 * i + 2]);
  }
  return words;
}

/** values: [count, each, 3]. */
export function packHarmonics(values: Float32Array, count: number, degree: 1 | 2 | 3): Uint32Array {
  const [numbers, stride] = [3 * (2 * degree + 1), 4 * HARMONIC_TEXELS[degree]];
  reuse();
  const words = scratch(Uint32Array, count * stride);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < numbers; k += 2) {
      const at = i * numbers + k;
      words[i * stride + k / 2] = half2(values[at], k + 1 < numbers ? values[at + 1] : 0);
    }
  }
  return words;
}

/** That harmonics of a degree came, and when, in seconds. */
export function packArrivals(count: number, degree: number, time: number): Uint32Array {
  reuse();
  const words = scratch(Uint32Array, 2 * count);
  const times = new Float32Array(words.buffer);
  for (let at = 0; at < words.length; at += 2) {
    words[at] = degree;
    times[at + 1] = time;
  }
  return words;
}

function logOf(scale: number): number {
  return Math.min(Math.max(Math.round(OCTAVE * Math.log2(scale)), -32768), 32767);
}
