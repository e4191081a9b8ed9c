/** Pinhole cameras as in src/sfumato/camera.py: x right, y down, z forward; X is seen at (fx x/z + cx, fy y/z + cy). */

import type { Vector3 } from "../decode/types";

/** Three rows. */
export type Matrix3 = readonly [Vector3, Vector3, Vector3];

/** Lengths in pixels; (x, y, z) = rotation X + translation. */
export interface Camera {
  width: number;
  height: number;
  fx: number;
  fy: number;
  cx: number;
  cy: number;
  rotation: Matrix3;
  translation: Vector3;
}

export function dot(a: Vector3, b: Vector3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a: Vector3, b: Vector3): Vector3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

/** a + scale b. */
export function plus(a: Vector3, b: Vector3, scale = 1): Vector3 {
  return [a[0] + scale * b[0], a[1] + scale * b[1], a[2] + scale * b[2]];
}

export function unit(a: Vector3): Vector3 {
  const length = Math.hypot(...a);
  return [a[0] / length, a[1] / length, a[2] / length];
}

export function times(rotation: Matrix3, a: Vector3): Vector3 {
  return [dot(rotation[0], a), dot(rotation[1], a), dot(rotation[2], a)];
}

export function transposed([a, b, c]: Matrix3): Matrix3 {
  return [[a[0], b[0], c[0]], [a[1], b[1], c[1]], [a[2], b[2], c[2]]];
}

/** Where the camera stands. */
export function positionOf({ rotation, translation }: Camera): Vector3 {
  const [x, y, z] = times(transposed(rotation), translation);
  return [-x, -y, -z];
}

/** World to camera, for a camera that looks along `forward`; `up` is not parallel to it. */
export function lookingAlong(forward: Vector3, up: Vector3): Matrix3 {
  const z = unit(forward);
  const x = unit(cross(z, up));
  return [x, cross(z, x), z];
}

/** The translation of a camera that stands at a position. */
export function translationFrom(rotation: Matrix3, position: Vector3): Vector3 {
  const [x, y, z] = times(rotation, position);
  return [-x, -y, -z];
}

/** All of the view in a picture of another size and shape; where that is wider or higher, more is seen. */
export function fitted(camera: Camera, width: number, height: number): Camera {
  const scale = Math.min(width / camera.width, height / camera.height);
  return {
    ...camera,
    width,
    height,
    fx: camera.fx * scale,
    fy: camera.fy * scale,
    cx: (camera.cx - camera.width / 2) * scale + width / 2,
    cy: (camera.cy - camera.height / 2) * scale + height / 2,
  };
}
