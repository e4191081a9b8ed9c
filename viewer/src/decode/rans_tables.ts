/**
 * The probability tables in memory.
 *
 * Table t owns the entries BASES[t] to BASES[t + 1] - 1, one for each symbol: RANGES holds start << 16 | frequency, ENDS
 * start + frequency. A search for the symbol of a slot begins at the entry FIRST[t << BUCKET_BITS | slot >> BUCKET_SHIFT].
 */

import { RANS_PRECISION, SIGNED_FIRST, SPLIT_FIRST, SURPRISES, TABLE_COUNT } from "./tables";

const TOTAL = 1 << RANS_PRECISION;

export const BUCKET_BITS = 8;
export const BUCKET_SHIFT = RANS_PRECISION - BUCKET_BITS;

export const BASES = new Uint16Array(TABLE_COUNT + 1);
export const FIRST = new Uint16Array(TABLE_COUNT << BUCKET_BITS);

/** The frequencies of all tables, one after the other: see `surprises` in tools/viewer_tables.py. */
export function frequencies(): number[] {
  const found: number[] = [];
  const surprises = SURPRISES.split(",").map(Number);
  let next = 0;
  for (let table = 0; table < TABLE_COUNT; table++) {
    const first = found.length;
    BASES[table] = first;
    let left = TOTAL;
    const size = sizeOf(table);
    const signed = table >= SIGNED_FIRST && table < SPLIT_FIRST;
    const mirror = table < SIGNED_FIRST ? 2 * size : size - 1 - (signed ? 1 : 0);
    for (let at = 0; at < size; at++) {
      const before = found[found.length - 1];
      let frequency = left;
      if (at < size - 1) {
        const geometric = at ? Math.floor((before * before) / found[first + Math.max(at - 2, 0)]) : 0;
        const expected = mirror - at < at ? found[first + mirror - at] : geometric;
        frequency = Math.min(expected, left) + surprises[next++];
      }
      found.push(frequency);
      left -= frequency;
    }
  }
  BASES[TABLE_COUNT] = found.length;
  return found;
}

/** Symbols of a table: uniform tables, classes of escaped values, signed values, splits of 2 to 31 points. */
function sizeOf(table: number): number {
  if (table < SIGNED_FIRST - 1) return 2 << table;
  if (table < SIGNED_FIRST) return 16;
  if (table < SPLIT_FIRST) return 64;
  return ((table - SPLIT_FIRST) % 30) + 3;
}

const ALL = frequencies();

export const RANGES = new Int32Array(ALL.length);
export const ENDS = new Uint16Array(ALL.length);

for (let table = 0; table < TABLE_COUNT; table++) {
  let start = 0;
  for (let entry = BASES[table]; entry < BASES[table + 1]; entry++) {
    const end = start + ALL[entry];
    RANGES[entry] = (start << 16) | ALL[entry];
    ENDS[entry] = end;
    for (let bucket = (start + (1 << BUCKET_SHIFT) - 1) >> BUCKET_SHIFT; bucket << BUCKET_SHIFT < end; bucket++) {
      FIRST[(table << BUCKET_BITS) | bucket] = entry;
    }
    start = end;
  }
}
