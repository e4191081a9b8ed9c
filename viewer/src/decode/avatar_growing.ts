/** Rows of numbers that more are added to: room grows by doubling, so that adding costs what is added. */
export class Growing<T extends Int32Array | Uint32Array | Float32Array | Float64Array> {
  /** Rows that are there come first; valid until more are added. */
  values: T;
  private used = 0;

  /** make: a typed array of a length. */
  constructor(private readonly make: (length: number) => T) {
    this.values = make(0);
  }

  /** Room for so many more numbers, all 0; returns where it begins. */
  add(count: number): number {
    const first = this.used;
    this.used += count;
    if (this.used > this.values.length) {
      const larger = this.make(Math.max(this.used, 2 * this.values.length));
      larger.set(this.values);
      this.values = larger;
    }
    return first;
  }
}
