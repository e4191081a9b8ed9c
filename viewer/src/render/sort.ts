/** Splats by depth. */

import { roomFor } from "../decode/room";
import type { DepthView } from "./sort_types";

const KEYS = 1 << 16;

let depths = new Float32Array(0);
const starts = new Uint32Array(KEYS + 1);

/**
 * Rows of `means` [rows, 3], farthest first; those not deeper than `near` (0 or more), or not numbers, are left out.
 *
 * The bits of a positive float grow with it, about as its logarithm does: 16 bits between the nearest and the farthest
 * tell depths apart as finely far away as nearby, relative to the depth. Equal keys keep the order of the rows turned
 * round, as the renderer in Python does, which blends from the front. The order lies in `room` if that is large enough.
 */
export function sortByDepth(
  means: Float32Array,
  [a, b, c, d]: DepthView,
  near: number,
  room = new ArrayBuffer(0),
): Uint32Array<ArrayBuffer> {
  const rows = means.length / 3;
  if (depths.length < rows) depths = new Float32Array(means.buffer.byteLength / 12); // for all that may follow
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
  if (room.byteLength < 4 * count) room = new ArrayBuffer(depths.byteLength);
  const order = new Uint32Array(room, 0, count);
  for (let i = rows - 1; i >= 0; i--) if (bits[i] !== 0) order[starts[bits[i] & (KEYS - 1)]++] = i;
  return order;
}

/** Centres of rows, and their order. */
export class Depths {
  rows = 0;
  private means = new Float32Array(0); // [rows, 3]; x is NaN in rows that are not there

  /** Rows that are there from now on; `added` [n, 3] is copied. expected: rows that will come, 0 if nobody knows. */
  put(first: number, added: Float32Array, expected: number): void {
    const end = first + added.length / 3;
    if (3 * end > this.means.length) {
      const grown = new Float32Array(3 * roomFor(end, this.means.length / 3, expected));
      grown.set(this.means);
      this.means = grown;
    }
    if (first > this.rows) this.means.fill(NaN, 3 * this.rows, 3 * first);
    this.means.set(added, 3 * first);
    this.rows = Math.max(this.rows, end);
  }

  drop(first: number, count: number): void {
    this.means.fill(NaN, 3 * first, 3 * (first + count));
  }

  /** See sortByDepth. */
  order(view: DepthView, near: number, room?: ArrayBuffer): Uint32Array<ArrayBuffer> {
    return sortByDepth(this.all, view, near, room);
  }

  /** All centres, which stay here. */
  get all(): Float32Array {
    return this.means.subarray(0, 3 * this.rows);
  }
}
