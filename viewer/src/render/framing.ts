/** Where to stand so that all of a scene shows, as large as it can be: src/sfumato/media/framing.py for the browser. */

import type { Rows3D, Vector3 } from "../decode/types";
import { cross, dot, lookingAlong, type Matrix3, plus, unit } from "./camera";

const SPLATS = 8000; // that are looked at
const VIEWS = 12;
const OUTSIDE = 0.002; // of the weight that may be
const NEAR_ENOUGH = 1e-6; // of a distance
const FILL = 0.9; // of the picture's width or height, which leaves a margin

/** Radians; fov: of the picture's longer side. azimuth: of the first look, 0 is on the side of -z. */
export const LANDSCAPE = { fov: (50 * Math.PI) / 180, elevation: Math.PI / 12, azimuth: 0 };

/** Avatars look to z; a lens of 85 mm. See src/sfumato/media/subject.py. */
export const PORTRAIT: typeof LANDSCAPE = { fov: (24 * Math.PI) / 180, elevation: 0, azimuth: Math.PI };

/** Up in the worlds of COLMAP and of the trainers of splats. */
export const UP: Vector3 = [0, -1, 0];

/** A place to look at and from how far, in world units; `forward` is the first look. */
export interface Framing {
  center: Vector3;
  distance: number;
  forward: Vector3;
  /** Of a sphere around all but far floaters. */
  radius: number;
  /** Of the picture's longer side, in radians. */
  fov: number;
}

interface Point {
  at: Vector3;
  reach: number;
  weight: number;
}

/** What is to be seen, of splats. */
export type Bodies = Pick<Rows3D, "count" | "mean" | "scale" | "opacity">;

/** rows: at least one splat. aspect: width of the picture by its height. */
export function frame(rows: Bodies, aspect: number, up: Vector3 = UP, { fov, elevation, azimuth } = LANDSCAPE): Framing {
  const all = pointsOf(rows);
  const [center, radius] = robustBounds(all);
  const inside = all
    .map(({ at, ...rest }) => ({ ...rest, at: plus(at, center, -1) }))
    .filter(({ at }) => Math.hypot(...at) <= radius);
  const longer = Math.tan(fov / 2);
  const half = [longer * Math.min(1, aspect), longer * Math.min(1, 1 / aspect)] as const;
  const looks = Array.from({ length: VIEWS }, (_, i) => look(azimuth + (2 * Math.PI * i) / VIEWS, elevation, up));
  const views = looks.map((forward) => lookingAlong(forward, up));
  // What is near looks larger, so that the middle of the scene is not the middle of the picture: try some heights.
  let best = { distance: Infinity, center };
  for (let i = 0; i <= 10; i++) {
    const target = plus([0, 0, 0], unit(up), (i / 10 - 0.5) * radius);
    const distance = fillingDistance(inside, target, views, half, best.distance);
    if (distance < best.distance) best = { distance, center: plus(center, target) };
  }
  return { center: best.center, distance: Math.max(best.distance, 0.1 * radius), forward: looks[0], radius, fov };
}

/** The direction in which a camera of an orbit looks. */
function look(angle: number, elevation: number, up: Vector3): Vector3 {
  const axis = unit(up);
  const from: Vector3 = Math.abs(axis[2]) < 0.9 ? [0, 0, -1] : [0, -1, 0];
  const front = unit(plus(from, axis, -dot(from, axis)));
  const around = plus(plus([0, 0, 0], front, Math.cos(angle)), cross(axis, front), Math.sin(angle));
  return plus(plus([0, 0, 0], around, -Math.cos(elevation)), axis, -Math.sin(elevation));
}

function pointsOf({ count, mean, scale, opacity }: Bodies): Point[] {
  const points: Point[] = [];
  for (let i = 0; i < count; i += 1 + Math.floor(count / SPLATS)) {
    const at: Vector3 = [mean[3 * i], mean[3 * i + 1], mean[3 * i + 2]];
    const reach = Math.max(scale[3 * i], scale[3 * i + 1], scale[3 * i + 2]);
    if (at.every(Number.isFinite)) points.push({ at, reach, weight: opacity[i] });
  }
  return points;
}

/** Center and radius of a sphere that leaves far floaters out; see splats.robust_bounds. */
function robustBounds(points: Point[]): [Vector3, number] {
  const quantiles = (of: Point[], share: number) =>
    [0, 1, 2].map((axis) => quantile(of.map(({ at, weight }) => [at[axis], weight]), share)) as Vector3;
  const middle = quantiles(points, 0.5);
  const away = ({ at }: Point) => Math.hypot(...plus(at, middle, -1));
  const far = 3 * quantile(points.map((point) => [away(point), point.weight]), 0.75);
  const near = points.filter((point) => away(point) <= far);
  const [low, high] = [quantiles(near, 0.005), quantiles(near, 0.995)];
  const center = plus([0, 0, 0], plus(low, high), 0.5);
  const reaches = near.map(({ at, reach, weight }): [number, number] => [Math.hypot(...plus(at, center, -1)) + reach, weight]);
  return [center, quantile(reaches, 0.995)];
}

/**
 * From how far balls fill the picture's width or height in all views, leaving out 0.2 % of the weight; not exact where
 * it is `enough` or more. half: tangents of half the fields of view.
 */
function fillingDistance(
  points: Point[],
  target: Vector3,
  views: Matrix3[],
  half: readonly [number, number],
  enough: number,
): number {
  const spare = OUTSIDE * points.reduce((sum, { weight }) => sum + weight, 0);
  const needed = new Float64Array(points.length);
  const farther = (distance: number) => {
    let sum = 0;
    for (let i = 0; i < needed.length; i++) if (needed[i] > distance) sum += points[i].weight;
    return sum;
  };
  let distance = 0;
  for (const [right, down, forward] of views) {
    let most = 0;
    for (let i = 0; i < needed.length; i++) {
      const { at, reach } = points[i];
      const [a, b, c] = [at[0] - target[0], at[1] - target[1], at[2] - target[2]];
      const x = Math.abs(right[0] * a + right[1] * b + right[2] * c) + reach;
      const y = Math.abs(down[0] * a + down[1] * b + down[2] * c) + reach;
      needed[i] = Math.max(x / half[0], y / half[1]) / FILL - forward[0] * a - forward[1] * b - forward[2] * c;
      most = Math.max(most, needed[i]);
    }
    // Most views need no more than the one before: sorting for each would keep the first picture waiting.
    if (farther(distance) > spare) {
      for (let low = distance; most - low > NEAR_ENOUGH * most; ) {
        const middle = (low + most) / 2;
        if (farther(middle) > spare) low = middle;
        else most = middle;
      }
      distance = most;
    }
    if (distance >= enough) break;
  }
  return distance;
}

/** The smallest value up to which the values hold `share` of all weight; pairs of value and weight. 0 for none. */
function quantile(pairs: [number, number][], share: number): number {
  const sorted = pairs.sort((a, b) => a[0] - b[0]);
  const wanted = share * sorted.reduce((sum, [, weight]) => sum + weight, 0);
  let sum = 0;
  for (const [value, weight] of sorted) {
    sum += weight;
    if (sum >= wanted) return value;
  }
  return sorted.at(-1)?.[0] ?? 0;
}
