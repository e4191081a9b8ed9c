/** Avatars decode to the integers of the Python package and are posed to its splats. */

import { beforeEach, describe, expect, test, vi } from "vitest";
import { AvatarSplats } from "../src/avatar/splats";
import { crc32c } from "../src/decode/crc32c";
import { Decoder } from "../src/decode/decoder";
import type { Message, Vector3 } from "../src/decode/types";
import { type Found, inOrder, nothingFound, rigDigest, treeDigest } from "./avatar_files";
import expected from "./expected_avatars.json";
import { chunkEnds, cutUp, decode, decodePortions, golden, goldenJson, random } from "./files";

const found: Found = vi.hoisted(() => ({ mesh: null, shapes: [], known: null, trees: [] }));

vi.mock("../src/decode/rig_mesh", async (original) => {
  const real = await original<typeof import("../src/decode/rig_mesh")>();
  return {
    ...real,
    decodeMesh: (...given: Parameters<typeof real.decodeMesh>) => (found.mesh = real.decodeMesh(...given)),
    decodeShapes: (...given: Parameters<typeof real.decodeShapes>) =>
      found.shapes[found.shapes.push(real.decodeShapes(...given)) - 1],
  };
});

vi.mock("../src/decode/avatar_known", async (original) => {
  const real = await original<typeof import("../src/decode/avatar_known")>();
  return {
    Known: class extends real.Known {
      constructor(...given: ConstructorParameters<typeof real.Known>) {
        super(...given);
        found.known = this;
      }
    },
  };
});

vi.mock("../src/decode/avatar_chunk", async (original) => {
  const real = await original<typeof import("../src/decode/avatar_chunk")>();
  return {
    ...real,
    decodeTree: (...given: Parameters<typeof real.decodeTree>) => {
      const [, level, { rows: first }] = given;
      const tree = real.decodeTree(...given);
      found.trees.push({ level, first, tree });
      return tree;
    },
  };
});

beforeEach(() => {
  Object.assign(found, nothingFound());
});

type Prefix = Record<"bytes" | "splats", number> & Record<"rig" | "tree", string>;
const GOOD = Object.entries((goldenJson("avatar/expected.json") as { decodes: Record<string, Prefix[]> }).decodes);
const REFUSED = (goldenJson("avatar/expected.json") as { refused: Record<string, { error: string }> }).refused;

describe.each(GOOD)("%s", (name, prefixes) => {
  const data = golden(`avatar/${name}`);

  test("has after every chunk exactly the integers of the Python package", () => {
    const decoder = new Decoder(() => undefined);
    let before = 0;
    for (const { bytes, splats, rig, tree } of prefixes) {
      decoder.feed(data.subarray(before, bytes));
      before = bytes;
      expect([bytes, decoder.progress.splats]).toEqual([bytes, splats]);
      expect([rigDigest(found), treeDigest(found)]).toEqual([rig, tree]);
    }
    decoder.close();
    expect(decoder.complete).toBe(true);
  });

  test("gives the same messages byte by byte, in random portions, at once, and up to where it is cut", () => {
    const whole = decode(data);
    expect(whole.error).toBeNull();
    expect(decodePortions(cutUp(data, () => 1))).toEqual(whole);
    const next = random(5);
    expect(decodePortions(cutUp(data, () => Math.floor(next() * 800)))).toEqual(whole);
    const messages = whole.messages.filter((message) => message.type !== "complete");
    const index = messages.findIndex((message) => message.type === "indexed");
    for (const end of chunkEnds(data)) {
      const cut = decode(data.subarray(0, end));
      const some = cut.messages.filter((message) => message.type !== "complete");
      expect(some).toEqual(messages.slice(0, some.length));
      expect(cut.error).toBe(some.length > index ? null : "TruncatedError");
    }
  });
});

test.each(Object.entries(REFUSED))("%s is refused", (name, { error }) => {
  expect(decode(golden(`avatar/${name}`), { strict: true }).error).toBe(error);
});

test("files with other bytes and right checksums are met as the Python package meets them", () => {
  for (const { name, start, end, changes, error, splats, rig, tree } of expected.mutants) {
    Object.assign(found, nothingFound());
    const data = golden(name).slice();
    for (const [at, value] of changes) data[at] = value;
    new DataView(data.buffer).setUint32(end, crc32c(data.subarray(start, end)), true);
    const result = decode(data, { strict: true });
    expect([name, changes, result.error]).toEqual([name, changes, error]);
    expect([name, changes, found.known?.rows ?? 0]).toEqual([name, changes, splats]);
    expect([name, changes, treeDigest(found).slice(0, 32)]).toEqual([name, changes, tree]);
    if (error === null) expect([name, changes, rigDigest(found).slice(0, 32)]).toEqual([name, changes, rig]);
  }
});

const LIMIT = 1e-6; // a few float32 roundings

function poseOf(messages: Message[]): AvatarSplats {
  const pose = new AvatarSplats();
  for (const message of messages) if (message.type === "update") pose.apply(message.edits);
  return pose;
}

/** The largest difference, in parts of the largest number. */
function apart(one: number[], other: number[]): number {
  expect(one.length).toBe(other.length);
  const most = other.reduce((sum, value) => Math.max(sum, Math.abs(value)), 1e-30);
  return one.reduce((sum, value, i) => Math.max(sum, Math.abs(value - other[i])), 0) / most;
}

test.each(expected.poses.map((one, number) => [number, one.name, one.bytes] as const))(
  "pose %i, of %s at %i bytes, has the splats of the Python package",
  (number) => {
    const given = expected.poses[number];
    const pose = poseOf(decode(golden(given.name).subarray(0, given.bytes)).messages);
    const { weights, rotations } = given as { weights: Record<string, number>; rotations: Record<string, Vector3> };
    pose.pose({ weights, rotations, translation: given.translation as Vector3 });
    expect(pose.count).toBe(given.count);
    const order = inOrder(found).rows.filter((row) => row >= 0);
    const rows = given.which.map((which) => order[which]);
    const pick = (values: Float32Array, width: number) =>
      rows.flatMap((row) => Array.from(values.subarray(row * width, (row + 1) * width)));
    const [mean, rotation, scale] = given.rounding.map((lost) => LIMIT + 2 * lost);
    expect(apart(pick(pose.mean, 3), given.mean)).toBeLessThan(mean);
    expect(apart(pick(pose.scale, 3), given.scale)).toBeLessThan(scale);
    const turned = pick(pose.rotation, 4);
    for (let i = 0; i < turned.length; i += 4) {
      const [one, other] = [turned.slice(i, i + 4), given.rotation.slice(i, i + 4)];
      const way = Math.sign(one.reduce((sum, part, k) => sum + part * other[k], 0));
      expect(apart(one.map((part) => way * part), other)).toBeLessThan(rotation);
    }
    if (!given.sh) return;
    expect(apart(pick(pose.opacity, 1), given.opacity)).toBeLessThan(LIMIT);
    const bands = pose.sh.length ? given.sh.length / rows.length - 3 : 0;
    const sh = rows.flatMap((row) => [
      ...pose.sh0.subarray(3 * row, 3 * row + 3),
      ...pose.sh.subarray(bands * row, bands * (row + 1)),
    ]);
    expect(apart(sh, given.sh)).toBeLessThan(LIMIT);
  },
);

describe("damage", () => {
  const name = "avatar/avatar-degree-1-patches.sfu";
  const kinds = (data: Uint8Array) => chunkEnds(data).map((_, i, ends) => kindAt(data, i ? ends[i - 1] : 8));
  const kindAt = (data: Uint8Array, at: number) => String.fromCharCode(...data.subarray(at, at + 4));

  function harmed(chunk: number): Message[] {
    const data = golden(name).slice();
    data[chunkEnds(data)[chunk] - 6] ^= 16;
    const { messages, error } = decode(data);
    expect(error).toBeNull();
    expect(messages.at(-1)).toMatchObject({ type: "complete", whole: true });
    return messages;
  }

  test("of shapes loses these alone, of splats those that follow, while shapes still come", () => {
    const data = golden(name);
    const whole = poseOf(decode(data).messages);
    const all = kinds(data);
    const index = all.indexOf("INDX");
    expect(all.slice(index)).toContain("SHAP");
    all.forEach((kind, chunk) => {
      if (chunk <= index) return;
      const messages = harmed(chunk);
      const pose = poseOf(messages);
      const edits = messages.flatMap((message) => (message.type === "update" ? message.edits : []));
      expect(messages.filter((message) => message.type === "damaged")).toHaveLength(1);
      const shapes = edits.filter((edit) => edit.type === "shapes").length;
      const warnings = messages.filter((message) => message.type === "warning");
      if (kind === "SHAP") {
        const others = all.filter((one) => one === kind).length - 1;
        expect([pose.count, shapes, warnings.length]).toEqual([whole.count, others, 0]);
      } else {
        const trees = all.slice(0, chunk).filter((before) => before === "TREE").length;
        expect(edits.filter((edit) => edit.type === "faces")).toHaveLength(trees);
        expect([shapes, warnings.length]).toEqual([all.filter((k) => k === "SHAP").length, 1]);
      }
    });
  });
});
