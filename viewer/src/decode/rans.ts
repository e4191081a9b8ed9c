/** Symbols from bytes: interleaved rANS (J. Duda, arXiv 1311.2540; F. Giesen, arXiv 1402.3392). */

import { u16, u32 } from "./bytes";
import { chunkError } from "./errors";
import { BASES, BUCKET_BITS, BUCKET_SHIFT, ENDS, FIRST, RANGES } from "./rans_tables";
import { scratch } from "./scratch";
import { RANS_PRECISION, WIDEST_UNIFORM } from "./tables";

const SLOTS = (1 << RANS_PRECISION) - 1;
const LOWER = 1 << 16;

/**
 * Takes symbols from a coded stream, in the order in which they were encoded.
 *
 * Any bytes are safe to decode: every call returns what it was asked for or throws ChunkError, and `finish` tells
 * whether exactly this stream was encoded. The states are 32 bits each and kept as signed numbers.
 */
export class SymbolDecoder {
  private readonly states = new Int32Array(4).fill(LOWER);
  private readonly words: Uint16Array;
  private readonly limit: number; // words that there are; one more is 0
  private readonly lanes: number;
  private lane = 0;
  private position = 0;

  constructor(stream: Uint8Array) {
    const odd = stream.length % 2;
    this.lanes = odd ? stream[0] : 1;
    if (odd && this.lanes !== 2 && this.lanes !== 4) throw chunkError(`the coded stream declares ${this.lanes} lanes`);
    let at = odd;
    if (stream.length > 0) {
      if (stream.length - odd < 4 * this.lanes) throw chunkError("the coded stream does not hold its states");
      for (let lane = 0; lane < this.lanes; lane++, at += 4) {
        if (u32(stream, at) < LOWER) throw chunkError("a state of the coded stream is below 2^16");
        this.states[lane] = u32(stream, at);
      }
    }
    this.limit = (stream.length - at) >> 1;
    this.words = scratch(Uint16Array, this.limit + 1);
    for (let word = 0; word < this.limit; word++, at += 2) this.words[word] = u16(stream, at);
  }

  /** The next `count` symbols, symbol i by table tables[i]. */
  symbols(tables: Uint16Array, count: number, out: Uint8Array): void {
    const { states, words } = this;
    const last = this.lanes - 1;
    let { lane, position } = this;
    for (let i = 0; i < count; i++) {
      const table = tables[i];
      const state = states[lane];
      const slot = state & SLOTS;
      let entry = FIRST[(table << BUCKET_BITS) | (slot >> BUCKET_SHIFT)];
      while (slot >= ENDS[entry]) entry++;
      const range = RANGES[entry];
      out[i] = entry - BASES[table];
      const next = Math.imul(range & 0xffff, state >>> RANS_PRECISION) + slot - (range >>> 16);
      // Below 2^16 it takes a word; without a branch, which no processor could foresee.
      const low = ((next >>> 16) - 1) >> 31;
      states[lane] = (next << (16 & low)) | (words[position] & low);
      position -= low;
      lane = (lane + 1) & last;
    }
    this.lane = lane;
    this.setPosition(position);
  }

  /** Raw values, of min(8, widths[i] - low) bits each; where that is not above 0 nothing is coded and out[i] is 0. */
  raw(widths: Uint8Array, count: number, low: number, out: Uint8Array): void {
    const { states, words } = this;
    const last = this.lanes - 1;
    let { lane, position } = this;
    for (let i = 0; i < count; i++) {
      const width = Math.min(widths[i] - low, WIDEST_UNIFORM);
      if (width <= 0) {
        out[i] = 0;
        continue;
      }
      const state = states[lane];
      const rest = RANS_PRECISION - width;
      out[i] = (state & SLOTS) >> rest;
      const next = ((state >>> RANS_PRECISION) << rest) | (state & ((1 << rest) - 1));
      const refill = ((next >>> 16) - 1) >> 31;
      states[lane] = (next << (16 & refill)) | (words[position] & refill);
      position -= refill;
      lane = (lane + 1) & last;
    }
    this.lane = lane;
    this.setPosition(position);
  }

  /** Throws ChunkError unless all bytes are used and every state is back where the encoder began. */
  finish(): void {
    if (this.position !== this.limit || this.states.some((state) => state !== LOWER)) {
      throw chunkError("the coded stream does not end as it began");
    }
  }

  private setPosition(position: number): void {
    if (position > this.limit) throw chunkError("the coded stream goes on past its end");
    this.position = position;
  }
}
