/** Whole numbers that the vertices of a mesh have, such as places, shapes and weights, from symbols. */

import type { SymbolDecoder } from "./rans";
import type { Ladder, Rung } from "./rig_ladder";
import { Columns, LEAST_CONTEXT, type WideModel } from "./scene_columns";
import { RIG_LIMIT } from "./tables";
import { bitLength, clamp, floorDivide } from "./values";

/** The values [vertices, columns, parts], 0 where no face uses a vertex; models: of the top, then of each part. */
export function decodeColumns(
  symbols: SymbolDecoder,
  ladder: Ladder,
  models: readonly WideModel[],
  vertices: number,
  columns: number,
): Int32Array {
  return new Climb(symbols, ladder, models, vertices, columns).found;
}

class Climb {
  readonly found: Int32Array;
  private readonly parts: number;
  private readonly each: number; // values of a vertex
  private readonly decoder: Columns;
  private readonly rest: Float64Array; // distances to what was expected, of one part
  private readonly busy: Float64Array; // magnitudes of the distances of the parts before
  private readonly expected: Int32Array;
  private readonly doubt: Int32Array; // how far values may be from expected

  constructor(
    symbols: SymbolDecoder,
    ladder: Ladder,
    private readonly models: readonly WideModel[],
    vertices: number,
    private readonly columns: number,
  ) {
    this.parts = models.length - 1;
    this.each = columns * this.parts;
    const longest = ladder.rungs.reduce((most, rung) => Math.max(most, rung.rows.length), 0);
    const most = Math.max(ladder.top.length * this.each, longest * columns);
    this.found = new Int32Array(vertices * this.each);
    this.decoder = new Columns(symbols, most);
    this.rest = new Float64Array(most);
    this.busy = new Float64Array(longest * columns);
    this.expected = new Int32Array(longest * this.each);
    this.doubt = new Int32Array(longest * this.each);
    this.top(ladder.top);
    for (const rung of ladder.rungs) {
      this.expect(rung);
      this.climb(rung);
    }
  }

  private top(rows: Uint32Array): void {
    const { found, each, rest, decoder } = this;
    decoder.context.fill(-LEAST_CONTEXT);
    decoder.decode(this.models[0], rest, 0, rows.length * each);
    const sum = new Float64Array(each);
    rows.forEach((row, i) => {
      for (let k = 0; k < each; k++) {
        sum[k] += rest[i * each + k];
        found[row * each + k] = clamp(sum[k], -RIG_LIMIT, RIG_LIMIT);
      }
    });
  }

  /** The mean of the neighbours of earlier rungs, and how much they differ. */
  private expect({ rows, known, start }: Rung): void {
    const { found, each, parts, expected, doubt } = this;
    const [sum, low, high] = [new Float64Array(each), new Int32Array(each), new Int32Array(each)];
    for (let i = 0; i < rows.length; i++) {
      const count = start[i + 1] - start[i];
      sum.fill(0);
      low.fill(RIG_LIMIT);
      high.fill(-RIG_LIMIT);
      for (let at = start[i]; at < start[i + 1]; at++) {
        for (let k = 0, from = known[at] * each; k < each; k++, from++) {
          const value = found[from];
          sum[k] += value;
          if (value < low[k]) low[k] = value;
          if (value > high[k]) high[k] = value;
        }
      }
      for (let first = 0; first < each; first += parts) {
        let alone = 0;
        for (let k = first; k < first + parts; k++) {
          const mean = floorDivide(2 * sum[k] + count, 2 * count);
          expected[i * each + k] = mean;
          doubt[i * each + k] = 2 * (high[k] - low[k]) + (count === 1 ? Math.abs(mean) : 0);
          if (count === 1) alone += Math.abs(mean);
        }
        for (let k = first; k < first + parts; k++) doubt[i * each + k] += alone >> 1;
      }
    }
  }

  private climb({ rows }: Rung): void {
    const { found, columns, parts, each, rest, busy, expected, doubt, decoder } = this;
    const count = rows.length * columns;
    busy.fill(0, 0, count);
    for (let part = 0; part < parts; part++) {
      for (let i = 0, at = part; i < count; i++, at += parts) {
        decoder.context[i] = bitLength(doubt[at] + busy[i]) - LEAST_CONTEXT;
      }
      decoder.decode(this.models[1 + part], rest, 0, count);
      for (let i = 0, at = part; i < count; i++, at += parts) {
        const to = rows[Math.floor(i / columns)] * each + (at % each);
        found[to] = clamp(expected[at] + rest[i], -RIG_LIMIT, RIG_LIMIT);
        busy[i] += 2 * Math.abs(rest[i]);
      }
    }
  }
}
