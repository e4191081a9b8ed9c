/**
 * The integers of splats of a scene to floating point.
 *
 * The operations and their order are those of native/scene_splats.cpp: the numbers are the same to the last bit.
 */

import { ATTRIBUTES, type Integers } from "./scene_attributes";
import type { Leaves, Nodes } from "./scene_chunk";
import type { Scene } from "./scene_layout";
import { type ChunkSteps, directionLog, fineBits, grown, LEVEL_CLASSES, longestAxis, rollLog } from "./scene_steps";
import {
  SCENE_BAND_COARSER,
  SCENE_COLOR_STEP,
  SCENE_DARKEST,
  SCENE_LARGEST_LOG,
  SCENE_LENGTH,
  SCENE_OCTAVE,
  SCENE_OFFSET_BITS,
  SCENE_ROTATION_STEP,
} from "./tables";
import type { Grid } from "./grid";
import { putHarmonics } from "./opponent";
import { clamp, powerOfTwo } from "./values";

/** The splats that integers stand for; see `Rows3D`. */
export interface Splats {
  mean: Float32Array;
  rotation: Float32Array;
  scale: Float32Array;
  opacity: Float32Array;
  sh0: Float32Array;
}

/** 2^(i / 256) by a series that is cut off below 2^-56. */
const PARTS = Float64Array.from({ length: SCENE_LENGTH }, (_, i) => {
  const x = i / SCENE_LENGTH;
  const half = x > 0.5 ? x - 1 : x;
  let [sum, term] = [1, 1];
  for (let k = 1; k < 16; k++) {
    term *= (half * 0.6931471805599453) / k;
    sum += term;
  }
  return x > 0.5 ? 2 * sum : sum;
});

/** 2^(log / 256). */
function exp2Parts(log: number): number {
  return PARTS[log & (SCENE_LENGTH - 1)] * powerOfTwo(log >> 8);
}

/** 2^(log / 16). */
function exp2Sixteenths(log: number): number {
  return exp2Parts(log * (SCENE_LENGTH / SCENE_OCTAVE));
}

/** The colour step of every class of levels. */
function colorSteps(steps: ChunkSteps): Float64Array {
  return Float64Array.from({ length: LEVEL_CLASSES }, (_, c) => SCENE_COLOR_STEP * exp2Sixteenths(steps.shade[c]));
}

/** The merged splats of nodes. */
export function nodeSplats(nodes: Nodes, scene: Scene, grid: Grid): Splats {
  const { count, boxes, offset } = nodes;
  const found = attributes(nodes);
  const side = powerOfTwo(scene.exponent);
  for (let i = 0, at = 0; i < count; i++) {
    for (let k = 0; k < 3; k++, at++) {
      const length = 1 << grid.bits[3 * boxes.depth[i] + k];
      const inside = ((2 * offset[k * count + i] + 1) * length) >> (SCENE_OFFSET_BITS + 1);
      const cell = Math.min(boxes.corner[at] + inside, scene.size[k] - 1);
      found.mean[at] = scene.origin[k] + (cell + 0.5) * side;
    }
  }
  return found;
}

/** The splats of a portion. */
export function leafSplats(leaves: Leaves, scene: Scene): Splats {
  const { count, cell, fine, attributes: integers, levelClass, steps } = leaves;
  const found = attributes(leaves);
  const { mean } = found;
  const [x, y, z] = scene.origin;
  for (let i = 0, at = 0; i < count; i++, at += 3) {
    const c = levelClass[i];
    const longest = longestAxis(integers[count + i], steps.first[c]);
    const bits = fineBits(longest, grown(integers[2 * count + i], steps.second[c]), steps.shade[c], scene.exponent);
    const side = powerOfTwo(scene.exponent - bits);
    const cells = 1 << bits;
    mean[at] = x + (cell[at] * cells + fine[i] + 0.5) * side;
    mean[at + 1] = y + (cell[at + 1] * cells + fine[count + i] + 0.5) * side;
    mean[at + 2] = z + (cell[at + 2] * cells + fine[2 * count + i] + 0.5) * side;
  }
  return found;
}

/** Everything but the means, which are 0. */
function attributes({ count: n, attributes: integers, levelClass, steps }: Integers): Splats {
  const mean = new Float32Array(3 * n);
  const rotation = new Float32Array(4 * n);
  const scale = new Float32Array(3 * n);
  const opacity = new Float32Array(n);
  const sh0 = new Float32Array(3 * n);
  const [dark, turn, color] = [ATTRIBUTES.opacity * n, ATTRIBUTES.rotation * n, ATTRIBUTES.color * n];
  const colorStep = colorSteps(steps);
  const least = -SCENE_LARGEST_LOG * SCENE_LENGTH;
  for (let i = 0; i < n; i++) {
    const c = levelClass[i];
    const shade = steps.shade[c];
    const longest = longestAxis(integers[n + i], steps.first[c]);
    const second = grown(integers[2 * n + i], steps.second[c]);
    const third = grown(integers[3 * n + i], steps.third[c]);
    scale[3 * i] = exp2Parts(longest);
    scale[3 * i + 1] = exp2Parts(Math.max(longest - second, least));
    scale[3 * i + 2] = exp2Parts(Math.max(longest - second - third, least));
    opacity[i] = exp2Parts(-clamp(integers[dark + i] * steps.opacity[c], 0, SCENE_DARKEST));

    const turnStep = SCENE_ROTATION_STEP * exp2Sixteenths(directionLog(shade, second, third));
    const rollStep = SCENE_ROTATION_STEP * exp2Sixteenths(rollLog(shade, second, third));
    let y = integers[turn + i] * turnStep;
    let z = integers[turn + n + i] * turnStep;
    const length = y * y + z * z;
    const shorter = 1 / Math.sqrt(Math.max(length, 1));
    y *= shorter;
    z *= shorter;
    const w = Math.sqrt(Math.max(1 - length, 0));
    const x = clamp(integers[turn + 2 * n + i] * rollStep, -1, 1);
    const upright = Math.sqrt(1 - x * x);
    rotation[4 * i] = w * upright;
    rotation[4 * i + 1] = w * x;
    rotation[4 * i + 2] = y * upright + z * x;
    rotation[4 * i + 3] = z * upright - y * x;

    const step = colorStep[c];
    const [bright, red, green] = [color + i, color + n + i, color + 2 * n + i];
    putHarmonics(integers[bright] * step, integers[red] * step, integers[green] * step, 0.5, sh0, 3 * i);
  }
  return { mean, rotation, scale, opacity, sh0 };
}

/** Harmonics [n, each, 3] that integers [3, n * each] of splats of these classes of levels [n] stand for. */
export function bandValues(
  integers: Float64Array,
  steps: ChunkSteps,
  levelClass: Uint8Array,
  each: number,
): Float32Array {
  const n = levelClass.length * each;
  const found = new Float32Array(3 * n);
  const colorStep = colorSteps(steps).map((step) => SCENE_BAND_COARSER * step);
  for (let i = 0, at = 0; i < levelClass.length; i++) {
    const step = colorStep[levelClass[i]];
    for (let k = 0; k < each; k++, at++) {
      putHarmonics(integers[at] * step, integers[n + at] * step, integers[2 * n + at] * step, 0, found, 3 * at);
    }
  }
  return found;
}
