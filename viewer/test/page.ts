/** The page as the tests need it: it applies edits to plain arrays. */

import type { AvatarEdit, Edit, Message } from "../src/decode/types";

type SplatEdit = Exclude<Edit, AvatarEdit>;

interface Row {
  numbers: number[]; // mean, rotation, scale, opacity, all harmonics
}

export class Page {
  private appended: number[][] = [];
  private rows = new Map<number, Row>();
  private harmonics = 1;

  take(message: Message): void {
    if (message.type === "opened" && message.layout.medium === "scene") {
      this.harmonics = (message.layout.shDegree + 1) ** 2;
    }
    if (message.type === "update") for (const edit of message.edits) this.apply(edit as SplatEdit);
  }

  get drawn(): number {
    return this.appended.length + this.visible.length;
  }

  /** The numbers of all that is drawn: an image's in order, a scene's in the order of their bytes. */
  get bytes(): Uint8Array {
    const rows = this.appended.length ? this.appended : this.visible.map((row) => row.numbers);
    const bytes = rows.map((numbers) => Buffer.from(Float32Array.from(numbers).buffer));
    if (!this.appended.length) bytes.sort((a, b) => Buffer.compare(a, b));
    return Buffer.concat(bytes);
  }

  private get visible(): Row[] {
    return [...this.rows.values()].filter((row) => !Object.is(row.numbers[10], NaN));
  }

  private apply(edit: SplatEdit): void {
    if (edit.type === "append2d") {
      if (edit.first !== this.appended.length) throw new Error("splats are missing");
      const channels = edit.color.length / Math.max(edit.count, 1);
      for (let i = 0; i < edit.count; i++) {
        const color = edit.color.subarray(channels * i, channels * (i + 1));
        this.appended.push([...edit.xy.subarray(2 * i, 2 * i + 2), ...edit.chol.subarray(3 * i, 3 * i + 3), ...color]);
      }
      return;
    }
    for (let i = 0; i < edit.count; i++) this.change(edit, i, edit.first + i);
  }

  private change(edit: Exclude<SplatEdit, { type: "append2d" }>, i: number, at: number): void {
    const row = this.rows.get(at);
    if (edit.type === "rows3d") {
      if (row) throw new Error(`row ${at} is in use`);
      const { mean, rotation, scale, opacity, sh0 } = edit;
      const numbers = [
        ...mean.subarray(3 * i, 3 * i + 3),
        ...rotation.subarray(4 * i, 4 * i + 4),
        ...scale.subarray(3 * i, 3 * i + 3),
        opacity[i],
        ...sh0.subarray(3 * i, 3 * i + 3),
        ...new Array<number>(3 * (this.harmonics - 1)).fill(0),
      ];
      this.rows.set(at, { numbers });
      return;
    }
    if (!row) throw new Error(`row ${at} is not in use`);
    if (edit.type === "retire3d") this.rows.delete(at);
    else if (edit.type === "opacity3d") row.numbers[10] = edit.opacity[i] === 0 ? NaN : edit.opacity[i];
    else {
      const each = 3 * (2 * edit.degree + 1);
      const first = 11 + 3 * edit.degree ** 2;
      for (let k = 0; k < each; k++) row.numbers[first + k] = edit.values[each * i + k];
    }
  }
}
