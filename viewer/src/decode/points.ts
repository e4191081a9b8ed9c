/** Unordered points of a grid in 2D, and of one in 3D in portions. */

import type { Grid } from "./grid";
import { type Boxes, Halver } from "./halving";
import type { SymbolDecoder } from "./rans";

/** n points of a 2D grid, [n, 2], in canonical order. */
export function decodePoints(symbols: SymbolDecoder, n: number, grid: Grid): Int32Array {
  const halver = new Halver(symbols, grid, n, 1);
  const single = new Int32Array(1);
  let more = halver.begin(1, new Int32Array(2), new Uint8Array(1), single.fill(n));
  if (n === 1) halver.addRest(halver.ended, 1);
  while (more) {
    more = halver.round();
    // Where the grid ends, cells of several points end as well: they have no bits left.
    halver.addRest(halver.ended, halver.endedCount);
  }
  halver.spread();
  return halver.found.corner;
}

/** Goes on from boxes, `total` points together, to boxes of at most `leaf` points each (or of one cell). */
export function splitBoxes(symbols: SymbolDecoder, boxes: Boxes, total: number, grid: Grid, leaf: number): Boxes {
  const halver = new Halver(symbols, grid, total, leaf);
  let more = halver.begin(boxes.count, boxes.corner, boxes.depth, boxes.points);
  while (more) more = halver.round();
  return halver.compact();
}

/** counts[b] points of each box b, `total` together, [total, 3], box after box, each in canonical order. */
export function decodePointsIn(
  symbols: SymbolDecoder,
  boxes: Boxes,
  counts: Int32Array,
  total: number,
  grid: Grid,
): Int32Array {
  const halver = new Halver(symbols, grid, total, 1);
  let more = halver.begin(boxes.count, boxes.corner, boxes.depth, counts);
  while (more) more = halver.round();
  const { points, corner } = halver.found;
  let alone = 0;
  for (let at = 0; at < total; at += points[at]) if (points[at] === 1) halver.ended[alone++] = at;
  halver.addRest(halver.ended, alone);
  halver.spread();
  return corner;
}
