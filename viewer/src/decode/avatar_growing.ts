import { roomFor } from "./room";

/** Rows of numbers that more are added to. */
export class Growing<T extends Int32Array | Uint32Array | Float32Array | Float64Array> {
  /** Rows that are there come first; valid until more are added. */
  values: T;
  private used = 0;

  /** make: a typed array of a length. */
  constructor(private readonly make: (length: number) => T) {
    this.values = make(0);
  }

  /** Room for so many more numbers, all 0; returns where it begins. expected: in the end, 0 if nobody knows. */
  add(count: number, expected = 0): number {
    const first = this.used;
    this.used += count;
    if (this.used > this.values.length) {
      const larger = this.make(roomFor(this.used, this.values.length, expected));
      larger.set(this.values);
      this.values = larger;
    }
    return first;
  }
}
