/** The faces of a mesh from symbols: each corner by where its vertex has been seen before, docs/format.md, "Faces". */

import { chunkError } from "./errors";
import type { SymbolDecoder } from "./rans";
import { Columns, LEAST_CONTEXT, type WideModel } from "./scene_columns";
import { RIG_OPEN, RIG_SLOTS } from "./tables";
import { bitLength } from "./values";

const BESIDE = RIG_SLOTS - 5;
const NEWEST = RIG_SLOTS - 2;

/** `count` faces, [count, 3] numbers of vertices; far: how many distances of both kinds there are. */
export function decodeFaces(
  symbols: SymbolDecoder,
  models: readonly WideModel[],
  vertices: number,
  count: number,
  far: readonly [number, number],
): Uint32Array {
  const columns = new Columns(symbols, Math.max(count, far[0], far[1]));
  const ranks = new Float64Array(3 * count); // corners 0 of all faces, then corners 1 ..
  const sums = new Float64Array(count);
  for (let k = 0; k < 3; k++) {
    for (let i = 0; i < count; i++) columns.context[i] = bitLength(sums[i]) - LEAST_CONTEXT;
    columns.decode(models[k], ranks, k * count, count);
    for (let i = 0, at = k * count; i < count; i++, at++) {
      ranks[at] = ranks[at] < 0 ? -2 * ranks[at] - 1 : 2 * ranks[at];
      sums[i] += ranks[at];
    }
  }
  const distances = far.map((many, kind) => {
    const found = new Float64Array(many);
    columns.context.fill(-LEAST_CONTEXT, 0, many);
    columns.decode(models[3 + kind], found, 0, many);
    return found;
  });
  if (ranks.some((rank) => rank >= RIG_SLOTS)) throw chunkError("a corner names a slot that does not exist");
  return new Replay(vertices, count, ranks, distances).faces;
}

/** The order of slots in every context, by how often each has served. */
class Ranks {
  private readonly order = new Uint8Array(3 * RIG_SLOTS ** 3);
  private readonly served = new Uint32Array(3 * RIG_SLOTS ** 3);

  constructor() {
    for (let at = 0; at < this.order.length; at++) this.order[at] = at % RIG_SLOTS;
  }

  /** The slot of a rank, which moves before all that have served less often. */
  take(context: number, rank: number): number {
    const { order, served } = this;
    const first = context * RIG_SLOTS;
    const slot = order[first + rank];
    const count = ++served[first + slot];
    let place = first + rank;
    for (; place > first && served[first + order[place - 1]] < count; place--) order[place] = order[place - 1];
    order[place] = slot;
    return slot;
  }
}

/** For every vertex a list of a few vertices, the latest. */
class Lists {
  private readonly entries: Int32Array;
  private readonly counts: Uint8Array;

  constructor(vertices: number) {
    this.entries = new Int32Array(RIG_OPEN * vertices);
    this.counts = new Uint8Array(vertices);
  }

  /** The entry at a place from the end, 1 for the last; -1 if there is none. */
  last(vertex: number, place: number): number {
    const count = this.counts[vertex];
    return place > count ? -1 : this.entries[RIG_OPEN * vertex + count - place];
  }

  has(vertex: number, entry: number): boolean {
    return this.find(vertex, entry) >= 0;
  }

  /** Takes the first such entry out; whether there was one. */
  remove(vertex: number, entry: number): boolean {
    const at = this.find(vertex, entry);
    if (at < 0) return false;
    this.entries.copyWithin(at, at + 1, RIG_OPEN * vertex + this.counts[vertex]);
    this.counts[vertex]--;
    return true;
  }

  add(vertex: number, entry: number): void {
    const first = RIG_OPEN * vertex;
    if (this.counts[vertex] === RIG_OPEN) this.entries.copyWithin(first, first + 1, first + RIG_OPEN);
    else this.counts[vertex]++;
    this.entries[first + this.counts[vertex] - 1] = entry;
  }

  private find(vertex: number, entry: number): number {
    const first = RIG_OPEN * vertex;
    for (let at = first; at < first + this.counts[vertex]; at++) if (this.entries[at] === entry) return at;
    return -1;
  }
}

/** Finds the faces one after another. */
class Replay {
  readonly faces: Uint32Array;
  private readonly into: Lists; // where open edges to a vertex come from
  private readonly out: Lists; // where open edges from a vertex go
  private newest = -1; // the vertex that was seen for the first time last
  // The last face, the one before .. and the one that is being found.
  private readonly recent = [0, 1, 2, 3].map(() => [0, 0, 0]);
  private face = [0, 0, 0];

  constructor(vertices: number, count: number, ranks: Float64Array, distances: readonly Float64Array[]) {
    this.faces = new Uint32Array(3 * count);
    this.into = new Lists(vertices);
    this.out = new Lists(vertices);
    const order = new Ranks();
    const seen = new Uint8Array(vertices);
    const same = [0, 0, 0]; // the slots of the corners of the face before
    const taken = [0, 0];
    let slot = 0;
    for (let i = 0; i < count; i++) {
      let near = this.recent[0][2];
      for (let k = 0; k < 3; k++) {
        slot = order.take((k * RIG_SLOTS + slot) * RIG_SLOTS + same[k], ranks[k * count + i]);
        same[k] = slot;
        let vertex: number;
        if (slot < NEWEST) vertex = this.vertexIn(slot, k, near);
        else {
          const kind = slot - NEWEST;
          if (taken[kind] === distances[kind].length) throw chunkError("more corners are far than announced");
          vertex = (kind ? near : this.newest) + distances[kind][taken[kind]++];
        }
        if (!(vertex >= 0 && vertex < vertices)) throw chunkError(`a corner is vertex ${vertex} of ${vertices}`);
        this.face[k] = near = vertex;
        if (!seen[vertex]) {
          seen[vertex] = 1;
          this.newest = vertex;
        }
      }
      this.faces.set(this.face, 3 * i);
      this.add(this.face);
    }
    if (distances.some((some, kind) => some.length > taken[kind])) {
      throw chunkError("fewer corners are far than announced");
    }
  }

  /** The edges of a face that has been found, which is the last one now. */
  private add(face: number[]): void {
    const { into, out, recent } = this;
    for (let k = 0; k < 3; k++) {
      const from = face[k];
      const to = face[(k + 1) % 3];
      if (into.remove(from, to)) out.remove(to, from);
      else {
        out.add(from, to);
        into.add(to, from);
      }
    }
    this.face = recent.pop()!;
    recent.unshift(face);
  }

  private vertexIn(slot: number, k: number, near: number): number {
    const { into, out, newest, face } = this;
    const [last, before, , fourth] = this.recent;
    if (slot === 0) return 2 * before[k] - fourth[k];
    if (slot === 1) return newest + 1;
    if (slot < 5) return last[slot - 2];
    if (slot >= BESIDE) return [newest - 1, newest + 2, near + 1][slot - BESIDE];
    slot -= 5;
    if (k === 0) {
      if (slot < 3) return before[slot];
      return slot < 6 ? out.last(last[slot - 3], 1) : into.last(last[slot - 6], 1);
    }
    if (slot < 3) return (k === 1 ? into : out).last(face[0], slot + 1);
    if (slot < 6) return k === 1 ? out.last(face[0], slot - 2) : into.last(face[1], slot - 2);
    if (k === 2 && slot === 6) {
      for (let place = 1; ; place++) {
        const vertex = out.last(face[0], place);
        if (vertex < 0 || into.has(face[1], vertex)) return vertex;
      }
    }
    return -1;
  }
}
