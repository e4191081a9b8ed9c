/** The payload of a TREE to integers: docs/format.md. */

import type { Known } from "./avatar_known";
import { families, neighbours, noReference, NOTHING, type Reference } from "./avatar_reference";
import {
  FACE,
  FACE_MOST,
  PLACE_LIMIT,
  placeLog,
  SPLIT,
  SPLIT_GROUPS,
  stepsOf,
  TURN_LIMIT,
  turnLog,
} from "./avatar_steps";
import { i8, u16 } from "./bytes";
import { chunkError, limitError } from "./errors";
import { Grid } from "./grid";
import { decodePoints } from "./points";
import { SymbolDecoder } from "./rans";
import { scratch } from "./scratch";
import { Columns, contextOf, expected, LEAST_CONTEXT, type Model, MODEL_BYTES, readModels } from "./scene_columns";
import {
  SCENE_OCTAVE,
  TREE_BAND_STEP,
  TREE_COLOR_STEP,
  TREE_LENGTH_STEP,
  TREE_MAX_CHUNK,
  TREE_MODELS,
  TREE_MOST,
  TREE_OPACITY_STEP,
  TREE_SIDE,
  TREE_THIRD_STEP,
} from "./tables";
import { bitLength, clamp, floorDivide } from "./values";

const FIXED_BYTES = 4;

/** What a TREE holds. */
export interface Tree {
  /** Faces of the mesh that get splats or, below level 1, rows that are split; in the order of the file. */
  members: Int32Array;
  /** [n, columns] of the new splats in units, see FACE, in an array of the chunk, see scratch.ts; and their shades. */
  units: Int32Array;
  shade: Int32Array;
  /** [members, 9] in units, see SPLIT; empty in level 1. */
  splits: Int32Array;
  /** Whether splits change the splats of their faces. */
  patched: boolean;
}

/** Decodes a chunk of a level of faces, 1 or more; ChunkError or LimitError if it is none that can follow here. */
export function decodeTree(payload: Uint8Array, level: number, known: Known): Tree {
  if (level > known.depth) throw chunkError(`a chunk of level ${level} of faces that have levels 1 to ${known.depth}`);
  const { count, fineness, patched, models, stream } = openTree(payload, level, known.shDegree);
  const symbols = new SymbolDecoder(stream);
  const candidates = known.candidates(level);
  if (count > candidates.length) {
    throw chunkError(`a chunk of ${count} members of level ${level}, where ${candidates.length} are left`);
  }
  if (count > TREE_MAX_CHUNK) throw limitError(`a chunk of ${count} members; the cap is ${TREE_MAX_CHUNK}`);
  const n = count * (level === 1 ? 1 : 3);
  if (known.rows + n > known.maxSplats) throw limitError(`more than ${known.maxSplats} splats`);
  const members = decodeMembers(symbols, candidates.length, count).map((number) => candidates[number]);
  const walk = new Walk(symbols, models, known, n);
  const splits = level === 1 ? new Int32Array(0) : walk.splits(members.map((row) => known.shade.values[row]), patched);
  const reference = level === 1 ? neighbours(members, known) : families(members);
  const { units, shade } = walk.faces(reference, fineness, n);
  symbols.finish();
  return { members, units, shade, splits, patched };
}

interface Payload {
  count: number;
  fineness: number;
  patched: boolean;
  models: Model[];
  stream: Uint8Array;
}

function openTree(payload: Uint8Array, level: number, shDegree: number): Payload {
  if (payload.length < FIXED_BYTES) throw chunkError(`a chunk of splats on faces has ${payload.length} bytes`);
  const [count, flags] = [u16(payload, 0), payload[3]];
  if (!count || flags > (level > 1 ? 1 : 0)) {
    throw chunkError(`a chunk of ${count} members with flags ${flags} in level ${level}`);
  }
  let many = TREE_MODELS.face + TREE_MODELS.band * shDegree;
  if (level > 1) many += TREE_MODELS.point + TREE_MODELS.patch * flags;
  const start = FIXED_BYTES + many * MODEL_BYTES;
  if (payload.length < start) {
    throw chunkError(`this chunk of splats on faces starts with ${start} bytes, but has ${payload.length}`);
  }
  const models = readModels(payload, FIXED_BYTES, many);
  return { count, fineness: i8(payload, 2), patched: flags === 1, models, stream: payload.subarray(start) };
}

/** Which `count` of the candidates are in the chunk, ascending numbers below `candidates`. */
function decodeMembers(symbols: SymbolDecoder, candidates: number, count: number): Int32Array {
  const coded = Math.min(count, candidates - count);
  const chosen = scratch(Uint8Array, candidates);
  if (coded) {
    const size = candidates <= TREE_SIDE ? [candidates, 1] : [TREE_SIDE, Math.ceil(candidates / TREE_SIDE)];
    const points = decodePoints(symbols, coded, new Grid(size));
    for (let i = 0; i < coded; i++) {
      const number = points[2 * i] + points[2 * i + 1] * TREE_SIDE;
      if (number >= candidates || chosen[number]) throw chunkError("a face comes twice, or does not exist");
      chosen[number] = 1;
    }
  }
  const wanted = coded < count ? 0 : 1;
  const found = new Int32Array(count);
  for (let number = 0, at = 0; number < candidates; number++) if (chosen[number] === wanted) found[at++] = number;
  return found;
}

/** Columns of one matrix that share a model. */
interface Group {
  first: number;
  width: number;
  /** From one to the next of them. */
  stride: number;
  /** The largest magnitude, in units. */
  most: number;
}

/** Decodes the parts of a chunk in their order. */
class Walk {
  private readonly decoder: Columns;
  private readonly coded: Float64Array;
  private next = 0; // model

  /** n: new splats. */
  constructor(
    symbols: SymbolDecoder,
    private readonly models: readonly Model[],
    private readonly known: Known,
    n: number,
  ) {
    const most = n * (2 * known.shDegree + 1); // three columns of splits, which are n / 3, are no more
    this.decoder = new Columns(symbols, most);
    this.coded = scratch(Float64Array, most);
  }

  /** Points and patches of splits, in units. shade: of the splats on their faces. */
  splits(shade: Int32Array, patched: boolean): Int32Array {
    const found = new Int32Array(SPLIT.columns * shade.length);
    const nothing = noReference(shade.length);
    const context = Uint8Array.from(shade, contextOf);
    for (const { first, width, most, step } of patched ? SPLIT_GROUPS : SPLIT_GROUPS.slice(0, 1)) {
      const group = { first, width, stride: 1, most };
      this.column(group, context, stepsOf(shade, step), nothing, found, SPLIT.columns);
    }
    return found;
  }

  /** n splats in units, and their shades. */
  faces(reference: Reference, fineness: number, n: number): { units: Int32Array; shade: Int32Array } {
    const { columns } = this.known;
    const units = scratch(Int32Array, n * columns);
    const code = (first: number, context: Uint8Array, steps: Int32Array): Float64Array =>
      this.column({ first, width: 1, stride: 1, most: FACE_MOST[first] }, context, steps, reference, units, columns);

    code(FACE.level, new Uint8Array(n).fill(-LEAST_CONTEXT), new Int32Array(n).fill(1));
    const shade = new Int32Array(n).map((_, i) => -2 * fineness - SCENE_OCTAVE * units[i * columns]);
    const context = Uint8Array.from(shade, contextOf);
    const length = stepsOf(shade, TREE_LENGTH_STEP);
    code(FACE.scale, context, length);
    code(FACE.scale + 1, context, length);
    code(FACE.scale + 2, context, stepsOf(shade, TREE_THIRD_STEP));
    code(FACE.opacity, context, stepsOf(shade, TREE_OPACITY_STEP));
    for (const [first, logOf, limit] of [
      [FACE.offset, placeLog, PLACE_LIMIT],
      [FACE.rotation, turnLog, TURN_LIMIT],
    ] as const) {
      const logs = shade.map((one, i) => {
        const at = i * columns + FACE.scale;
        return logOf(one, units[at], units[at + 1], units[at + 2]);
      });
      const steps = stepsOf(logs, limit);
      const own = Uint8Array.from(logs, contextOf);
      for (let axis = 0; axis < 3; axis++) code(first + axis, own, steps);
    }
    const colors = stepsOf(shade, TREE_COLOR_STEP);
    const rest = code(FACE.color, context, colors);
    const busy = context.map((one, i) => one + 4 * Math.min(bitLength(Math.abs(rest[i])), 6));
    code(FACE.color + 1, busy, colors);
    code(FACE.color + 2, busy, colors);
    const bands = stepsOf(shade, TREE_BAND_STEP);
    for (let first: number = FACE.bands, width = 3; first < columns; first += 3 * width, width += 2) {
      for (let channel = 0; channel < 3; channel++) {
        const group = { first: first + channel, width, stride: 3, most: TREE_MOST.shade };
        this.column(group, context, bands, reference, units, columns);
      }
    }
    return { units, shade };
  }

  /**
   * Some columns of `found`, in units, with the contexts and steps of its rows. Returns the distances of the last
   * column of the group to what was expected, in steps.
   */
  private column(
    { first, width, stride, most }: Group,
    context: Uint8Array,
    steps: Int32Array,
    { pairs, waves }: Reference,
    found: Int32Array,
    columns: number,
  ): Float64Array {
    const { decoder, coded } = this;
    const model = this.models[this.next++];
    const units = this.known.units.values;
    const rest = scratch(Float64Array, steps.length);
    const valueOf = (row: number, column: number) =>
      row >= 0 ? units[row * columns + column] : row === NOTHING ? 0 : found[(-2 - row) * columns + column];
    for (const wave of waves) {
      for (let i = 0, to = 0; i < wave.length; i++) {
        for (let k = 0; k < width; k++) decoder.context[to++] = context[wave[i]];
      }
      decoder.decode(model, coded, 0, wave.length * width);
      for (let i = 0, from = 0; i < wave.length; i++) {
        const row = wave[i];
        const step = steps[row];
        for (let k = 0, column = first; k < width; k++, column += stride) {
          const mean = (valueOf(pairs[2 * row], column) + valueOf(pairs[2 * row + 1], column)) >> 1;
          rest[row] = coded[from++];
          const likely = floorDivide(expected(model, mean) + (step >> 1), step);
          found[row * columns + column] = clamp((likely + rest[row]) * step, -most, most);
        }
      }
    }
    return rest;
  }
}
