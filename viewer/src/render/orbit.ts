/** A camera that turns around a place, moves sideways and comes nearer. */

import type { Vector3 } from "../decode/types";
import { type Camera, cross, dot, lookingAlong, type Matrix3, plus, positionOf, times, translationFrom } from "./camera";
import type { Framing } from "./framing";

const STEEPEST = (85 * Math.PI) / 180; // towards straight up or down

export class Orbit {
  /** What the camera turns around. */
  private pivot: Vector3 = [0, 0, 0];
  private camera: Camera | null = null; // as it was made, for the size that it was made for

  constructor(private readonly up: Vector3) {}

  /** Looks at all of the scene. */
  frame({ center, distance, forward, fov }: Framing, width: number, height: number): void {
    const rotation = lookingAlong(forward, this.up);
    const focal = (0.5 * Math.max(width, height)) / Math.tan(fov / 2);
    const translation = translationFrom(rotation, plus(center, forward, -distance));
    this.pivot = center;
    this.camera = { width, height, fx: focal, fy: focal, cx: width / 2, cy: height / 2, rotation, translation };
  }

  /** Takes a camera as it is; it turns around the point before it that is nearest to `center`. */
  take(camera: Camera, center: Vector3 | null): void {
    const position = positionOf(camera);
    const forward = camera.rotation[2];
    const away = center ? dot(plus(center, position, -1), forward) : 1;
    this.camera = camera;
    this.pivot = plus(position, forward, away > 0 ? away : 1);
  }

  /** As it was taken or turned to last; null before there is any. */
  get current(): Camera | null {
    return this.camera;
  }

  /** Turns by angles, in radians: to the right around what is up, and upwards. */
  turn(right: number, upwards: number): void {
    if (!this.camera) return;
    const { rotation } = this.camera;
    const height = Math.asin(Math.min(Math.max(-dot(rotation[2], this.up), -1), 1)); // of the camera above the pivot
    const next = Math.min(Math.max(height + upwards, -STEEPEST), STEEPEST);
    const within = Math.abs(height) > STEEPEST && Math.abs(height + upwards) > Math.abs(height) ? 0 : next - height;
    const tilt = about(rotation[0], -within);
    const sweep = about(this.up, -right);
    this.rotate((axis) => times(sweep, times(tilt, axis)));
  }

  /** Moves what is seen by a share of the picture's width and height, at the distance of the pivot. */
  pan(x: number, y: number): void {
    if (!this.camera) return;
    const { rotation, width, height, fx, fy } = this.camera;
    const depth = this.distance;
    const step = plus(plus([0, 0, 0], rotation[0], (-x * width * depth) / fx), rotation[1], (-y * height * depth) / fy);
    this.pivot = plus(this.pivot, step);
    this.place(plus(positionOf(this.camera), step), rotation);
  }

  /** Comes nearer to the pivot: its distance is divided by `factor`. */
  zoom(factor: number): void {
    if (!this.camera) return;
    const away = plus(positionOf(this.camera), this.pivot, -1);
    this.place(plus(this.pivot, away, 1 / factor), this.camera.rotation);
  }

  private get distance(): number {
    return this.camera ? Math.hypot(...plus(positionOf(this.camera), this.pivot, -1)) : 1;
  }

  private rotate(turned: (axis: Vector3) => Vector3): void {
    const { rotation } = this.camera!;
    const away = plus(positionOf(this.camera!), this.pivot, -1);
    const [x, , z] = rotation.map(turned) as unknown as [Vector3, Vector3, Vector3];
    // Kept at right angles, whatever the rounding of many small turns.
    const y = cross(z, x);
    const length = Math.hypot(...y);
    const second: Vector3 = [y[0] / length, y[1] / length, y[2] / length];
    this.place(plus(this.pivot, turned(away)), [cross(second, z), second, z]);
  }

  private place(position: Vector3, rotation: Matrix3): void {
    this.camera = { ...this.camera!, rotation, translation: translationFrom(rotation, position) };
  }
}

/** The rotation around an axis of length 1 by an angle (Rodrigues). */
function about([x, y, z]: Vector3, angle: number): Matrix3 {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const d = 1 - c;
  return [
    [c + d * x * x, d * x * y - s * z, d * x * z + s * y],
    [d * x * y + s * z, c + d * y * y, d * y * z - s * x],
    [d * x * z - s * y, d * y * z + s * x, c + d * z * z],
  ];
}
