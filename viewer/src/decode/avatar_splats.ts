/** The integers of splats on faces to floating point, as src/sfumato/media/avatar/quantise.py has them. */

import { FACE, SPLIT } from "./avatar_steps";
import { putHarmonics } from "./opponent";
import { SCENE_LENGTH, TREE_UNITS } from "./tables";

/** Splats in the frames of their faces; see `FacesEdit`. */
export interface FaceSplats {
  offset: Float32Array;
  rotation: Float32Array;
  scale: Float32Array;
  opacity: Float32Array;
  sh0: Float32Array;
  sh: Float32Array;
}

const OCTAVE_PART = Math.LN2 / SCENE_LENGTH;

/** What the integers [n, columns] of n splats stand for. */
export function faceSplats(units: Int32Array, columns: number): FaceSplats {
  const n = units.length / columns;
  const bands = columns - FACE.bands;
  const found: FaceSplats = {
    offset: new Float32Array(3 * n),
    rotation: new Float32Array(4 * n),
    scale: new Float32Array(3 * n),
    opacity: new Float32Array(n),
    sh0: new Float32Array(3 * n),
    sh: new Float32Array(bands * n),
  };
  for (let i = 0, at = 0; i < n; i++, at += columns) {
    for (let axis = 0; axis < 3; axis++) {
      found.offset[3 * i + axis] = units[at + FACE.offset + axis] / TREE_UNITS.place;
      found.scale[3 * i + axis] = Math.exp(logScale(units[at + FACE.scale + axis]));
    }
    found.opacity[i] = logistic(logit(units[at + FACE.opacity]));
    rotation(units, at + FACE.rotation, found.rotation, 4 * i);
    color(units, at + FACE.color, 0.5, found.sh0, 3 * i);
    for (let k = 0; k < bands; k += 3) color(units, at + FACE.bands + k, 0, found.sh, bands * i + k);
  }
  return found;
}

/** What splats of rows become by the patches of their splits. units: [rows, columns], splits: [n, 9]. */
export function patchedSplats(
  units: Int32Array,
  columns: number,
  rows: Int32Array,
  splits: Int32Array,
): Pick<FaceSplats, "scale" | "opacity" | "sh0"> {
  const n = rows.length;
  const found = { scale: new Float32Array(3 * n), opacity: new Float32Array(n), sh0: new Float32Array(3 * n) };
  const added = new Float32Array(3 * n);
  for (let i = 0; i < n; i++) {
    const [face, split] = [rows[i] * columns, i * SPLIT.columns];
    for (let axis = 0; axis < 3; axis++) {
      const log = logScale(units[face + FACE.scale + axis]) + logScale(splits[split + SPLIT.scale + axis]);
      found.scale[3 * i + axis] = Math.exp(Math.fround(log));
    }
    found.opacity[i] = logistic(logit(units[face + FACE.opacity]) + logit(splits[split + SPLIT.opacity]));
    color(units, face + FACE.color, 0.5, found.sh0, 3 * i);
    color(splits, split + SPLIT.color, 0, added, 3 * i);
  }
  for (let at = 0; at < 3 * n; at++) found.sh0[at] += added[at];
  return found;
}

/** [n, 3] barycentric weights of the points of splits [n, 9]. */
export function pointWeights(splits: Int32Array): Float32Array {
  const found = new Float32Array(splits.length / 3);
  for (let from = SPLIT.point, to = 0; to < found.length; from += SPLIT.columns, to += 3) {
    const [a, b] = [splits[from] / TREE_UNITS.logit, splits[from + 1] / TREE_UNITS.logit];
    const most = Math.max(a, b, 0);
    const raised = [Math.exp(a - most), Math.exp(b - most), Math.exp(-most)];
    const sum = raised[0] + raised[1] + raised[2];
    for (let k = 0; k < 3; k++) found[to + k] = raised[k] / sum;
  }
  return found;
}

function logScale(units: number): number {
  return Math.fround(units * OCTAVE_PART);
}

function logit(units: number): number {
  return units / TREE_UNITS.logit;
}

function logistic(value: number): number {
  return 0.5 + 0.5 * Math.tanh(0.5 * value);
}

/** A quaternion of length 1 from its x, y and z; what is too long for one has w = 0. */
function rotation(units: Int32Array, from: number, out: Float32Array, to: number): void {
  const x = units[from] / TREE_UNITS.turn;
  const y = units[from + 1] / TREE_UNITS.turn;
  const z = units[from + 2] / TREE_UNITS.turn;
  const square = x * x + y * y + z * z;
  const shorter = 1 / Math.sqrt(Math.max(square, 1));
  out[to] = Math.sqrt(Math.max(1 - square, 0));
  out[to + 1] = x * shorter;
  out[to + 2] = y * shorter;
  out[to + 3] = z * shorter;
}

/** Opponent colours in units to a harmonic's RGB, less `grey`. */
function color(units: Int32Array, from: number, grey: number, out: Float32Array, to: number): void {
  const unit = 1 / TREE_UNITS.shade;
  putHarmonics(units[from] * unit, units[from + 1] * unit, units[from + 2] * unit, grey, out, to);
}
