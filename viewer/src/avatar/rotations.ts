/** Rotations as matrices of nine numbers, row by row. */

/** Rodrigues' formula: the turn about an axis by the length of (x, y, z) in radians; exactly 1 where that is 0. */
export function turnMatrix(x: number, y: number, z: number, out: Float64Array, at: number): void {
  const square = x * x + y * y + z * z;
  const angle = Math.sqrt(square);
  const first = angle > 0 ? Math.sin(angle) / angle : 1;
  const half = angle > 0 ? Math.sin(angle / 2) / (angle / 2) : 1;
  const second = (half * half) / 2; // (1 - cos angle) / angle^2
  out[at] = 1 + second * (x * x - square);
  out[at + 1] = second * x * y - first * z;
  out[at + 2] = second * x * z + first * y;
  out[at + 3] = second * x * y + first * z;
  out[at + 4] = 1 + second * (y * y - square);
  out[at + 5] = second * y * z - first * x;
  out[at + 6] = second * x * z - first * y;
  out[at + 7] = second * y * z + first * x;
  out[at + 8] = 1 + second * (z * z - square);
}

/** A head that looks left (yaw), then down (pitch), then tilts to its right shoulder (roll); degrees. */
export function headMatrix(yaw: number, pitch: number, roll: number, out: Float64Array, at: number): void {
  const radian = Math.PI / 180;
  const [cy, sy] = [Math.cos(yaw * radian), Math.sin(yaw * radian)];
  const [cp, sp] = [Math.cos(pitch * radian), Math.sin(pitch * radian)];
  const [cr, sr] = [Math.cos(roll * radian), Math.sin(roll * radian)];
  out[at] = cy * cr + sy * sp * sr;
  out[at + 1] = sy * sp * cr - cy * sr;
  out[at + 2] = sy * cp;
  out[at + 3] = cp * sr;
  out[at + 4] = cp * cr;
  out[at + 5] = -sp;
  out[at + 6] = cy * sp * sr - sy * cr;
  out[at + 7] = sy * sr + cy * sp * cr;
  out[at + 8] = cy * cp;
}

/** What joints do to points of the mesh at rest, [J, 3, 4], from their turns [J, 3, 3] about their places [J, 3]. */
export function jointTransforms(
  parents: Int32Array,
  places: Float64Array,
  matrices: Float64Array,
  out: Float64Array,
): void {
  for (let joint = 0; joint < parents.length; joint++) {
    const m = 9 * joint;
    const p = 3 * joint;
    const to = 12 * joint;
    const above = 12 * parents[joint];
    for (let row = 0; row < 3; row++) {
      const at = m + 3 * row;
      out[to + 4 * row] = matrices[at];
      out[to + 4 * row + 1] = matrices[at + 1];
      out[to + 4 * row + 2] = matrices[at + 2];
      const turned = matrices[at] * places[p] + matrices[at + 1] * places[p + 1] + matrices[at + 2] * places[p + 2];
      out[to + 4 * row + 3] = places[p + row] - turned;
    }
    if (parents[joint] < 0) continue;
    for (let column = 0; column < 4; column++) {
      const [a, b, c] = [out[to + column], out[to + 4 + column], out[to + 8 + column]];
      for (let row = 0; row < 3; row++) {
        const from = above + 4 * row;
        const shift = column === 3 ? out[from + 3] : 0;
        out[to + 4 * row + column] = out[from] * a + out[from + 1] * b + out[from + 2] * c + shift;
      }
    }
  }
}
