/** What is known of an avatar, in the order of its file, and digests of it. */

import type { Tree } from "../src/decode/avatar_chunk";
import type { Known } from "../src/decode/avatar_known";
import { SPLIT } from "../src/decode/avatar_steps";
import type { RigMesh, RigShapes } from "../src/decode/rig_mesh";
import { RIG_REGRESSOR_PARTS, RIG_WHOLE } from "../src/decode/tables";
import { sha256 } from "./files";

/** What the chunks of an avatar were decoded to; a tree with the level of its faces and the rows before it. */
export interface Found {
  mesh: RigMesh | null;
  shapes: RigShapes[];
  known: Known | null;
  trees: { level: number; first: number; tree: Tree }[];
}

export function nothingFound(): Found {
  return { mesh: null, shapes: [], known: null, trees: [] };
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function int64(values: ArrayLike<number>): Uint8Array {
  return bytesOf(BigInt64Array.from(Array.from(values), BigInt));
}

/** [columns, rows] of [rows, columns], in parts of 1. */
function transposed(values: Int32Array, columns: number, parts: number): Float32Array {
  const rows = values.length / columns;
  return Float32Array.from(values, (_, at) => values[(at % rows) * columns + Math.floor(at / rows)] / parts);
}

/** As rig_digest in tests/golden/avatar/digests.py. */
export function rigDigest({ mesh, shapes }: Found): string {
  if (!mesh) return "";
  const { header, vertices, faces, skin, followers } = mesh;
  const count = vertices.length / 3;
  const moves = new Float32Array(skin ? (header.shapes.length + header.correctives) * 3 * count : 0);
  for (const { numbers, step, moves: whole } of shapes) {
    numbers.forEach((number, i) => {
      for (let v = 0; v < count; v++) {
        for (let k = 0; k < 3; k++) {
          moves[(number * count + v) * 3 + k] = whole[(v * numbers.length + i) * 3 + k] * step;
        }
      }
    });
  }
  const responses = header.arkit.flatMap((response, number) => {
    if (!response.shapes.length && !response.turns.length) return [];
    const weights = response.shapes.flatMap(({ shape, weight }) => [shape, weight]);
    return [number, ...weights, ...response.turns.flatMap(({ joint, turn }) => [joint, ...turn])];
  });
  const names = skin ? [...header.shapes, ...header.joints] : ["root"];
  return sha256(
    new TextEncoder().encode(names.map((name) => `${name}\0`).join("")),
    bytesOf(faces),
    bytesOf(Int32Array.of(-1, ...header.parents)),
    bytesOf(vertices),
    bytesOf(skin ? Float32Array.from(header.places.flat()) : new Float32Array(3)),
    bytesOf(skin ? Float32Array.from(skin, (value) => value / RIG_WHOLE) : new Float32Array(count).fill(1)),
    bytesOf(followers ? transposed(followers, header.joints.length, RIG_REGRESSOR_PARTS) : new Float32Array(0)),
    bytesOf(moves),
    bytesOf(Float32Array.from(responses)),
  );
}

/** Rows of all faces in the order of the file, -1 where there is no splat; of splits their faces' rows and integers. */
export function inOrder({ known, trees }: Found): { rows: number[]; splits: { row: number; values: Int32Array }[] } {
  const paths: { row: number; path: number[]; split: { row: number; values: Int32Array } }[] = [];
  const pathOf = new Map<number, number[]>();
  // A chunk that was decoded but refused afterwards has added no rows.
  for (const { level, first, tree } of trees.filter((one) => one.first < known!.rows)) {
    tree.members.forEach((member, i) => {
      if (level === 1) {
        pathOf.set(first + i, [member]);
        return;
      }
      const values = tree.splits.subarray(i * SPLIT.columns, (i + 1) * SPLIT.columns);
      for (let child = 0; child < 3; child++) {
        const row = first + 3 * i + child;
        const path = [...pathOf.get(member)!, child];
        pathOf.set(row, path);
        paths.push({ row, path, split: { row: member, values } });
      }
    });
  }
  const differ = (a: number[], b: number[]) => a.findIndex((part, at) => part !== b[at]);
  paths.sort((a, b) => {
    const at = differ(a.path, b.path);
    return a.path.length - b.path.length || a.path[at] - b.path[at];
  });
  const splits = paths.filter((_, i) => i % 3 === 0).map(({ split }) => split);
  return { rows: [...known!.rowOf, ...paths.map(({ row }) => row)], splits };
}

/** As tree_digest in tests/golden/avatar/digests.py. */
export function treeDigest(found: Found): string {
  const { known } = found;
  if (!known) return "";
  const { rows, splits } = inOrder(found);
  const { columns } = known;
  const numbers = new Map(rows.map((row, face) => [row, face]));
  const none = new Int32Array(columns);
  const units = rows.map((row) =>
    row < 0 ? none : known.units.values.subarray(row * columns, (row + 1) * columns),
  );
  return sha256(
    int64(splits.map(({ row }) => numbers.get(row)!)),
    int64(rows.map((row) => (row < 0 ? 0 : 1))),
    int64(rows.map((row) => (row < 0 ? 0 : known.shade.values[row]))),
    ...units.map(int64),
    ...splits.map(({ values }) => int64(values)),
  );
}
