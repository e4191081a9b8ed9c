/** The integer formulas by which level, scales and fineness of a splat set the steps of the rest of it. */

import {
  SCENE_DIRECTION_STEP,
  SCENE_GROWTH,
  SCENE_LARGEST_GROWN,
  SCENE_LARGEST_LOG,
  SCENE_LARGEST_SHIFT,
  SCENE_LENGTH,
  SCENE_LENGTH_STEP,
  SCENE_LEVEL_LIMIT,
  SCENE_MAX_FINE,
  SCENE_OCTAVE,
  SCENE_OPACITY_STEP,
  SCENE_POSITION_STEP,
  SCENE_ROLL_STEP,
  SCENE_ROOTS,
  SCENE_SECOND_STEP,
  SCENE_THINNEST,
  SCENE_THIRD_STEP,
} from "./tables";
import { clamp } from "./values";

/** Sets of steps: levels beyond the limit, in either direction, count as the limit. */
export const LEVEL_CLASSES = 2 * SCENE_LEVEL_LIMIT + 1;

/** Which of the sets of steps a splat of this level has. */
export function levelClass(level: number): number {
  return clamp(level, -SCENE_LEVEL_LIMIT, SCENE_LEVEL_LIMIT) + SCENE_LEVEL_LIMIT;
}

/** 2^(log / 16) parts of an octave, within limits, as a whole number from 1. */
export function lengthStep(shade: number, [offset, limit]: readonly [number, number]): number {
  const log = clamp(shade + offset, 0, limit);
  return Math.floor((SCENE_ROOTS[log % SCENE_OCTAVE] * (1 << (log >> 4))) / 65536);
}

/** The steps of a chunk, one of each for every class of levels. */
export class ChunkSteps {
  /** log2 of the colour step in sixteenths of an octave. */
  readonly shade = new Int32Array(LEVEL_CLASSES);
  /** Of the three scales and of opacity, in parts of an octave. */
  readonly first = new Int32Array(LEVEL_CLASSES);
  readonly second = new Int32Array(LEVEL_CLASSES);
  readonly third = new Int32Array(LEVEL_CLASSES);
  readonly opacity = new Int32Array(LEVEL_CLASSES);

  constructor(fineness: number) {
    for (let c = 0; c < LEVEL_CLASSES; c++) {
      const shade = -2 * fineness - SCENE_OCTAVE * (c - SCENE_LEVEL_LIMIT);
      this.shade[c] = shade;
      this.first[c] = lengthStep(shade, SCENE_LENGTH_STEP);
      this.second[c] = lengthStep(shade, SCENE_SECOND_STEP);
      this.third[c] = lengthStep(shade, SCENE_THIRD_STEP);
      this.opacity[c] = lengthStep(shade, SCENE_OPACITY_STEP);
    }
  }
}

const LONGEST = SCENE_LARGEST_LOG * SCENE_LENGTH;

/** log2 of the longest axis, in parts of an octave. */
export function longestAxis(scale: number, step: number): number {
  return clamp(scale * step, -LONGEST, LONGEST);
}

/** By how much an axis is shorter than the next, in parts of an octave, from equal steps. */
export function grown(scale: number, step: number): number {
  const even = clamp(scale * step, 0, SCENE_LARGEST_GROWN) | 0;
  return Math.min(even + ((even * even) >> SCENE_GROWTH), SCENE_THINNEST);
}

/** log2 of the step of directions, in sixteenths of an octave; second, third: see `grown`. */
export function directionLog(shade: number, second: number, third: number): number {
  return Math.min(
    shade + SCENE_DIRECTION_STEP[0] - Math.min((11 * second + 5 * third) >> 8, 96),
    SCENE_DIRECTION_STEP[1],
  );
}

/** log2 of the step of rolls likewise. */
export function rollLog(shade: number, second: number, third: number): number {
  return Math.min(shade + SCENE_ROLL_STEP[0] + clamp((12 * (second - third)) >> 8, -48, 64), SCENE_ROLL_STEP[1]);
}

/** Bits by which a position is finer than a grid with cells of 2^exponent. */
export function fineBits(longest: number, second: number, shade: number, exponent: number): number {
  const log = ((longest - (second >> 1)) >> 4) + SCENE_POSITION_STEP + shade;
  return clamp(exponent - ((log + SCENE_OCTAVE / 2) >> 4), 0, SCENE_MAX_FINE);
}

/** Multiplies by 2^(sixteenths / 16), rounded; below 2^53 throughout. */
export class Rescale {
  private readonly root: number;
  private readonly whole: number;

  constructor(sixteenths: number) {
    const shift = clamp(sixteenths, -SCENE_LARGEST_SHIFT, SCENE_LARGEST_SHIFT);
    this.root = SCENE_ROOTS[shift & (SCENE_OCTAVE - 1)];
    this.whole = 2 ** ((shift >> 4) - 16);
  }

  apply(value: number): number {
    const scaled = clamp(value, -(2 ** 20), 2 ** 20) * this.root * this.whole;
    return this.whole < 1 ? Math.floor(scaled + 0.5) : scaled;
  }
}
