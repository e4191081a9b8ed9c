/** Which rows of the page's arrays are in use: runs of them are taken, given back and taken again. */
export class Rows {
  private free: { first: number; count: number }[] = []; // by place, none adjacent to another
  private end = 0;

  /** The first of `count` rows that nobody uses. */
  take(count: number): number {
    const found = this.free.findIndex((run) => run.count >= count);
    if (found < 0) {
      this.end += count;
      return this.end - count;
    }
    const run = this.free[found];
    const first = run.first;
    run.first += count;
    run.count -= count;
    if (run.count === 0) this.free.splice(found, 1);
    return first;
  }

  /** Gives rows back that were taken. */
  give(first: number, count: number): void {
    let at = this.free.findIndex((run) => run.first > first);
    if (at < 0) at = this.free.length;
    this.free.splice(at, 0, { first, count });
    for (const left of [at, at - 1]) {
      const [run, next] = [this.free[left], this.free[left + 1]];
      if (left < 0 || left + 1 >= this.free.length || run.first + run.count !== next.first) continue;
      run.count += next.count;
      this.free.splice(left + 1, 1);
    }
  }
}
