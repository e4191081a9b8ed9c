/** The payload of a chunk of 2D splats to integers, without rounding. */

import { i16, i8, u16 } from "./bytes";
import { chunkError } from "./errors";
import { Grid } from "./grid";
import { decodePoints } from "./points";
import { SymbolDecoder } from "./rans";
import { scratch } from "./scratch";
import {
  IMAGE_FRACTION,
  IMAGE_LOG_STEPS,
  IMAGE_MARGIN,
  IMAGE_MAX_CELLS,
  IMAGE_MAX_CLASS,
  IMAGE_MAX_REFINEMENT,
  IMAGE_MEAN_BITS,
  IMAGE_MODEL_TABLES,
  IMAGE_POSITION_LOG,
  IMAGE_TILT_STEPS,
  SIGNED_FIRST,
  SIGNED_SCALES,
} from "./tables";
import { bitLength, clamp, floorDivide, ValueDecoder } from "./values";

/** The integers of a chunk's splats, in arrays of the chunk, see scratch.ts; and its quantiser. */
export interface ImageIntegers {
  count: number;
  channels: number;
  /** Index k of the colour step 2^(-k / 8). */
  colorStep: number;
  /** log2 of the cells of the grid, in pixels. */
  exponent: number;
  /** [count, 2] column and row. */
  cell: Int32Array;
  /** [count, channels] */
  color: Float64Array;
  /** [count] each. */
  logL11: Float64Array;
  logL22: Float64Array;
  tilt: Float64Array;
  /** [2, count] the refined bits of x and of y, and how many they are. */
  fine: Uint8Array;
  fineBits: Uint8Array;
}

interface Model {
  table: number;
  slope: number;
}

const FIXED_BYTES = 9;
const LEAST_EXPONENT = -4;
const MOST_EXPONENT = 10;
const CONTEXTS = 64; // more than any: bit lengths up to 24, energy classes up to 40
/** 1 with 24 bits after the point. */
export const ONE = 2 ** IMAGE_FRACTION;
const MEAN_UNIT = 2 ** (IMAGE_FRACTION - IMAGE_MEAN_BITS);

/** Decodes a chunk of a canvas of this size; ChunkError if no encoder wrote it. */
export function decodeImageChunk(data: Uint8Array, channels: number, width: number, height: number): ImageIntegers {
  const size = FIXED_BYTES + 2 * (channels + 3);
  if (data.length < size) throw chunkError(`a chunk of splats starts with ${size} bytes; this one has ${data.length}`);
  const [count, colorStep, exponent] = [u16(data, 0), data[2], i8(data, 3)];
  if (exponent < LEAST_EXPONENT || exponent > MOST_EXPONENT) {
    throw chunkError(`the position grid has steps of 2^${exponent} pixels`);
  }
  const models = Array.from({ length: channels + 3 }, (_, i) => {
    return { table: data[FIXED_BYTES + 2 * i], slope: i8(data, FIXED_BYTES + 2 * i + 1) };
  });
  if (models.some((model) => model.table >= IMAGE_MODEL_TABLES)) {
    throw chunkError("a chunk of splats names a probability table that does not exist");
  }
  const cells = [width, height].map((side) => Math.ceil((side + 2 * IMAGE_MARGIN) * 2 ** -exponent));
  if (Math.max(...cells) > IMAGE_MAX_CELLS) throw chunkError(`the position grid has ${cells.join(" x ")} cells`);
  const symbols = new SymbolDecoder(data.subarray(size));
  const cell = decodePoints(symbols, count, new Grid(cells));
  const walk = new Walk(symbols, count, channels, models);
  const energy = walk.colors();
  walk.logs(i16(data, 4), i16(data, 6), i8(data, 8));
  const { color, logL11, logL22, tilt } = walk;
  const fine = scratch(Uint8Array, 2 * count);
  const fineBits = refinements(walk, energy, exponent);
  symbols.raw(fineBits, 2 * count, 0, fine);
  symbols.finish();
  return { count, channels, colorStep, exponent, cell, color, logL11, logL22, tilt, fine, fineBits };
}

/** Step of log2 l11 and log2 l22, with 24 bits after the point. */
export function logStep(energy: number): number {
  return Math.max(IMAGE_LOG_STEPS[energy & 1] >> (energy >> 1), 1);
}

/** Step of l21 / l22 likewise. */
export function tiltStep(energy: number): number {
  return Math.max(IMAGE_TILT_STEPS[energy & 1] >> (energy >> 1), 1);
}

/** floor(log2(sum of squares)) of a splat's colour; 0 for black. */
export function energyClass(color: Float64Array, at: number, channels: number): number {
  let sum = 0;
  for (let c = 0; c < channels; c++) sum += color[at + c] * color[at + c];
  return bitLength(Math.max(sum, 1)) - 1;
}

/** Decodes everything of n splats but their positions. */
class Walk {
  readonly color: Float64Array;
  readonly logL11: Float64Array;
  readonly logL22: Float64Array;
  readonly tilt: Float64Array;
  private readonly context: Uint8Array;
  private readonly values: ValueDecoder;

  constructor(
    symbols: SymbolDecoder,
    private readonly n: number,
    private readonly channels: number,
    private readonly models: Model[],
  ) {
    this.color = scratch(Float64Array, channels * n);
    this.logL11 = scratch(Float64Array, n);
    this.logL22 = scratch(Float64Array, n);
    this.tilt = scratch(Float64Array, n);
    this.context = scratch(Uint8Array, n);
    this.values = new ValueDecoder(symbols, n);
  }

  /** The colours; returns the energy class of every splat. */
  colors(): Uint8Array {
    const { n, channels, color, context } = this;
    for (let c = 0; c < channels; c++) {
      for (let i = 0, at = 0; c > 0 && i < n; i++, at += channels) {
        const first = Math.abs(color[at]);
        context[i] = bitLength(c === 2 ? first + 2 * Math.abs(color[at + 1]) : first);
      }
      this.decode(this.models[c], color, c, channels);
    }
    const energy = scratch(Uint8Array, n);
    for (let i = 0; i < n; i++) {
      energy[i] = energyClass(color, channels * i, channels);
      context[i] = Math.min(energy[i], IMAGE_MAX_CLASS);
    }
    return energy;
  }

  /** Logarithms of scales and the tilt; the means of log2 in 1/256, share in sixteenths. */
  logs(mean11: number, mean22: number, share: number): void {
    const { n, context, logL11, logL22, channels, models } = this;
    const [unit11, unit22] = [mean11 * MEAN_UNIT, mean22 * MEAN_UNIT];
    this.decode(models[channels], logL11, 0, 1);
    for (let i = 0; i < n; i++) {
      const step = logStep(context[i]);
      logL11[i] += floorDivide(unit11 + (step >> 1), step);
    }
    this.decode(models[channels + 1], logL22, 0, 1);
    for (let i = 0; i < n; i++) {
      const step = logStep(context[i]);
      const expected = unit22 + Math.floor(((logL11[i] * step - unit11) * share) / 16);
      logL22[i] += floorDivide(expected + (step >> 1), step);
    }
    this.decode(models[channels + 2], this.tilt, 0, 1);
  }

  private decode({ table, slope }: Model, out: Float64Array, first: number, stride: number): void {
    const { context, n } = this;
    const tables = this.values.tables;
    const ofContext = Uint16Array.from({ length: CONTEXTS }, (_, c) => {
      const scale = clamp((table % SIGNED_SCALES) + ((slope * c) >> 2), 0, SIGNED_SCALES - 1);
      return SIGNED_FIRST + Math.floor(table / SIGNED_SCALES) * SIGNED_SCALES + scale;
    });
    for (let i = 0; i < n; i++) tables[i] = ofContext[context[i]];
    this.values.signed(n, out, first, stride);
  }
}

/** Bits by which x of all splats and then y of all are finer than the grid. */
function refinements({ logL11, logL22, tilt }: Walk, energy: Uint8Array, exponent: number): Uint8Array {
  const n = energy.length;
  const found = scratch(Uint8Array, 2 * n);
  const half = ONE / 2;
  for (let i = 0; i < n; i++) {
    const step = logStep(energy[i]);
    const slant = clamp(tilt[i] * tiltStep(energy[i]), -(2 ** 30), 2 ** 30) >> (IMAGE_FRACTION - 12);
    const widening = bitLength(2 ** 24 + slant * slant) - 1 - 24;
    const offset = IMAGE_POSITION_LOG - energy[i] * half + half;
    const x = Math.floor((logL11[i] * step - widening * half + offset) / ONE);
    const y = Math.floor((logL22[i] * step + offset) / ONE);
    found[i] = clamp(exponent - x, 0, IMAGE_MAX_REFINEMENT);
    found[n + i] = clamp(exponent - y, 0, IMAGE_MAX_REFINEMENT);
  }
  return found;
}
