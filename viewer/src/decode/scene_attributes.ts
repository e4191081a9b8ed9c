/** Everything of splats or nodes but their positions: docs/format.md, "The attributes". */

import type { Boxes } from "./halving";
import type { SymbolDecoder } from "./rans";
import { Columns, contextOf, expected, LEAST_CONTEXT, type Model, type Payload, usualContexts } from "./scene_columns";
import { ChunkSteps, directionLog, fineBits, grown, levelClass, longestAxis, Rescale, rollLog } from "./scene_steps";
import { scratch } from "./scratch";
import { SCENE_COLOR_UNIT } from "./tables";
import { bitLength, floorDivide } from "./values";

/** Columns of doubles: `count` numbers of each, one column after the other. */
export const ATTRIBUTES = { level: 0, scale: 1, opacity: 4, rotation: 5, color: 8, columns: 11 } as const;

/** The integers of splats or nodes, but for `levelClass` in arrays of the chunk, see scratch.ts. */
export interface Integers {
  count: number;
  /** [11, count] in the order of ATTRIBUTES. */
  attributes: Float64Array;
  /** Class of each one's level, see scene_steps.ts. */
  levelClass: Uint8Array;
  steps: ChunkSteps;
}

/** What nodes say of what is below them. */
export interface Above {
  boxes: Boxes;
  /** [5, count] level, log2 of the longest axis in parts of an octave, colours in steps at the unit's shade. */
  values: Float64Array;
}

/** Decodes everything of n splats or nodes but positions. */
export class Attributes {
  private readonly out: Float64Array;
  private readonly columns: Columns;
  private readonly steps: ChunkSteps;
  private readonly usual: Uint8Array;
  private readonly levelClass: Uint8Array;
  private readonly second: Int16Array; // see `grown`
  private readonly third: Int16Array;

  constructor(
    private readonly payload: Payload,
    symbols: SymbolDecoder,
    private readonly n: number,
    private readonly above: Above,
    private readonly parent: Int32Array,
  ) {
    this.out = scratch(Float64Array, ATTRIBUTES.columns * n);
    this.columns = new Columns(symbols, n);
    this.steps = new ChunkSteps(payload.fineness);
    this.usual = usualContexts(this.steps);
    this.levelClass = new Uint8Array(n);
    this.second = scratch(Int16Array, n);
    this.third = scratch(Int16Array, n);
  }

  run(): { attributes: Float64Array; levelClass: Uint8Array; steps: ChunkSteps } {
    const { n, out, steps, second, third } = this;
    const context = this.columns.context;
    this.level();
    this.setUsualContext();
    this.longest();
    this.logarithm(2, steps.second);
    for (let i = 0; i < n; i++) {
      const c = this.levelClass[i];
      second[i] = grown(out[2 * n + i], steps.second[c]);
      context[i] = this.usual[c] + 2 * Math.min(second[i] >> 8, 6);
    }
    this.logarithm(3, steps.third);
    for (let i = 0; i < n; i++) third[i] = grown(out[3 * n + i], steps.third[this.levelClass[i]]);
    this.setUsualContext();
    this.logarithm(ATTRIBUTES.opacity, steps.opacity);
    this.rotation();
    this.colors();
    return { attributes: out, levelClass: this.levelClass, steps };
  }

  /** The places of splats in their cells, [3, n]. */
  fine(exponent: number): Float64Array {
    const { n, out, steps, second } = this;
    const widths = scratch(Uint8Array, n);
    for (let i = 0; i < n; i++) {
      const c = this.levelClass[i];
      widths[i] = fineBits(longestAxis(out[n + i], steps.first[c]), second[i], steps.shade[c], exponent);
    }
    const found = scratch(Float64Array, 3 * n);
    for (let axis = 0; axis < 3; axis++) this.columns.values.addRaw(widths, n, found, axis * n);
    return found;
  }

  private setUsualContext(): void {
    const { usual, levelClass, n } = this;
    const context = this.columns.context;
    for (let i = 0; i < n; i++) context[i] = usual[levelClass[i]];
  }

  private decode(number: number): Model {
    const model = this.payload.models[number];
    this.columns.decode(model, this.out, number * this.n);
    return model;
  }

  private level(): void {
    const { n, out, levelClass: classes, above, parent } = this;
    this.columns.context.fill(-LEAST_CONTEXT);
    const model = this.decode(0);
    for (let i = 0; i < n; i++) {
      out[i] += expected(model, above.values[parent[i]]);
      classes[i] = levelClass(out[i]);
    }
  }

  private longest(): void {
    const { n, out, levelClass, steps, above, parent } = this;
    const model = this.decode(1);
    for (let i = 0; i < n; i++) {
      const step = steps.first[levelClass[i]];
      out[n + i] += floorDivide(expected(model, above.values[above.boxes.count + parent[i]]) + (step >> 1), step);
    }
  }

  /** A column of logarithms whose expected values follow from the level alone. */
  private logarithm(number: number, step: Int32Array): void {
    const { n, out, levelClass } = this;
    const { centre } = this.decode(number);
    const ofLevel = Float64Array.from(step, (size) => floorDivide(centre + (size >> 1), size));
    for (let i = 0, at = number * n; i < n; i++, at++) out[at] += ofLevel[levelClass[i]];
  }

  private rotation(): void {
    const { n, out, second, third, levelClass, steps } = this;
    const context = this.columns.context;
    for (let k = 0; k < 3; k++) {
      if (k !== 1) {
        const logOf = k ? rollLog : directionLog;
        for (let i = 0; i < n; i++) context[i] = contextOf(logOf(steps.shade[levelClass[i]], second[i], third[i]));
      }
      const number = ATTRIBUTES.rotation + k;
      const { centre } = this.decode(number);
      for (let at = number * n; at < (number + 1) * n; at++) out[at] += centre;
    }
  }

  private colors(): void {
    const { n, out, levelClass, above, parent } = this;
    const context = this.columns.context;
    const rescale = Array.from(this.steps.shade, (shade) => new Rescale(SCENE_COLOR_UNIT - shade));
    this.setUsualContext();
    for (let k = 0; k < 3; k++) {
      const number = ATTRIBUTES.color + k;
      const first = number * n;
      const values = (2 + k) * above.boxes.count;
      const model = this.decode(number);
      for (let i = 0; i < n; i++) {
        if (k === 0) context[i] += 4 * Math.min(bitLength(Math.abs(out[first + i])), 6);
        out[first + i] += rescale[levelClass[i]].apply(expected(model, above.values[values + parent[i]]));
      }
    }
  }
}
