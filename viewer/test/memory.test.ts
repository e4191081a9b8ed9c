/** What keeps memory near the size of what is shown: room that fits, arrays that are used again. */

import { beforeEach, describe, expect, it } from "vitest";
import { roomFor } from "../src/decode/room";
import { reuse, scratch } from "../src/decode/scratch";
import { Depths, sortByDepth } from "../src/render/sort";

describe("room", () => {
  it("grows by half, but not beyond what is expected", () => {
    expect(roomFor(101, 100, 1000)).toBe(150);
    expect(roomFor(101, 100, 120)).toBe(120);
    expect(roomFor(101, 100, 0)).toBe(150);
  });

  it("grows on when more comes than was expected", () => {
    expect(roomFor(121, 120, 120)).toBe(180);
  });

  it("holds what is needed, however much that is", () => {
    expect(roomFor(700, 100, 1000)).toBe(700);
    expect(roomFor(700, 100, 600)).toBe(700);
  });
});

describe("arrays for a chunk", () => {
  beforeEach(reuse);

  it("are apart, and zeros", () => {
    const arrays = [scratch(Uint8Array, 3), scratch(Float64Array, 2), scratch(Int32Array, 500), scratch(Uint16Array, 0)];
    arrays.forEach((array, i) => array.fill(i + 1));
    expect(arrays.map((array, i) => array.every((value: number) => value === i + 1))).toEqual([true, true, true, true]);
    expect(arrays.map(({ length }) => length)).toEqual([3, 2, 500, 0]);
  });

  it("lie where those of the chunk before lay", () => {
    scratch(Uint8Array, 1000);
    reuse();
    const first = scratch(Float32Array, 10).fill(7);
    reuse();
    const second = scratch(Float32Array, 10);
    expect(second.buffer).toBe(first.buffer);
    expect([...second]).toEqual(new Array(10).fill(0));
  });
});

describe("orders", () => {
  const means = new Float32Array([0, 0, 1, 0, 0, 3, 0, 0, 2]);

  it("lie in the room of the one before", () => {
    const first = sortByDepth(means, [0, 0, 1, 0], 0);
    const second = sortByDepth(means, [0, 0, -1, 4], 0, first.buffer);
    expect(second.buffer).toBe(first.buffer);
    expect([...second]).toEqual([0, 2, 1]);
  });

  it("get room when rows have come", () => {
    const depths = new Depths();
    depths.put(0, means, 0);
    const { buffer } = depths.order([0, 0, 1, 0], 0);
    const many = Float32Array.from({ length: 3000 }, (_, i) => i);
    depths.put(3, many, 0);
    const order = depths.order([0, 0, 1, 0], 0, buffer);
    expect(order).toHaveLength(1003);
    expect(order[0]).toBe(1002);
  });
});
