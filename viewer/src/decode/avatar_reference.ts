/** What the integers of an avatar's splats are predicted from: their parents, siblings and neighbours. */

import type { Known } from "./avatar_known";

/** What n rows of a chunk are predicted from. */
export interface Reference {
  /** [n, 2] rows that are known, or -2 - i for row i of this chunk, or NOTHING. */
  pairs: Int32Array;
  /** Rows in the order of coding: those of this chunk that are referred to belong to earlier waves. */
  waves: Int32Array[];
}

export const NOTHING = -1;

/** Nothing to predict from. */
export function noReference(n: number): Reference {
  return { pairs: new Int32Array(2 * n).fill(NOTHING), waves: [every(n, 0, 1)] };
}

/** Of the children of some rows: the first has its parent, the others this and the first. */
export function families(parents: Int32Array): Reference {
  const n = 3 * parents.length;
  const pairs = Int32Array.from({ length: 2 * n }, (_, at) => parents[Math.floor(at / 6)]);
  for (let row = 0; row < n; row++) if (row % 3) pairs[2 * row + 1] = -2 - (row - (row % 3));
  const others = every(n, 0, 1).filter((row) => row % 3 !== 0);
  return { pairs, waves: [every(n, 0, 3), others] };
}

/**
 * Of faces of the mesh, ascending, two beside them that are there, or else one, or else the nearest before and after
 * them by number: first of those of earlier chunks, then also every fourth of this one, then every second.
 */
export function neighbours(faces: Int32Array, known: Known): Reference {
  const n = faces.length;
  const waves = [every(n, 0, 4), every(n, 2, 4), every(n, 1, 2)];
  const pairs = new Int32Array(2 * n).fill(NOTHING);
  const place = known.rowOf.slice(); // of every face what `pairs` says of it
  const beside = known.neighbours;
  for (const wave of waves) {
    const there = facesThere(place);
    let after = 0; // of `there`, the first behind the face
    for (const i of there.length ? wave : []) {
      const face = faces[i];
      const sure: number[] = [];
      for (let k = 3 * face; k < 3 * face + 3; k++) {
        if (beside[k] >= 0 && place[beside[k]] !== NOTHING && sure.length < 2) sure.push(beside[k]);
      }
      while (after < there.length && there[after] < face) after++;
      const first = sure.length ? sure[0] : there[Math.max(after - 1, 0)];
      const second = sure.length > 1 ? sure[1] : sure.length ? sure[0] : there[Math.min(after, there.length - 1)];
      pairs[2 * i] = place[first];
      pairs[2 * i + 1] = place[second];
    }
    for (const i of wave) place[faces[i]] = -2 - i;
  }
  return { pairs, waves };
}

function facesThere(place: Int32Array): Int32Array {
  const found = new Int32Array(place.length);
  let count = 0;
  for (let face = 0; face < place.length; face++) if (place[face] !== NOTHING) found[count++] = face;
  return found.subarray(0, count);
}

/** first, first + step .. below n. */
function every(n: number, first: number, step: number): Int32Array {
  return Int32Array.from({ length: Math.max(Math.ceil((n - first) / step), 0) }, (_, i) => first + i * step);
}
