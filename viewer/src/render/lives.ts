/** Opacities of a scene's rows, and how they go from one to the next. */

import { roomFor } from "../decode/room";
import { reuse, scratch } from "../decode/scratch";
import { half2 } from "./half";

interface Run {
  first: number;
  count: number;
}

/** Every row's opacity goes from one value to another, from a start on. Times are in seconds. */
export class Lives {
  private from = new Float32Array(0);
  private to = new Float32Array(0);
  private start = new Float32Array(0);
  private changing: (Run & { until: number })[] = []; // by time

  /** duration: seconds, 0 for none. expected: rows that will come, 0 if nobody knows. */
  constructor(
    private readonly duration: number,
    private readonly expected = 0,
  ) {}

  /** Whether opacities still change at this time. */
  moving(now: number): boolean {
    return this.changing.some(({ until }) => until > now);
  }

  /** New rows, which come from nothing. */
  appear(first: number, count: number, opacity: Float32Array, now: number): Uint32Array {
    this.reserve(first + count);
    this.from.fill(0, first, first + count);
    this.to.fill(0, first, first + count);
    return this.change(first, count, opacity, now);
  }

  /** Other opacities; what to upload, two words a row, at once. null: all 0. */
  change(first: number, count: number, opacity: Float32Array | null, now: number): Uint32Array {
    reuse();
    const words = scratch(Uint32Array, 2 * count);
    const times = new Float32Array(words.buffer);
    for (let i = 0, row = first; i < count; i++, row++) {
      const next = opacity ? opacity[i] : 0;
      if (next !== this.to[row]) { // the others go on as they were
        this.from[row] = this.duration ? this.at(row, now) : next;
        this.to[row] = next;
        this.start[row] = now;
      }
      words[2 * i] = half2(this.from[row], next);
      times[2 * i + 1] = this.start[row];
    }
    this.changing.push({ first, count, until: now + this.duration });
    return words;
  }

  /** Rows that have become invisible, since the last time that they were asked for. */
  gone(now: number): Run[] {
    const runs: Run[] = [];
    while (this.changing.length && this.changing[0].until <= now) {
      const { first, count, until } = this.changing.shift()!;
      for (let row = first; row < first + count; row++) {
        // Rows may have been given to other splats meanwhile, or change once more.
        if (this.to[row] > 0 || this.start[row] + this.duration > until + 1e-3) continue;
        const last = runs.at(-1);
        if (last && last.first + last.count === row) last.count++;
        else runs.push({ first: row, count: 1 });
      }
    }
    return runs;
  }

  private at(row: number, now: number): number {
    const [from, to] = [this.from[row], this.to[row]];
    const part = Math.min(Math.max((now - this.start[row]) / this.duration, 0), 1);
    return from + (to - from) * (to < from ? part ** 3 : part);
  }

  private reserve(rows: number): void {
    if (rows <= this.to.length) return;
    const room = roomFor(rows, this.to.length, this.expected);
    for (const name of ["from", "to", "start"] as const) {
      const grown = new Float32Array(room);
      grown.set(this[name]);
      this[name] = grown;
    }
  }
}
