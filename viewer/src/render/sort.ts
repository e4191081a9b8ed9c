/** Splats by depth. */

import type { DepthView } from "./sort_types";

const KEYS = 1 << 16;

let depths = new Float32Array(0);
const starts = new Uint32Array(KEYS + 1);

/**
 * Rows of `means` [rows, 3], farthest first; those not deeper than `near` (0 or more), or not numbers, are left out.
 *
 * The bits of a positive float grow with it, about as its logarithm does: 16 bits between the nearest and the farthest
 * tell depths apart as finely far away as nearby, relative to the depth. Equal keys keep the order of the rows turned
 * round, as the renderer in Python does, which blends from the front.
 */
export function sortByDepth(means: Float32Array, [a, b, c, d]: DepthView, near: number): Uint32Array<ArrayBuffer> {
  const rows = means.length / 3;
  if (depths.length < rows) depths = new Float32Array(Math.ceil(1.25 * rows));
  const bits = new Uint32Array(depths.buffer);
  let [least, most] = [0xffffffff, 0];
  for (let i = 0, at = 0; i < rows; i++, at += 3) {
    const depth = a * means[at] + b * means[at + 1] + c * means[at + 2] + d;
    depths[i] = depth > near && depth < Infinity ? depth : 0;
    const key = bits[i];
    if (key === 0) continue;
    if (key < least) least = key;
    if (key > most) most = key;
  }

  starts.fill(0);
  const scale = (KEYS - 1) / Math.max(1, most - least);
  let count = 0;
  for (let i = 0; i < rows; i++) {
    if (bits[i] === 0) continue;
    bits[i] = (KEYS - 1 - Math.floor((bits[i] - least) * scale)) | KEYS; // never 0
    starts[(bits[i] & (KEYS - 1)) + 1]++;
    count++;
  }
  for (let key = 1; key < KEYS; key++) starts[key] += starts[key - 1];
  const order = new Uint32Array(count);
  for (let i = rows - 1; i >= 0; i--) if (bits[i] !== 0) order[starts[bits[i] & (KEYS - 1)]++] = i;
  return order;
}
