/**
 * An order of a mesh's vertices in which almost every one has neighbours before it, found from the faces alone:
 * docs/format.md, "The ladder".
 */

import { type Edges, edgesOf } from "./rig_pairs";
import { RIG_COLORS, RIG_FACTOR, RIG_LEVELS, RIG_TOP } from "./tables";

/** Vertices that are coded together. */
export interface Rung {
  /** Ascending. */
  rows: Uint32Array;
  /** Their neighbours of earlier rungs: known[start[i]] .. known[start[i + 1] - 1] of rows[i], at least one. */
  known: Uint32Array;
  start: Uint32Array;
}

export interface Ladder {
  /** The vertices that are coded first, ascending. */
  top: Uint32Array;
  /** The others that are in faces, in order of coding. */
  rungs: Rung[];
}

/** The ladder of a mesh with these faces, [F, 3]. */
export function ladderOf(vertices: number, faces: Uint32Array): Ladder {
  const order = byPriority(vertices);
  let nodes: Uint8Array = new Uint8Array(vertices);
  for (const vertex of faces) nodes[vertex] = 1;
  let edges = edgesOfFaces(vertices, faces);
  const levels: Rung[][] = [];
  while (count(nodes) > RIG_TOP && edges.beside.length && levels.length < RIG_LEVELS) {
    const color = colored(nodes, edges, order);
    levels.push(Array.from({ length: RIG_COLORS }, (_, i) => rungOf(color, edges, i + 1)));
    edges = contracted(color, edges);
    nodes = Uint8Array.from(color, (one) => (one === 0 ? 1 : 0));
  }
  const top = numbersOf(nodes, 1);
  return { top, rungs: levels.reverse().flatMap((level) => level.filter((rung) => rung.rows.length)) };
}

function count(nodes: Uint8Array): number {
  return nodes.reduce((sum, node) => sum + node, 0);
}

function numbersOf(values: ArrayLike<number>, wanted: number): Uint32Array {
  const found = new Uint32Array(values.length);
  let many = 0;
  for (let v = 0; v < values.length; v++) if (values[v] === wanted) found[many++] = v;
  return found.slice(0, many);
}

/** All vertices by falling priority, which is a multiple of their number modulo 2^32. */
function byPriority(vertices: number): Uint32Array {
  let inverse = 1; // modulo 2^32, by Newton's method: each step doubles the bits that are right
  for (let step = 0; step < 5; step++) inverse = Math.imul(inverse, 2 - Math.imul(RIG_FACTOR, inverse));
  const found = Uint32Array.from({ length: vertices }, (_, v) => Math.imul(v, RIG_FACTOR));
  return found
    .sort()
    .reverse()
    .map((priority) => Math.imul(priority, inverse));
}

function edgesOfFaces(vertices: number, faces: Uint32Array): Edges {
  const [one, other] = [new Uint32Array(2 * faces.length), new Uint32Array(2 * faces.length)];
  for (let i = 0; i < faces.length; i++) {
    const next = faces[i % 3 === 2 ? i - 2 : i + 1];
    one[2 * i] = other[2 * i + 1] = faces[i];
    other[2 * i] = one[2 * i + 1] = next;
  }
  return edgesOf(vertices, one, other);
}

const NONE = 255;

/** 0 for a largest set of nodes without edges inside, 1 for one of the others, and so on; NONE beside the nodes. */
function colored(nodes: Uint8Array, { start, beside }: Edges, order: Uint32Array): Uint8Array {
  const color = Uint8Array.from(nodes, (node) => (node ? RIG_COLORS : NONE));
  for (let number = 0; number < RIG_COLORS; number++) {
    const beaten = new Uint8Array(nodes.length);
    for (const v of order) {
      if (color[v] !== RIG_COLORS || beaten[v]) continue;
      color[v] = number;
      for (let at = start[v]; at < start[v + 1]; at++) beaten[beside[at]] = 1;
    }
  }
  return color;
}

function rungOf(color: Uint8Array, edges: Edges, number: number): Rung {
  const rows = numbersOf(color, number);
  const known = new Uint32Array(edges.beside.length);
  const start = new Uint32Array(rows.length + 1);
  let many = 0;
  rows.forEach((v, i) => {
    for (let at = edges.start[v]; at < edges.start[v + 1]; at++) {
      if (color[edges.beside[at]] < number) known[many++] = edges.beside[at];
    }
    start[i + 1] = many;
  });
  return { rows, known: known.slice(0, many), start };
}

/** Edges between nodes of colour 0, after each other node has become one with its first neighbour of colour 0. */
function contracted(color: Uint8Array, { start, beside }: Edges): Edges {
  const vertices = color.length;
  const into = Uint32Array.from(color, (_, v) => v);
  const one = new Uint32Array(beside.length);
  for (let v = 0; v < vertices; v++) {
    one.fill(v, start[v], start[v + 1]);
    if (color[v] === 0) continue;
    for (let at = start[v]; at < start[v + 1]; at++) {
      if (color[beside[at]] !== 0) continue;
      into[v] = beside[at];
      break;
    }
  }
  const merged = (ends: Uint32Array) => ends.map((v) => into[v]);
  return edgesOf(vertices, merged(one), merged(beside));
}
