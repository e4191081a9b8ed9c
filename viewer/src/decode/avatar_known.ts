/**
 * What is known of the faces of an avatar and of the splats on them.
 *
 * Splats have rows in the order of their arrival: rows never move, and what is added to an avatar costs nothing for
 * what was there. In the order of the file, that of the Python package, faces of a level stand by the face of the mesh
 * that they lie in, then by which child of it they are, and so on: `key` is this path as one number, and sorting the
 * rows by level and key gives the numbers of the file. Points inside faces have their order of arrival as well.
 */

import { Growing } from "./avatar_growing";
import { FACE } from "./avatar_steps";
import { orderOfPairs } from "./rig_pairs";
import { roomFor } from "./room";

export class Known {
  /** Splats, and points inside faces. */
  rows = 0;
  points = 0;
  /** Integers of a splat. */
  readonly columns: number;
  /** [R] the row of every face of the mesh, -1 if its splat has not arrived. */
  readonly rowOf: Int32Array;
  /** [rows, columns] in units; see FACE. */
  readonly units: Growing<Int32Array>;
  /** [rows] of the steps of every splat. */
  readonly shade = new Growing((length) => new Int32Array(length));
  /** [rows, 3] numbers of vertices. */
  readonly corners = new Growing((length) => new Uint32Array(length));
  /** [rows] see above; below 2^18 faces of the mesh times 3^15. */
  readonly key = new Growing((length) => new Float64Array(length));
  /** Faces of the mesh without splats, ascending; rows of each level that are not split, by key. */
  private readonly waiting: Int32Array[];
  private beside: Int32Array | null = null;

  constructor(
    readonly faces: Uint32Array,
    readonly vertices: number,
    readonly shDegree: number,
    readonly depth: number,
    readonly maxSplats: number,
  ) {
    this.columns = FACE.bands + 3 * ((shDegree + 1) ** 2 - 1);
    this.rowOf = new Int32Array(faces.length / 3).fill(-1);
    this.units = new Growing((length) => new Int32Array(length));
    this.waiting = [this.rowOf.map((_, face) => face)];
    for (let level = 1; level < depth; level++) this.waiting.push(new Int32Array(0));
  }

  /** The faces of the mesh or, below level 1, the rows, of which a chunk of this level holds some. */
  candidates(level: number): Int32Array {
    return this.waiting[level - 1];
  }

  /** Adds the splats of these faces of the mesh, ascending. */
  addRoots(faces: Int32Array, units: Int32Array, shade: Int32Array): void {
    const rows = this.add(units, shade);
    const [corners, key] = [this.corners.values, this.key.values];
    faces.forEach((face, i) => {
      this.rowOf[face] = rows[i];
      key[rows[i]] = face;
      for (let k = 0; k < 3; k++) corners[3 * rows[i] + k] = this.faces[3 * face + k];
    });
    this.advance(1, faces, rows);
  }

  /** Adds the splats of the children of these rows of the level above, ascending by key, family after family. */
  addChildren(level: number, parents: Int32Array, units: Int32Array, shade: Int32Array): void {
    const rows = this.add(units, shade);
    const [corners, key] = [this.corners.values, this.key.values];
    parents.forEach((parent, i) => {
      const point = this.vertices + this.points + i;
      for (let child = 0; child < 3; child++) {
        const row = rows[3 * i + child];
        key[row] = 3 * key[parent] + child;
        corners[3 * row] = corners[3 * parent + child];
        corners[3 * row + 1] = corners[3 * parent + ((child + 1) % 3)];
        corners[3 * row + 2] = point;
      }
    });
    this.points += parents.length;
    this.advance(level, parents, rows);
  }

  /**
   * [R, 3] the face that shares each edge of every face of the mesh, -1 if there is none: of all faces with this edge,
   * ascending, the one before, and for the first the next.
   */
  get neighbours(): Int32Array {
    return (this.beside ??= neighboursOf(this.faces, this.vertices));
  }

  private add(units: Int32Array, shade: Int32Array): Int32Array {
    const first = this.rows;
    this.rows += shade.length;
    const { columns, maxSplats } = this;
    const at = this.units.add(units.length, columns * maxSplats);
    this.units.values.set(units, at);
    this.shade.add(shade.length, maxSplats);
    this.shade.values.set(shade, first);
    this.corners.add(3 * shade.length, 3 * maxSplats);
    this.key.add(shade.length, maxSplats);
    return shade.map((_, i) => first + i);
  }

  /** What has been taken from the candidates of a level goes, what came of it waits for the next level. */
  private advance(level: number, taken: Int32Array, rows: Int32Array): void {
    const waiting = this.waiting[level - 1];
    let left = 0;
    for (let from = 0, next = 0; from < waiting.length; from++) {
      if (waiting[from] === taken[next]) next++;
      else waiting[left++] = waiting[from];
    }
    this.waiting[level - 1] = waiting.subarray(0, left);
    if (level === this.depth) return;
    const key = this.key.values;
    const before = this.waiting[level];
    const count = before.length + rows.length;
    let merged = new Int32Array(before.buffer); // with the room behind those that wait
    if (merged.length < count) {
      merged = new Int32Array(roomFor(count, merged.length, this.maxSplats));
      merged.set(before);
    }
    // From the end on, so that none is in the way of another.
    for (let to = count, a = before.length, b = rows.length; b > 0; ) {
      const old = a > 0 && key[merged[a - 1]] > key[rows[b - 1]];
      merged[--to] = old ? merged[--a] : rows[--b];
    }
    this.waiting[level] = merged.subarray(0, count);
  }
}

function neighboursOf(faces: Uint32Array, vertices: number): Int32Array {
  const count = faces.length;
  const [low, high] = [new Uint32Array(count), new Uint32Array(count)];
  for (let at = 0; at < count; at++) {
    const [one, other] = [faces[at], faces[at % 3 === 2 ? at - 2 : at + 1]];
    low[at] = Math.min(one, other);
    high[at] = Math.max(one, other);
  }
  const found = new Int32Array(count).fill(-1);
  const order = orderOfPairs(vertices, low, high);
  for (let i = 1; i < count; i++) {
    const [one, other] = [order[i - 1], order[i]];
    if (low[one] !== low[other] || high[one] !== high[other]) continue;
    if (found[one] < 0) found[one] = Math.floor(other / 3);
    found[other] = Math.floor(one / 3);
  }
  return found;
}
