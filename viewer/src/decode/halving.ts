/**
 * Points of a grid as numbers of points in boxes: what points in 2D and in 3D share.
 *
 * All points lie in one box, the smallest of power-of-two sides around the grid. A halving cuts a box across its
 * longest side, and the number of points in its first half is coded given the number in the box.
 */

import { chunkError } from "./errors";
import type { Grid } from "./grid";
import type { SymbolDecoder } from "./rans";
import { scratch } from "./scratch";
import {
  LARGEST_SPLIT,
  LOOSEST_SPLIT,
  SPLIT_CLASS_BITS,
  SPLIT_FIRST,
  SPLIT_GROUP_FROM,
  SPLIT_GROUP_TO,
  SPLITS_PER_CLASS,
  WIDEST_UNIFORM,
} from "./tables";

/** Boxes with points in them, in canonical order; [count] each, corner: [count, axes] the lowest cell. */
export interface Boxes {
  count: number;
  corner: Int32Array;
  depth: Uint8Array;
  points: Int32Array;
}

/** Boxes that are still to be halved. */
class Generation {
  count = 0;
  corner = new Int32Array(0);
  points = new Int32Array(0);
  start = new Int32Array(0); // points in front of each
  depth = new Uint8Array(0);

  constructor(private readonly axes: number) {}

  /** Room for so many; what was there is gone if there was not. */
  reserve(count: number): void {
    this.count = 0;
    if (count <= this.points.length) return;
    const room = Math.max(count, 2 * this.points.length, 64);
    this.corner = scratch(Int32Array, this.axes * room);
    this.points = scratch(Int32Array, room);
    this.start = scratch(Int32Array, room);
    this.depth = scratch(Uint8Array, room);
  }
}

/**
 * Halves boxes until they hold few points. What it finds is in arrays of the chunk, see scratch.ts.
 *
 * A finished box stands in `found` where its points begin: found.points is 0 at all other places. If boxes end with one
 * point, `ended` lists the beginnings of those that the last round finished, in order.
 */
export class Halver {
  readonly found: Boxes;
  readonly ended: Int32Array;
  endedCount = 0;
  private generation: Generation;
  private next: Generation;
  private readonly classes = [0, 0, 0];
  private shares = new Int32Array(0);
  private shifts = new Uint8Array(0);
  private tables = new Uint16Array(0);
  private coded = new Uint8Array(0);

  /** total: points in all boxes; leaf: boxes of so many points are halved no more. */
  constructor(
    private readonly symbols: SymbolDecoder,
    private readonly grid: Grid,
    private readonly total: number,
    private readonly leaf: number,
  ) {
    const axes = grid.size.length;
    this.found = {
      count: 0,
      corner: scratch(Int32Array, axes * total),
      depth: scratch(Uint8Array, total),
      points: scratch(Int32Array, total),
    };
    this.ended = scratch(Int32Array, leaf === 1 ? total : 0);
    this.generation = new Generation(axes);
    this.next = new Generation(axes);
  }

  /** Begins with the given boxes of points[i] points each; whether there is something to halve. */
  begin(count: number, corner: Int32Array, depth: Uint8Array, points: Int32Array): boolean {
    const axes = this.grid.size.length;
    let many = 0;
    for (let i = 0; i < count; i++) if (this.large(points[i], depth[i])) many++;
    this.next.reserve(many);
    let [start, largest] = [0, 0];
    for (let i = 0; i < count; i++) {
      if (points[i] === 0) continue;
      if (this.large(points[i], depth[i])) largest = Math.max(largest, points[i]);
      this.take(corner, axes * i, -1, 0, points[i], start, depth[i]);
      start += points[i];
    }
    [this.generation, this.next] = [this.next, this.generation];
    if (largest > 0) this.readClasses(largest);
    return largest > 0;
  }

  /** Halves every box that is left once; whether there are still some. */
  round(): boolean {
    const { grid, generation, next, total } = this;
    const { count, points, start, depth, corner } = generation;
    const axes = grid.size.length;
    this.endedCount = 0;
    this.readShares();
    next.reserve(Math.min(2 * count, total));
    for (let i = 0; i < count; i++) {
      const share = this.shares[i];
      const rest = points[i] - share;
      if (rest < 0) throw chunkError("a half holds more points than its box");
      const axis = grid.axis[depth[i]];
      const half = grid.half[depth[i]];
      if (share > 0) this.take(corner, axes * i, axis, 0, share, start[i], depth[i] + 1);
      if (rest > 0) this.take(corner, axes * i, axis, half, rest, start[i] + share, depth[i] + 1);
    }
    [this.generation, this.next] = [next, generation];
    return next.count > 0;
  }

  /** Moves the finished boxes to the front, in canonical order. Returns them. */
  compact(): Boxes {
    const { found, total } = this;
    const axes = this.grid.size.length;
    let count = 0;
    for (let at = 0; at < total; count++) {
      const points = found.points[at];
      for (let k = 0; k < axes; k++) found.corner[axes * count + k] = found.corner[axes * at + k];
      found.depth[count] = found.depth[at];
      found.points[count] = points;
      at += points;
    }
    const corner = found.corner.slice(0, axes * count);
    return { count, corner, depth: found.depth.slice(0, count), points: found.points.slice(0, count) };
  }

  /** Adds the rest of their coordinates, raw, to the points that begin at `which`, each alone in its box. */
  addRest(which: Int32Array, count: number): void {
    const { corner, depth } = this.found;
    const { size, bits } = this.grid;
    const axes = size.length;
    const widths = scratch(Uint8Array, count);
    const coded = scratch(Uint8Array, count);
    for (let axis = 0; axis < axes; axis++) {
      let widest = 0;
      for (let i = 0; i < count; i++) {
        widths[i] = bits[axes * depth[which[i]] + axis];
        widest = Math.max(widest, widths[i]);
      }
      for (let low = 0; low < widest; low += WIDEST_UNIFORM) {
        this.symbols.raw(widths, count, low, coded);
        for (let i = 0; i < count; i++) corner[axes * which[i] + axis] += coded[i] << low;
      }
      for (let i = 0; i < count; i++) {
        if (corner[axes * which[i] + axis] >= size[axis]) throw chunkError("a point lies outside the grid");
      }
    }
  }

  /** Gives every point of a finished box of several, which is a cell, its corner. */
  spread(): void {
    const { corner, points } = this.found;
    const axes = this.grid.size.length;
    for (let at = 0; at < this.total; at += points[at]) {
      for (let k = 1; k < points[at]; k++) corner.copyWithin(axes * (at + k), axes * at, axes * at + axes);
    }
  }

  private large(points: number, depth: number): boolean {
    return points > this.leaf && depth < this.grid.depth;
  }

  /** A box like the one at corner[from], moved along an axis: finished, or one of the next generation. */
  private take(
    corner: Int32Array,
    from: number,
    axis: number,
    shift: number,
    points: number,
    start: number,
    depth: number,
  ): void {
    const axes = this.grid.size.length;
    let to = this.found.corner;
    let at = axes * start;
    if (this.large(points, depth)) {
      const next = this.next;
      to = next.corner;
      at = axes * next.count;
      next.points[next.count] = points;
      next.start[next.count] = start;
      next.depth[next.count] = depth;
      next.count++;
    } else {
      this.found.points[start] = points;
      this.found.depth[start] = depth;
      if (this.leaf === 1) this.ended[this.endedCount++] = start;
    }
    for (let k = 0; k < axes; k++) to[at + k] = corner[from + k];
    if (shift) to[at + axis] += shift;
  }

  /** The class of each group of boxes that can occur; largest: points in the fullest box. */
  private readClasses(largest: number): void {
    const used = [0, 1, 2].filter((group) => largest >= SPLIT_GROUP_FROM[group] && this.leaf < SPLIT_GROUP_TO[group]);
    const found = new Uint8Array(used.length);
    this.symbols.raw(new Uint8Array(used.length).fill(SPLIT_CLASS_BITS), used.length, 0, found);
    used.forEach((group, at) => (this.classes[group] = found[at]));
  }

  /** How many points of each box lie in its first half. */
  private readShares(): void {
    const { grid, classes } = this;
    const { count, corner, points, depth } = this.generation;
    const axes = grid.size.length;
    if (this.shares.length < count) {
      this.shares = scratch(Int32Array, 2 * count);
      this.shifts = scratch(Uint8Array, 2 * count);
      this.tables = scratch(Uint16Array, 2 * count);
      this.coded = scratch(Uint8Array, 2 * count);
    }
    const { shares, shifts, tables, coded } = this;
    let [many, deepest] = [0, 0];
    for (let i = 0; i < count; i++) {
      const n = points[i];
      const axis = grid.axis[depth[i]];
      const half = grid.half[depth[i]];
      const second = grid.size[axis] - corner[axes * i + axis] - half; // cells of the second half on the grid
      shifts[i] = 0;
      shares[i] = n;
      if (second <= 0) continue;
      const shift = n > LARGEST_SPLIT ? 27 - Math.clz32(n) : 0;
      const group = n < SPLIT_GROUP_FROM[1] ? 0 : n < SPLIT_GROUP_FROM[2] ? 1 : 2;
      const splitClass = 4 * second < 3 * half ? LOOSEST_SPLIT : classes[group];
      tables[many++] = SPLIT_FIRST + splitClass * SPLITS_PER_CLASS + (n >> shift) - 2;
      shifts[i] = shift;
      shares[i] = -1;
      deepest = Math.max(deepest, shift);
    }
    this.symbols.symbols(tables, many, coded);
    for (let i = 0, at = 0; i < count; i++) if (shares[i] < 0) shares[i] = coded[at++] << shifts[i];
    for (let low = 0; low < deepest; low += WIDEST_UNIFORM) {
      this.symbols.raw(shifts, count, low, coded);
      for (let i = 0; i < count; i++) shares[i] += coded[i] << low;
    }
  }
}
