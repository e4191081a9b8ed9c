/** Pairs of vertices in order. */

/** The places of pairs (one[i], other[i]) of numbers below `bound`, sorted; equal pairs keep their order. */
export function orderOfPairs(bound: number, one: Uint32Array, other: Uint32Array): Uint32Array {
  return ordered(bound, one, ordered(bound, other, null));
}

/** A counting sort of places by their keys; among: the places in their order so far, null for 0, 1, 2 .. */
function ordered(bound: number, keys: Uint32Array, among: Uint32Array | null): Uint32Array {
  const next = new Uint32Array(bound + 1);
  for (const key of keys) next[key + 1]++;
  for (let key = 0; key < bound; key++) next[key + 1] += next[key];
  const found = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    const at = among ? among[i] : i;
    found[next[keys[at]]++] = at;
  }
  return found;
}

/** Edges of a graph: vertex v has the neighbours beside[start[v]] .. beside[start[v + 1] - 1], ascending. */
export interface Edges {
  start: Uint32Array;
  beside: Uint32Array;
}

/** The edges from one[i] to other[i], each once, none of a vertex with itself. */
export function edgesOf(vertices: number, one: Uint32Array, other: Uint32Array): Edges {
  const start = new Uint32Array(vertices + 1);
  const beside = new Uint32Array(one.length);
  let count = 0;
  let from = -1;
  let to = -1;
  for (const at of orderOfPairs(vertices, one, other)) {
    if (one[at] === other[at] || (one[at] === from && other[at] === to)) continue;
    from = one[at];
    to = other[at];
    start[from + 1]++;
    beside[count++] = to;
  }
  for (let v = 0; v < vertices; v++) start[v + 1] += start[v];
  return { start, beside: beside.slice(0, count) };
}
