/** The payload of a chunk of a scene to integers, without rounding. */

import type { Grid } from "./grid";
import type { Boxes } from "./halving";
import { decodePointsIn, splitBoxes } from "./points";
import { SymbolDecoder } from "./rans";
import { type Above, ATTRIBUTES, Attributes, type Integers } from "./scene_attributes";
import { Columns, type Payload, usualContexts } from "./scene_columns";
import { type ChunkSteps, longestAxis, Rescale } from "./scene_steps";
import { scratch } from "./scratch";
import { SCENE_COLOR_UNIT, SCENE_OFFSET_BITS, SCENE_SHARE_BITS } from "./tables";

/** Nodes and the boxes that they stand for; offset: [3, count] places within these, in sixteenths of their sides. */
export interface Nodes extends Integers {
  boxes: Boxes;
  offset: Uint8Array;
}

/** Splats of some boxes. */
export interface Leaves extends Integers {
  /** [count, 3] */
  cell: Int32Array;
  /** [3, count] places within cells, of as many bits as `fineBits` says. */
  fine: Float64Array;
  /** Of every box the share of its node that is left, in sevenths; none but in a first portion. */
  share: Uint8Array;
}

/** Nodes of boxes of at most `leaf` points, of `splats` together, which come from the boxes of `above`. */
export function decodeNodes(payload: Payload, above: Above, splats: number, grid: Grid, leaf: number): Nodes {
  const symbols = new SymbolDecoder(payload.stream);
  const boxes = splitBoxes(symbols, above.boxes, splats, grid, leaf);
  const n = boxes.count;
  const parent = scratch(Int32Array, n);
  const { count, points } = above.boxes;
  for (let i = 0, node = -1, start = 0, end = 0; i < n; start += boxes.points[i++]) {
    while (start >= end && node + 1 < count) end += points[++node];
    parent[i] = node;
  }
  const offset = scratch(Uint8Array, 3 * n);
  symbols.raw(scratch(Uint8Array, 3 * n).fill(SCENE_OFFSET_BITS), 3 * n, 0, offset);
  const walk = new Attributes(payload, symbols, n, above, parent);
  const { attributes, levelClass, steps } = walk.run();
  symbols.finish();
  return { count: n, attributes, levelClass, steps, boxes, offset };
}

/** counts[b] splats of each box of the nodes `above`, `total` together; shares: whether a second part follows. */
export function decodeLeaves(
  payload: Payload,
  above: Above,
  counts: Int32Array,
  total: number,
  grid: Grid,
  exponent: number,
  shares: boolean,
): Leaves {
  const symbols = new SymbolDecoder(payload.stream);
  const cell = decodePointsIn(symbols, above.boxes, counts, total, grid);
  const nodes = above.boxes.count;
  const parent = scratch(Int32Array, total);
  for (let node = 0, at = 0; node < nodes; at += counts[node++]) parent.fill(node, at, at + counts[node]);
  const share = new Uint8Array(shares ? nodes : 0);
  symbols.raw(new Uint8Array(share.length).fill(SCENE_SHARE_BITS), share.length, 0, share);
  const walk = new Attributes(payload, symbols, total, above, parent);
  const { attributes, levelClass, steps } = walk.run();
  const fine = walk.fine(exponent);
  symbols.finish();
  return { count: total, attributes, levelClass, steps, cell, fine, share };
}

/** The harmonics of one degree, [3, count * each] channel after channel, of splats of these classes of levels. */
export function decodeBand(payload: Payload, steps: ChunkSteps, levelClass: Uint8Array, each: number): Float64Array {
  const n = levelClass.length * each;
  const symbols = new SymbolDecoder(payload.stream);
  const columns = new Columns(symbols, n);
  const usual = usualContexts(steps);
  for (let i = 0, at = 0; i < levelClass.length; i++) {
    for (let k = 0; k < each; k++) columns.context[at++] = usual[levelClass[i]];
  }
  const values = scratch(Float64Array, 3 * n);
  payload.models.forEach((model, channel) => {
    columns.decode(model, values, channel * n);
    for (let i = channel * n; i < (channel + 1) * n; i++) values[i] += model.centre;
  });
  symbols.finish();
  return values;
}

/** What the nodes say of what is below them. */
export function aboveOf(nodes: Nodes): Above {
  const { count, attributes, levelClass, steps } = nodes;
  const values = new Float64Array(5 * count);
  const rescale = Array.from(steps.shade, (shade) => new Rescale(shade - SCENE_COLOR_UNIT));
  const [scale, color] = [ATTRIBUTES.scale * count, ATTRIBUTES.color * count];
  for (let i = 0; i < count; i++) {
    const c = levelClass[i];
    values[i] = attributes[i];
    values[count + i] = longestAxis(attributes[scale + i], steps.first[c]);
    for (let k = 0; k < 3; k++) values[(2 + k) * count + i] = rescale[c].apply(attributes[color + k * count + i]);
  }
  return { boxes: nodes.boxes, values };
}

/** The box of all points, and in the place of a node above it zeros. */
export function wholeScene(splats: number): Above {
  const boxes = {
    count: 1,
    corner: new Int32Array(3),
    depth: new Uint8Array(1),
    points: new Int32Array(1).fill(splats),
  };
  return { boxes, values: new Float64Array(5) };
}
