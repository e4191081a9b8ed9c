/** The integers of golden files are those of the Python package: the digests beside the files. */

import { beforeEach, describe, expect, test, vi } from "vitest";
import { chunkEnds, golden, goldenJson, sha256 } from "./files";
import { Decoder } from "../src/decode/decoder";
import type { ImageIntegers } from "../src/decode/image_chunk";
import { ATTRIBUTES, type Integers } from "../src/decode/scene_attributes";
import type { Leaves, Nodes } from "../src/decode/scene_chunk";

interface Digest {
  sha256: string;
}

/** With arrays that stay beyond the next chunk. */
function kept<T extends object>(integers: T): T {
  const copies = Object.entries(integers).map(([name, value]: [string, unknown]) => [
    name,
    ArrayBuffer.isView(value) ? (value as Float64Array).slice() : value,
  ]);
  return Object.fromEntries(copies) as T;
}

const found = vi.hoisted(() => ({
  images: [] as ImageIntegers[],
  nodes: [] as Nodes[],
  leaves: [] as Leaves[],
  bands: [] as { values: Float64Array; each: number }[],
}));

vi.mock("../src/decode/image_chunk", async (original) => {
  const real = await original<typeof import("../src/decode/image_chunk")>();
  return {
    ...real,
    decodeImageChunk: (...given: Parameters<typeof real.decodeImageChunk>) =>
      found.images[found.images.push(kept(real.decodeImageChunk(...given))) - 1],
  };
});

vi.mock("../src/decode/scene_chunk", async (original) => {
  const real = await original<typeof import("../src/decode/scene_chunk")>();
  return {
    ...real,
    decodeNodes: (...given: Parameters<typeof real.decodeNodes>) =>
      found.nodes[found.nodes.push(kept(real.decodeNodes(...given))) - 1],
    decodeLeaves: (...given: Parameters<typeof real.decodeLeaves>) =>
      found.leaves[found.leaves.push(kept(real.decodeLeaves(...given))) - 1],
    decodeBand: (...given: Parameters<typeof real.decodeBand>) => {
      const values = real.decodeBand(...given).slice();
      found.bands.push({ values, each: given[3] });
      return values;
    },
  };
});

beforeEach(() => {
  found.images.length = found.nodes.length = found.leaves.length = found.bands.length = 0;
});

/** Numbers as int64, little-endian. */
function int64(values: ArrayLike<number>): Uint8Array {
  return new Uint8Array(BigInt64Array.from(Array.from(values), BigInt).buffer);
}

/** Columns that stand one after the other, row by row. */
function rows(columns: ArrayLike<number>, count: number, width: number): number[] {
  return Array.from({ length: count * width }, (_, i) => columns[(i % width) * count + Math.floor(i / width)]);
}

function decodersOf(names: string[]): [string, Uint8Array, Decoder][] {
  return names.map((name) => [name, golden(name), new Decoder(() => undefined)]);
}

const IMAGES = (goldenJson("expected.json") as { decodes: Record<string, Digest[]> }).decodes;

test.each(decodersOf(Object.keys(IMAGES)))("the integers of %s", (name, data, decoder) => {
  decoder.feed(data);
  const parts = found.images.map((q) =>
    Buffer.concat([
      int64([q.colorStep, q.exponent]),
      ...[q.cell, q.color, q.logL11, q.logL22, q.tilt, rows(q.fine, q.count, 2)].map(int64),
    ]),
  );
  const digests = parts.map((_, i) => sha256(...parts.slice(0, i + 1)));
  expect(digests).toEqual(IMAGES[name].map((prefix) => prefix.sha256));
});

const SCENES = (goldenJson("scene/expected.json") as { decodes: Record<string, Digest[]> }).decodes;

/** A group as the digests see it. */
interface Group {
  nodes: Uint8Array[];
  portions: { leaves: Leaves; bands: Uint8Array[] }[];
}

/** Everything but cell and place. */
function attributes({ attributes: all, count }: Integers, from: number, to: number): number[][] {
  const { level, scale, opacity, rotation, color, columns } = ATTRIBUTES;
  return [level, scale, opacity, rotation, color].map((first, k, starts) => {
    const width = (starts[k + 1] ?? columns) - first;
    return rows(all.subarray(first * count, (first + width) * count), count, width).slice(width * from, width * to);
  });
}

function nodeArrays({ boxes, offset, ...q }: Nodes, from: number, to: number): Uint8Array[] {
  const none = new Uint8Array(3 * (to - from));
  const corner = boxes.corner.slice(3 * from, 3 * to);
  const places = rows(offset, q.count, 3).slice(3 * from, 3 * to);
  const arrays = [corner, boxes.depth.slice(from, to), boxes.points.slice(from, to), places, none];
  return [...arrays, ...attributes(q as Nodes, from, to), none].map(int64);
}

function leafArrays(leaves: Leaves, share: Uint8Array): Uint8Array[] {
  const { cell, fine, count } = leaves;
  return [cell, ...attributes(leaves, 0, count), rows(fine, count, 3), share].map(int64);
}

describe("the integers of scenes", () => {
  test.each(decodersOf(Object.keys(SCENES).map((name) => `scene/${name}`)))("%s", (name, data, decoder) => {
    const groups: Group[] = [];
    let [before, portions] = [0, 0];
    const digests = chunkEnds(data).map((end) => {
      const counts = [found.nodes.length, found.leaves.length, found.bands.length];
      decoder.feed(data.subarray(before, end));
      const payload = data.subarray(before + 10);
      const [number, flags] = [payload[0] | (payload[1] << 8), data[before + 5]];
      before = end;
      if (found.nodes.length > counts[0]) {
        const nodes = found.nodes[counts[0]];
        if (groups.length > 0) groups[number].nodes = nodeArrays(nodes, 0, nodes.count);
        else {
          ({ portions } = (decoder as unknown as { medium: { scene: { portions: number } } }).medium.scene);
          const { scene } = (decoder as unknown as { medium: { scene: { group: number } } }).medium;
          let [first, points] = [0, 0];
          for (let i = 0; i < nodes.count; i++) {
            const last = Math.floor(points / scene.group);
            points += nodes.boxes.points[i];
            if (i + 1 < nodes.count && Math.floor(points / scene.group) === last) continue;
            groups.push({ nodes: nodeArrays(nodes, first, i + 1), portions: [] });
            first = i + 1;
          }
        }
      }
      if (found.leaves.length > counts[1]) {
        const group = groups[number];
        group.portions.push({ leaves: found.leaves[counts[1]], bands: [] });
        if (group.portions.length === portions) group.nodes = [];
      }
      if (found.bands.length > counts[2]) {
        const { values, each } = found.bands[counts[2]];
        groups[number].portions[flags].bands.push(int64(rows(values, values.length / 3, 3)));
        expect(each).toBe(2 * groups[number].portions[flags].bands.length + 1);
      }
      const parts = groups.flatMap((group) => {
        const share = group.portions.at(-1)?.leaves.share ?? new Uint8Array(0);
        const leaves = group.portions.flatMap((one) => [...leafArrays(one.leaves, share), ...one.bands]);
        return [...group.nodes, ...leaves];
      });
      return sha256(...parts);
    });
    expect(digests).toEqual(SCENES[name.slice("scene/".length)].map((prefix) => prefix.sha256));
  });
});
