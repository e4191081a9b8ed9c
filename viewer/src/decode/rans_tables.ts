/**
 * The probability tables in memory.
 *
 * Table t owns the entries BASES[t] to BASES[t + 1] - 1, one for each symbol: RANGES holds start << 16 | frequency, ENDS
 * start + frequency. A search for the symbol of a slot begins at the entry FIRST[t << BUCKET_BITS | slot >> BUCKET_SHIFT].
 */

import {
  BETA_ALPHAS, BINOMIAL_POWERS, RANS_PRECISION, SIGNED_FIRST, SPLIT_FIRST, SPLITS_PER_CLASS, SURPRISES, TABLE_COUNT,
} from "./tables";

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
    const law = table < SPLIT_FIRST ? null : splitLaw(size - 1, Math.floor((table - SPLIT_FIRST) / SPLITS_PER_CLASS));
    const mirror = table < SIGNED_FIRST ? 2 * size : size - 2;
    for (let at = 0; at < size; at++) {
      const before = found[found.length - 1];
      let frequency = left;
      if (at < size - 1) {
        const geometric = at ? Math.floor((before * before) / found[first + Math.max(at - 2, 0)]) : 0;
        const expected = law ? law[at] : mirror - at < at ? found[first + mirror - at] : geometric;
        frequency = Math.min(expected, left) + surprises[next++];
      }
      found.push(frequency);
      left -= frequency;
    }
  }
  BASES[TABLE_COUNT] = found.length;
  return found;
}

/** `split_law` in tools/viewer_tables.py, the same operations in the same order. */
function splitLaw(n: number, splitClass: number): number[] {
  const weights = [1];
  for (let k = 0; k < n; k++) {
    const ratio = (n - k) / (k + 1);
    let weight = weights[k] * ratio;
    if (splitClass < BINOMIAL_POWERS.length) for (let i = 1; i < BINOMIAL_POWERS[splitClass]; i++) weight *= ratio;
    else {
      const alpha = BETA_ALPHAS[splitClass - BINOMIAL_POWERS.length];
      weight *= (k + alpha) / (n - 1 - k + alpha);
    }
    weights.push(n - 1 - k < k ? weights[n - 1 - k] : weight);
  }
  const sum = weights.reduce((a, b) => a + b);
  const exact = weights.map((weight) => (weight / sum) * (TOTAL - n - 1));
  const law = exact.map((value) => Math.floor(value) + 1);
  const over = law.map((value, k) => value - exact[k]);
  const remainders = [...law.keys()].sort((a, b) => over[a] - over[b]);
  const short = TOTAL - law.reduce((a, b) => a + b);
  for (const k of remainders.slice(0, short)) law[k]++;
  return law;
}

/** Symbols of a table: uniform tables, classes of escaped values, signed values, splits of 2 to 31 points. */
function sizeOf(table: number): number {
  if (table < SIGNED_FIRST - 1) return 2 << table;
  if (table < SIGNED_FIRST) return 16;
  if (table < SPLIT_FIRST) return 64;
  return ((table - SPLIT_FIRST) % SPLITS_PER_CLASS) + 3;
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
