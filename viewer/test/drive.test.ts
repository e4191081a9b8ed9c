/** Drives and poses, without a browser. */

import { describe, expect, it } from "vitest";
import { parseDrive } from "../src/page/drive";
import { Lives } from "../src/render/lives";
import { lookingAlong } from "../src/render/camera";
import { frame, PORTRAIT } from "../src/render/framing";

describe("a drive", () => {
  it("is a list of frames, or names and rows", () => {
    const frames = [{ jawOpen: 0.3, headYaw: 10 }, { jawOpen: 0.4, headYaw: 11 }];
    expect(parseDrive({ fps: 25, frames })).toEqual({ fps: 25, frames });
    expect(parseDrive({ names: ["jawOpen", "headYaw"], weights: [[0.3, 10], [0.4, 11]] })).toEqual({ fps: 30, frames });
  });

  it.each([
    [null, "neither frames"],
    [7, "neither frames"],
    [{ frames: [] }, "neither frames"],
    [{ frames: [{ jawOpen: "1" }] }, "frame 0: jawOpen"],
    [{ frames: [{}, { jawOpen: null }] }, "frame 1: jawOpen"],
    [{ names: ["jawOpen", "grin"], weights: [[1, 0], [1]] }, "frame 1: grin"],
    [{ names: ["jawOpen"], weights: [null] }, "frame 0: jawOpen"],
  ])("that is %j is refused with what is wrong", (given, words) => {
    expect(() => parseDrive(given)).toThrow(words);
  });
});

it("an avatar is looked at from the front, with y up", () => {
  const head = { count: 3, mean: new Float32Array([0, -0.1, 0, 0.1, 0, 0, 0, 0.1, 0.1]), scale: new Float32Array(9) };
  const { forward } = frame({ ...head, opacity: new Float32Array(3).fill(1) }, 1, [0, 1, 0], PORTRAIT);
  const [right, down, away] = lookingAlong(forward, [0, 1, 0]);
  for (const [found, wanted] of [[right, [1, 0, 0]], [down, [0, -1, 0]], [away, [0, 0, -1]]] as const) {
    found.forEach((value, axis) => { expect(value).toBeCloseTo(wanted[axis]); });
  }
});

it("rows that keep their opacity go on fading in while others change", () => {
  const lives = new Lives(1);
  lives.appear(0, 2, new Float32Array([1, 1]), 0);
  const words = lives.change(0, 2, new Float32Array([1, 0.5]), 0.5);
  const times = new Float32Array(words.buffer);
  expect([times[1], times[3]]).toEqual([0, 0.5]);
});
