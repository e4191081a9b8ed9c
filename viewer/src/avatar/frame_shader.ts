/** The frames of faces in GLSL, and the words of the tables that it reads. */

import { FRAME_FLAT } from "../decode/tables";
import { LINE } from "../render/table";

/**
 * `frameOf(row)` is the frame of a row's face: as frames.ts finds it, in the precision of the card. A point p of the
 * frame lies at `scale * (axes * p) + place`.
 */
export const FRAME_SHADER = `
uniform usampler2D corners, vertices;

struct Frame {
  mat3 axes; // columns
  vec3 place;
  float scale;
};

vec3 vertexAt(uint number) {
  int n = int(number);
  return uintBitsToFloat(texelFetch(vertices, ivec2(n % ${LINE}, n / ${LINE}), 0).xyz);
}

Frame frameOf(int row) {
  uvec3 face = texelFetch(corners, ivec2(row % ${LINE}, row / ${LINE}), 0).xyz;
  vec3 corner = vertexAt(face.x);
  vec3 first = vertexAt(face.y) - corner, second = vertexAt(face.z) - corner;
  float base = length(first), size = (base + length(second) + length(second - first)) / 3.0;
  bool lost = base <= ${FRAME_FLAT} * size;
  vec3 x = lost ? vec3(1.0, 0.0, 0.0) : first / base;
  vec3 rest = second - dot(x, second) * x;
  rest -= dot(x, rest) * x; // of a sliver little is left, and that not quite upright
  float height = length(rest);
  vec3 y = rest / height;
  if (lost || height <= ${FRAME_FLAT} * size) {
    vec3 a = abs(x);
    y = normalize(cross(x, a.x <= a.y && a.x <= a.z ? vec3(1, 0, 0) : a.y <= a.z ? vec3(0, 1, 0) : vec3(0, 0, 1)));
  }
  return Frame(mat3(x, y, cross(x, y)), corner + (first + second) / 3.0, size);
}
`;

/** Three numbers of a row as four words, the last of no meaning: numbers [.., 3] of `count` rows from `first` on. */
export function packThrees(numbers: Uint32Array | Float32Array, first: number, count: number, out: Uint32Array): void {
  const from = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  for (let row = 0, at = 3 * first, to = 0; row < count; row++, at += 3, to += 4) {
    out[to] = from[at];
    out[to + 1] = from[at + 1];
    out[to + 2] = from[at + 2];
  }
}
