/** Columns of signed values, each coded as the distance to what the node above lets expect, and chunks' headers. */

import { i16, i8, u16 } from "./bytes";
import { chunkError } from "./errors";
import type { SymbolDecoder } from "./rans";
import type { ChunkSteps } from "./scene_steps";
import { scratch } from "./scratch";
import {
  SCENE_BAND_MODELS,
  SCENE_MODELS,
  SIGNED_FIRST,
  SIGNED_SCALES,
  WIDE_SCALES,
  WIDE_SHIFT_EVERY,
  WIDE_SHIFT_FROM,
  WIDE_TABLES,
} from "./tables";
import { clamp, ValueDecoder } from "./values";

/** How signed values are coded. */
export interface WideModel {
  table: number;
  slope: number;
}

/** How a column of signed values is coded as distances to what is expected. */
export interface Model extends WideModel {
  /** What is expected, in the unit of the column, beside `weight` eighths of the value above. */
  centre: number;
  weight: number;
}

/** Bytes of a model in a chunk's header. */
export const MODEL_BYTES = 5;

/** A chunk's header and the stream behind it. */
export interface Payload {
  group: number;
  /** 0 in bands. */
  fineness: number;
  models: Model[];
  stream: Uint8Array;
}

/** Opens the payload of a NODE or LEAF, or of a BAND; ChunkError if it breaks docs/format.md. */
export function openPayload(data: Uint8Array, band: boolean): Payload {
  const fixed = band ? 2 : 3;
  const count = band ? SCENE_BAND_MODELS : SCENE_MODELS;
  const start = fixed + count * MODEL_BYTES;
  if (data.length < start) throw chunkError(`a chunk of a scene starts with ${start} bytes; this has ${data.length}`);
  const models = readModels(data, fixed, count);
  return { group: u16(data, 0), fineness: band ? 0 : i8(data, 2), models, stream: data.subarray(start) };
}

/** `count` models; ChunkError if one names a table that does not exist. */
export function readModels(data: Uint8Array, first: number, count: number): Model[] {
  const models = Array.from({ length: count }, (_, i) => {
    const at = first + MODEL_BYTES * i;
    return { table: data[at], slope: i8(data, at + 1), centre: i16(data, at + 2), weight: data[at + 4] };
  });
  if (models.some((model) => model.table >= WIDE_TABLES)) {
    throw chunkError("the chunk names a probability table that does not exist");
  }
  return models;
}

/** What is expected of a value in the unit of its column, where that of the node above is `value`. */
export function expected({ weight, centre }: Model, value: number): number {
  return Math.floor((weight * value) / 8) + centre;
}

/** The least context: columns count theirs from here. */
export const LEAST_CONTEXT = -40;
const MOST_CONTEXT = 60;
const CONTEXTS = MOST_CONTEXT - LEAST_CONTEXT + 4 * 6 + 1; // colours and the thinnest axis add to a context

/** A context for steps of this logarithm, counted from LEAST_CONTEXT. */
export function contextOf(log: number): number {
  return clamp(-log >> 3, LEAST_CONTEXT, MOST_CONTEXT) - LEAST_CONTEXT;
}

/** The context of most values, for every class of levels. */
export function usualContexts(steps: ChunkSteps): Uint8Array {
  return Uint8Array.from(steps.shade, contextOf);
}

/** Decodes columns of up to `most` values, each by the contexts that the caller sets. */
export class Columns {
  readonly context: Uint8Array;
  readonly values: ValueDecoder;
  private readonly widths: Uint8Array;
  private readonly table = new Uint16Array(CONTEXTS);
  private readonly width = new Uint8Array(CONTEXTS);

  constructor(
    symbols: SymbolDecoder,
    private readonly most: number,
  ) {
    this.context = scratch(Uint8Array, most);
    this.widths = scratch(Uint8Array, most);
    this.values = new ValueDecoder(symbols, most);
  }

  /** `count` values, or distances to what was expected, to out[at ..]. */
  decode(model: WideModel, out: Float64Array, at: number, count = this.most): void {
    const { table, width, widths, context } = this;
    const tables = this.values.tables;
    const first = SIGNED_FIRST + Math.floor(model.table / WIDE_SCALES) * SIGNED_SCALES;
    for (let c = 0; c < CONTEXTS; c++) {
      const scale = clamp((model.table % WIDE_SCALES) + ((model.slope * (c + LEAST_CONTEXT)) >> 2), 0, WIDE_SCALES - 1);
      width[c] = Math.floor(Math.max(scale - WIDE_SHIFT_FROM, 0) / WIDE_SHIFT_EVERY);
      table[c] = first + scale - WIDE_SHIFT_EVERY * width[c];
    }
    let widest = 0;
    for (let i = 0; i < count; i++) {
      tables[i] = table[context[i]];
      widths[i] = width[context[i]];
      widest |= widths[i];
    }
    this.values.signed(count, out, at, 1);
    if (!widest) return;
    for (let i = 0; i < count; i++) {
      const unit = 1 << widths[i];
      out[at + i] = out[at + i] * unit - (unit >> 1);
    }
    this.values.addRaw(widths, count, out, at);
  }
}
