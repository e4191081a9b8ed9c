/** Numbers, names and models at the beginning of a rig's payloads. */

import { i8, u16, u32 } from "./bytes";
import { chunkError } from "./errors";
import type { WideModel } from "./scene_columns";
import { RIG_FARTHEST, RIG_STEPS, WIDE_TABLES } from "./tables";
import type { Vector3 } from "./types";

/** Takes numbers and names from the beginning of a payload; ChunkError where it ends too early. */
export class RigReader {
  private at = 0;

  constructor(private readonly data: Uint8Array) {}

  /** The place of the next bytes, which are taken. */
  private take(count: number): number {
    const at = this.at;
    if (at + count > this.data.length) throw chunkError("the rig ends inside its header");
    this.at += count;
    return at;
  }

  bytes(count: number): Uint8Array {
    const at = this.take(count);
    return this.data.slice(at, at + count);
  }

  u8(): number {
    return this.data[this.take(1)];
  }

  u16(): number {
    return u16(this.data, this.take(2));
  }

  u32(): number {
    return u32(this.data, this.take(4));
  }

  /** A float32, finite and of a size that rigs have. */
  float(): number {
    const view = new DataView(this.data.buffer, this.data.byteOffset + this.take(4));
    const value = view.getFloat32(0, true);
    if (!(Math.abs(value) <= RIG_FARTHEST)) throw chunkError("a number of the rig is not finite, or too large");
    return value;
  }

  place(): Vector3 {
    return [this.float(), this.float(), this.float()];
  }

  /** A step that encoders choose. */
  step(): number {
    const step = this.float();
    if (!(step >= RIG_STEPS[0] && step <= RIG_STEPS[1])) throw chunkError(`the rig has steps of ${step}`);
    return step;
  }

  /** A name: a byte with its length, and UTF-8. */
  text(): string {
    const data = this.bytes(this.u8());
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    } catch {
      throw chunkError("a name of the rig is not UTF-8");
    }
  }

  texts(count: number): string[] {
    return Array.from({ length: count }, () => this.text());
  }

  models(count: number): WideModel[] {
    const found = Array.from({ length: count }, () => {
      const at = this.take(2);
      return { table: this.data[at], slope: i8(this.data, at + 1) };
    });
    if (found.some((model) => model.table >= WIDE_TABLES)) {
      throw chunkError("the rig names a probability table that does not exist");
    }
    return found;
  }

  /** All that has not been taken. */
  rest(): Uint8Array {
    return this.data.subarray(this.at);
  }
}
