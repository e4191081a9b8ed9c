/** Cameras as pages write them: JSON with the fields of docs/cameras.md. */

import type { Vector3 } from "../decode/types";
import { type Camera, lookingAlong, type Matrix3, plus, translationFrom } from "../render/camera";
import { UP } from "../render/framing";

/** Throws a TypeError that says what is wrong. */
export function parseCamera(value: unknown): Camera {
  const fields: unknown = typeof value === "string" ? JSON.parse(value) : value;
  if (typeof fields !== "object" || fields === null) throw new TypeError("a camera is an object");
  const given = fields as Partial<Record<string, unknown>>;
  const [width, height] = [length(given, "width"), length(given, "height")];
  if (width === undefined || height === undefined) throw new TypeError("a camera needs width and height");
  const fov = length(given, "fov");
  const fx = length(given, "fx") ?? (fov && (0.5 * width) / Math.tan((fov * Math.PI) / 360));
  if (!fx) throw new TypeError("a camera needs fx or fov");
  const [cx, cy] = [finite(given, "cx") ?? width / 2, finite(given, "cy") ?? height / 2];
  return { width, height, fx, fy: length(given, "fy") ?? fx, cx, cy, ...pose(given) };
}

function pose(given: Partial<Record<string, unknown>>): { rotation: Matrix3; translation: Vector3 } {
  const position = vector(given.position);
  const target = vector(given.target);
  if (position && target) {
    const rotation = lookingAlong(plus(target, position, -1), vector(given.up) ?? UP);
    if (rotation.flat().some(Number.isNaN)) throw new TypeError("a camera cannot look along its upward direction");
    return { rotation, translation: translationFrom(rotation, position) };
  }
  const rows = Array.isArray(given.rotation) ? given.rotation.map(vector) : [];
  const [x, y, z] = rows;
  if (rows.length !== 3 || !x || !y || !z) throw new TypeError("a camera needs rotation, three rows, or position and target");
  const rotation: Matrix3 = [x, y, z];
  const translation = vector(given.translation) ?? (position && translationFrom(rotation, position));
  if (!translation) throw new TypeError("a camera needs translation or position");
  return { rotation, translation };
}

function vector(value: unknown): Vector3 | null {
  const good = Array.isArray(value) && value.length === 3 && value.every(Number.isFinite);
  return good ? (value as Vector3) : null;
}

function finite(given: Partial<Record<string, unknown>>, name: string): number | undefined {
  const value = given[name];
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw new TypeError(`a camera's ${name} is a number`);
}

function length(given: Partial<Record<string, unknown>>, name: string): number | undefined {
  const value = finite(given, name);
  if (value !== undefined && value <= 0) throw new TypeError(`a camera's ${name} is above 0`);
  return value;
}
