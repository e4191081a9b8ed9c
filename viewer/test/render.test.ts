/** The renderer's arithmetic, without a graphics card. */

import { describe, expect, it } from "vitest";
import type { Rows3D, Vector3 } from "../src/decode/types";
import { parseCamera } from "../src/page/camera_text";
import { parseRate } from "../src/page/rate";
import { type Camera, plus, positionOf, times } from "../src/render/camera";
import { frame, UP } from "../src/render/framing";
import { half, snorm2 } from "../src/render/half";
import { Lives } from "../src/render/lives";
import { Orbit } from "../src/render/orbit";
import { sortByDepth } from "../src/render/sort";

describe("numbers in 16 bits", () => {
  it("are the nearest that there are", () => {
    const known: [number, number][] = [[0, 0], [1, 0x3c00], [-2, 0xc000], [0.1, 0x2e66], [65504, 0x7bff], [1e9, 0x7bff], [2 ** -24, 1]];
    for (const [value, bits] of known) expect(half(value)).toBe(bits);
    expect(half(1 + 2 ** -11 + 2 ** -20)).toBe(0x3c01);
    expect(half(2 - 2 ** -12)).toBe(0x4000);
  });

  it("keep signs", () => {
    expect(snorm2(-1, 1)).toBe(0x7fff8001);
  });
});

describe("sorting", () => {
  it("puts the farthest first and leaves out what is behind the camera or gone", () => {
    const means = new Float32Array([0, 0, 2, 0, 0, -1, 0, 0, 5, NaN, 0, 3, 0, 0, 1]);
    expect([...sortByDepth(means, [0, 0, 1, 0], 0.01)]).toEqual([2, 0, 4]);
  });

  it("keeps a thousandth of the depth apart, near and far", () => {
    const depths = Array.from({ length: 4000 }, (_, i) => 0.1 * 1.001 ** i);
    const means = Float32Array.from(depths.flatMap((depth) => [0, 0, depth]));
    const order = sortByDepth(means, [0, 0, 1, 0], 0.01);
    expect([...order]).toEqual(depths.map((_, i) => depths.length - 1 - i));
  });

  it("draws the first of equals last, which is in front in Python", () => {
    expect([...sortByDepth(new Float32Array(9).fill(1), [0, 0, 1, 0], 0)]).toEqual([2, 1, 0]);
  });

  it("has nothing to say of nothing", () => {
    expect(sortByDepth(new Float32Array(0), [0, 0, 1, 0], 0)).toHaveLength(0);
  });
});

describe("fading", () => {
  const one = (value: number) => new Float32Array([value]);

  it("ends, and tells which rows are gone", () => {
    const lives = new Lives(0.15);
    lives.appear(0, 1, one(0.8), 0);
    lives.appear(1, 1, one(0.5), 0);
    expect(lives.moving(0.1)).toBe(true);
    expect(lives.gone(1)).toEqual([]);
    lives.change(0, 2, null, 1);
    expect(lives.gone(1.1)).toEqual([]);
    expect(lives.gone(1.2)).toEqual([{ first: 0, count: 2 }]);
    expect(lives.moving(1.2)).toBe(false);
  });

  it("does not call rows gone that others have taken meanwhile", () => {
    const lives = new Lives(0.15);
    lives.appear(0, 1, one(0.8), 0);
    lives.change(0, 1, null, 1);
    lives.appear(0, 1, one(0.4), 1.05);
    expect(lives.gone(2)).toEqual([]);
  });
});

function ball(): Rows3D {
  const count = 500;
  const mean = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    const [height, angle] = [1 - (2 * (i + 0.5)) / count, i * 2.39996];
    const ring = Math.sqrt(1 - height * height);
    mean.set([10 + ring * Math.cos(angle), height, ring * Math.sin(angle)], 3 * i);
  }
  mean.set([1e5, 0, 0], 0); // a floater
  const scale = new Float32Array(3 * count).fill(0.01);
  const opacity = new Float32Array(count).fill(0.5);
  const [rotation, sh0] = [new Float32Array(4 * count), new Float32Array(3 * count)];
  return { type: "rows3d", first: 0, count, mean, rotation, scale, opacity, sh0, level: 0, nodes: false };
}

describe("framing", () => {
  it("shows all but far floaters, nearly filling the picture", () => {
    const found = frame(ball(), 1.5);
    expect(Math.hypot(found.center[0] - 10, found.center[2])).toBeLessThan(0.05);
    const orbit = new Orbit(UP);
    orbit.frame(found, 600, 400);
    const highest = Math.max(...heights(orbit.current!, ball()));
    expect(highest).toBeLessThan(200);
    expect(highest).toBeGreaterThan(150);
  });
});

/** How far splats lie above or below the middle of the picture, in pixels, without the floater. */
function heights({ rotation, translation, fy }: Camera, { mean, count }: Rows3D): number[] {
  return Array.from({ length: count - 1 }, (_, i) => {
    const at: Vector3 = [mean[3 * i + 3], mean[3 * i + 4], mean[3 * i + 5]];
    const [, y, z] = plus(times(rotation, at), translation);
    return Math.abs((fy * y) / z);
  });
}

describe("turning", () => {
  const start = parseCamera({ width: 100, height: 100, fov: 50, position: [0, 0, -5], target: [0, 0, 0] });

  it("goes around the scene and keeps its distance", () => {
    const orbit = new Orbit(UP);
    orbit.take(start, [0, 0, 0]);
    orbit.turn(Math.PI / 2, 0);
    const [x, y, z] = positionOf(orbit.current!);
    expect([x, y, z].map((value) => Math.round(1e6 * value) / 1e6 + 0)).toEqual([-5, 0, 0]);
    for (let i = 0; i < 100; i++) orbit.turn(0.3, 0.2);
    expect(Math.hypot(...positionOf(orbit.current!))).toBeCloseTo(5, 6);
  });

  it("does not go over the top", () => {
    const orbit = new Orbit(UP);
    orbit.take(start, [0, 0, 0]);
    orbit.turn(0, 3);
    const [, y] = positionOf(orbit.current!);
    expect(y).toBeLessThan(-4.9); // above: y points down
    expect(orbit.current!.rotation[1][1]).toBeGreaterThan(0); // not upside down
  });

  it("comes nearer by its factor", () => {
    const orbit = new Orbit(UP);
    orbit.take(start, [0, 0, 0]);
    orbit.zoom(2);
    expect(Math.hypot(...positionOf(orbit.current!))).toBeCloseTo(2.5, 6);
  });
});

describe("what pages write", () => {
  it("is a speed", () => {
    expect(parseRate("1mbit")).toBe(125000);
    expect(parseRate("1.5 Mbit/s")).toBe(187500);
    for (const wrong of ["", "fast", "-1mbit", "0kbit", null]) expect(parseRate(wrong)).toBeNull();
  });

  it("is a camera, or an error that says what is missing", () => {
    expect(() => parseCamera({ width: 10, height: 10, position: [0, 0, 0] })).toThrow("fx or fov");
    expect(() => parseCamera('{"width": 10, "height": 10, "fx": 5, "rotation": [[1, 0, 0]]}')).toThrow("three rows");
    const rotation = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
    expect(parseCamera({ width: 10, height: 8, fx: 5, rotation, position: [1, 2, 3] })).toMatchObject({
      fy: 5, cx: 5, cy: 4, translation: [-1, -2, -3],
    });
  });
});
