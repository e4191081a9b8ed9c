/**
 * The frame of a face, as in src/sfumato/media/avatar/frames.py: x along its first edge, y in its plane towards the
 * third vertex, z along its normal; its place is the centroid, its scale the mean length of the edges.
 */

import { FRAME_FLAT } from "../decode/tables";

/** Numbers of a frame: the axes x, y and z, three each; the centroid, three; the scale; room for a quaternion. */
export const FRAME_NUMBERS = 17;

/** Writes the frame of the face with the vertices a, b, c of `vertices` [.., 3] to `out`, but its quaternion. */
export function frameOf(vertices: Float32Array, a: number, b: number, c: number, out: Float64Array): void {
  const i = 3 * a;
  const j = 3 * b;
  const k = 3 * c;
  const ax = vertices[i];
  const ay = vertices[i + 1];
  const az = vertices[i + 2];
  const fx = vertices[j] - ax;
  const fy = vertices[j + 1] - ay;
  const fz = vertices[j + 2] - az;
  const sx = vertices[k] - ax;
  const sy = vertices[k + 1] - ay;
  const sz = vertices[k + 2] - az;
  const first = Math.sqrt(fx * fx + fy * fy + fz * fz);
  const second = Math.sqrt(sx * sx + sy * sy + sz * sz);
  const tx = sx - fx;
  const ty = sy - fy;
  const tz = sz - fz;
  const scale = (first + second + Math.sqrt(tx * tx + ty * ty + tz * tz)) / 3;
  out[9] = ax + (fx + sx) / 3;
  out[10] = ay + (fy + sy) / 3;
  out[11] = az + (fz + sz) / 3;
  out[12] = scale;

  const lost = first <= FRAME_FLAT * scale;
  const x0 = lost ? 1 : fx / first;
  const x1 = lost ? 0 : fy / first;
  const x2 = lost ? 0 : fz / first;
  const along = x0 * sx + x1 * sy + x2 * sz;
  let r0 = sx - along * x0;
  let r1 = sy - along * x1;
  let r2 = sz - along * x2;
  const again = x0 * r0 + x1 * r1 + x2 * r2; // of a sliver little is left, and that not quite upright
  r0 -= again * x0;
  r1 -= again * x1;
  r2 -= again * x2;
  const height = Math.sqrt(r0 * r0 + r1 * r1 + r2 * r2);
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  if (lost || height <= FRAME_FLAT * scale) across(out);
  else {
    out[3] = r0 / height;
    out[4] = r1 / height;
    out[5] = r2 / height;
  }
  out[6] = x1 * out[5] - x2 * out[4];
  out[7] = x2 * out[3] - x0 * out[5];
  out[8] = x0 * out[4] - x1 * out[3];
}

/** Some y across x: a face without a height has no better one. */
function across(out: Float64Array): void {
  const [x, y, z] = [out[0], out[1], out[2]];
  const [a, b, c] = [Math.abs(x), Math.abs(y), Math.abs(z)];
  const axis = a <= b && a <= c ? 0 : b <= c ? 1 : 2;
  out[3] = axis === 1 ? -z : axis === 2 ? y : 0;
  out[4] = axis === 2 ? -x : axis === 0 ? z : 0;
  out[5] = axis === 0 ? -y : axis === 1 ? x : 0;
  const length = Math.sqrt(out[3] * out[3] + out[4] * out[4] + out[5] * out[5]);
  for (let k = 3; k < 6; k++) out[k] /= length;
}

/** The quaternion w, x, y, z of a frame's axes, to out[13 ..], from the row of its largest part. */
export function quaternionOf(out: Float64Array): void {
  const xx = out[0];
  const xy = out[1];
  const xz = out[2];
  const yx = out[3];
  const yy = out[4];
  const yz = out[5];
  const zx = out[6];
  const zy = out[7];
  const zz = out[8];
  const w = 1 + xx + yy + zz;
  const x = 1 + xx - yy - zz;
  const y = 1 - xx + yy - zz;
  const z = 1 - xx - yy + zz;
  const most = Math.max(w, x, y, z);
  const unit = 0.5 / Math.sqrt(most);
  if (w === most) quaternion(out, unit, w, yz - zy, zx - xz, xy - yx);
  else if (x === most) quaternion(out, unit, yz - zy, x, yx + xy, zx + xz);
  else if (y === most) quaternion(out, unit, zx - xz, yx + xy, y, zy + yz);
  else quaternion(out, unit, xy - yx, zx + xz, zy + yz, z);
}

function quaternion(out: Float64Array, unit: number, w: number, x: number, y: number, z: number): void {
  out[13] = w * unit;
  out[14] = x * unit;
  out[15] = y * unit;
  out[16] = z * unit;
}
