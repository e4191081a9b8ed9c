/**
 * Raw and signed values, several at once.
 *
 * Integers of a chunk are kept as doubles: an encoder's are small, but those of a hostile file have up to 43 bits,
 * which doubles hold exactly and 32-bit numbers do not. Every sum and product here and in the codecs stays below 2^53.
 */

import type { SymbolDecoder } from "./rans";
import { scratch } from "./scratch";
import { ESCAPE, ESCAPE_CLASSES, LARGEST_VALUE, SIGN_AND_LOW, WIDEST_UNIFORM } from "./tables";

const LOW_BITS = SIGN_AND_LOW - 1;
const MOST_HIGH = 15; // bits of an escaped value beyond the low ones

/** Decodes up to `most` values at once. */
export class ValueDecoder {
  /** The table of each signed value, for the caller to set. */
  readonly tables: Uint16Array;
  private readonly found: Uint8Array;

  constructor(
    private readonly symbols: SymbolDecoder,
    most: number,
  ) {
    this.tables = scratch(Uint16Array, most);
    this.found = scratch(Uint8Array, most);
  }

  /** One signed value for each of the first `count` tables, to out[first + i * stride]. */
  signed(count: number, out: Float64Array, first: number, stride: number): void {
    const found = this.found;
    this.symbols.symbols(this.tables, count, found);
    let many = 0;
    for (let i = 0, at = first; i < count; i++, at += stride) {
      out[at] = found[i] - LARGEST_VALUE;
      if (found[i] === ESCAPE) many++;
    }
    if (many) this.escaped(count, many, out, first, stride);
  }

  /** Adds to each of out [first ..] a raw value of widths[i] bits: the lowest eight of all, then the next eight. */
  addRaw(widths: Uint8Array, count: number, out: Float64Array, first: number): void {
    const found = this.found;
    let widest = 0;
    for (let i = 0; i < count; i++) widest = Math.max(widest, widths[i]);
    for (let low = 0; low < widest; low += WIDEST_UNIFORM) {
      this.symbols.raw(widths, count, low, found);
      const factor = 2 ** low;
      for (let i = 0; i < count; i++) out[first + i] += found[i] * factor;
    }
  }

  private escaped(count: number, many: number, out: Float64Array, first: number, stride: number): void {
    const which = new Uint32Array(many);
    for (let i = 0, at = 0; i < count; i++) if (this.found[i] === ESCAPE) which[at++] = first + i * stride;
    const tables = new Uint16Array(many).fill(ESCAPE_CLASSES);
    const [extra, low, high] = [new Uint8Array(many), new Uint8Array(many), new Uint8Array(many)];
    this.symbols.symbols(tables, many, extra);
    this.symbols.raw(new Uint8Array(many).fill(SIGN_AND_LOW), many, 0, low);
    const magnitude = new Int32Array(many);
    for (let i = 0; i < many; i++) {
      magnitude[i] = (1 << (LOW_BITS + extra[i])) | (low[i] & ((1 << LOW_BITS) - 1));
    }
    for (let from = 0; from < MOST_HIGH; from += WIDEST_UNIFORM) {
      this.symbols.raw(extra, many, from, high);
      for (let i = 0; i < many; i++) magnitude[i] |= high[i] << (LOW_BITS + from);
    }
    for (let i = 0; i < many; i++) out[which[i]] = low[i] >> LOW_BITS ? -magnitude[i] : magnitude[i];
  }
}

/** Floor of a / b, of integers below 2^53 in magnitude. */
export function floorDivide(a: number, b: number): number {
  return Math.floor(a / b);
}

export function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}

/** Bits of a whole number 0 .. 2^53 - 1 without leading zeros. */
export function bitLength(value: number): number {
  return value < 4294967296 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / 4294967296);
}

const MOST_EXPONENT = 128;

/** 2^-128 to 2^127, exactly. */
const POWERS = new Float64Array(2 * MOST_EXPONENT).fill(1);
for (let k = 1; k <= MOST_EXPONENT; k++) {
  POWERS[MOST_EXPONENT - k] = POWERS[MOST_EXPONENT - k + 1] / 2;
  if (k < MOST_EXPONENT) POWERS[MOST_EXPONENT + k] = POWERS[MOST_EXPONENT + k - 1] * 2;
}

/** 2^exponent, -128 to 127. */
export function powerOfTwo(exponent: number): number {
  return POWERS[MOST_EXPONENT + exponent];
}
