/** The columns of integers that faces and splits have, and the integer formulas for their steps. */

import { lengthStep } from "./scene_steps";
import {
  SCENE_DIRECTION_STEP,
  SCENE_LEVEL_LIMIT,
  SCENE_ROLL_STEP,
  TREE_COLOR_STEP,
  TREE_LENGTH_STEP,
  TREE_MOST,
  TREE_OPACITY_STEP,
  TREE_PLACE_STEP,
  TREE_POINT_STEP,
  TREE_SPLIT_COLUMNS,
  TREE_TURN_LOG,
} from "./tables";

/** First columns of a face: three for each of scale, offset, rotation, colour and every further harmonic. */
export const FACE = { level: 0, scale: 1, opacity: 4, offset: 5, rotation: 8, color: 11, bands: 14 } as const;

/** First columns of a split: two for its point, one for opacity, three for each of scale and colour. */
export const SPLIT = { point: 0, opacity: 2, scale: 3, color: 6, columns: TREE_SPLIT_COLUMNS } as const;

/** The largest magnitude of the columns of a face, in units; further harmonics have that of colours. */
export const FACE_MOST: readonly number[] = [
  SCENE_LEVEL_LIMIT,
  ...three(TREE_MOST.scale),
  TREE_MOST.logit,
  ...three(TREE_MOST.place),
  ...three(TREE_MOST.turn),
  ...three(TREE_MOST.shade),
];

/** The columns of a split that share a model: first, how many, the largest magnitude, and how their step is found. */
export const SPLIT_GROUPS = [
  { first: SPLIT.point, width: 2, most: TREE_MOST.logit, step: TREE_POINT_STEP },
  { first: SPLIT.opacity, width: 1, most: TREE_MOST.logit, step: TREE_OPACITY_STEP },
  { first: SPLIT.scale, width: 3, most: TREE_MOST.scale, step: TREE_LENGTH_STEP },
  { first: SPLIT.color, width: 3, most: TREE_MOST.shade, step: TREE_COLOR_STEP },
] as const;

function three(value: number): number[] {
  return [value, value, value];
}

/** Steps of splats with these shades, in units; rule: what to add to the shade, and the largest logarithm. */
export function stepsOf(shades: Int32Array, rule: readonly [number, number]): Int32Array {
  return shades.map((shade) => lengthStep(shade, rule));
}

/** log2 of the steps of a splat's offset in sixteenths of an octave, from its axes in parts of an octave. */
export function placeLog(shade: number, x: number, y: number, z: number): number {
  const shortest = Math.min(x, y, z);
  const longest = Math.max(x, y, z);
  return ((longest + (x + y + z - longest - shortest)) >> 5) + TREE_PLACE_STEP[0] + shade;
}

/** log2 of the steps of its rotation likewise. */
export function turnLog(shade: number, x: number, y: number, z: number): number {
  const shortest = Math.min(x, y, z);
  const longest = Math.max(x, y, z);
  const middle = x + y + z - longest - shortest;
  const [second, third] = [longest - middle, middle - shortest];
  const swing = SCENE_DIRECTION_STEP[0] - Math.min((11 * second + 5 * third) >> 8, 96);
  const roll = SCENE_ROLL_STEP[0] - Math.min((12 * (third - second)) >> 8, 48);
  return TREE_TURN_LOG + Math.min(shade + Math.min(swing, roll), SCENE_DIRECTION_STEP[1]);
}

/** The largest logarithms of both kinds of steps. */
export const PLACE_LIMIT: readonly [number, number] = [0, TREE_PLACE_STEP[1]];
export const TURN_LIMIT: readonly [number, number] = [0, TREE_TURN_LOG + SCENE_DIRECTION_STEP[1]];
