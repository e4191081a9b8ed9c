/** How the box around a grid is halved: across its longest side, of equal ones across the first. */
export class Grid {
  /** Halvings from the box of all points to a cell. */
  readonly depth: number;
  /** What the halving at each depth cuts, and how many cells long the halves are. */
  readonly axis: Uint8Array;
  readonly half: Int32Array;
  /** [depth + 1, axes] log2 of the sides of a box at each depth. */
  readonly bits: Uint8Array;

  constructor(readonly size: readonly number[]) {
    const left = size.map((side) => 32 - Math.clz32(side - 1));
    this.depth = left.reduce((sum, bits) => sum + bits, 0);
    this.axis = new Uint8Array(this.depth);
    this.half = new Int32Array(this.depth);
    this.bits = new Uint8Array((this.depth + 1) * size.length);
    this.bits.set(left);
    for (let depth = 0; depth < this.depth; depth++) {
      const axis = left.indexOf(Math.max(...left));
      left[axis]--;
      this.axis[depth] = axis;
      this.half[depth] = 1 << left[axis];
      this.bits.set(left, (depth + 1) * size.length);
    }
  }
}
