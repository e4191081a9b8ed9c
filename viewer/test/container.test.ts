/** Pieces of the container: checksums, HEAD's JSON, budgets, and what damage does. */

import { describe, expect, test } from "vitest";
import { budgetBytes, parseBudget } from "../src/decode/budget";
import { crc32c } from "../src/decode/crc32c";
import { FormatError } from "../src/decode/errors";
import { Head } from "../src/decode/head";
import { frequencies } from "../src/decode/rans_tables";
import type { Message } from "../src/decode/types";
import { chunkEnds, cutUp, decode, decodePortions, golden, random, sha256 } from "./files";
import { Page } from "./page";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function errorOf(run: () => unknown): string | null {
  try {
    run();
  } catch (error) {
    if (error instanceof FormatError) return error.kind;
    throw error;
  }
  return null;
}

test("checksums are those of RFC 3720, taken at once or piece by piece", () => {
  expect(crc32c(bytes("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  const next = random(3);
  const data = Uint8Array.from({ length: 1000 }, () => Math.floor(next() * 256));
  for (let at = 0; at <= 40; at++) expect(crc32c(data.subarray(at), crc32c(data.subarray(0, at)))).toBe(crc32c(data));
});

test("the probability tables are those of docs/format.md", () => {
  const table = new Uint8Array(Uint16Array.from(frequencies()).buffer);
  expect(sha256(table)).toBe("1d2b2d929bb940c9a4355d0a6c1275ea89a0dfaa99e07ad35dea69d8bf175570");
});

describe("HEAD", () => {
  const head = (members: string) => () => Head.fromBytes(bytes(`{"v":1,"medium":"image","levels":[[1,2]]${members}}`));

  test("holds whatever the medium says about itself", () => {
    const found = head(`,"a":[1.5,-0,{"b":null}],"c":"\\u00e9\\ud83d\\ude00\\n","d":1e3`)();
    expect(found.fields).toMatchObject({ a: [1.5, 0, { b: null }], c: "é😀\n", d: 1000 });
    expect(found.chunks).toBe(3);
  });

  test.each([
    [`,"a":1,"a":2`, "ChunkError"],
    [`,"a":NaN`, "ChunkError"],
    [`,"a":-Infinity`, "ChunkError"],
    [`,"a":1e999`, "ChunkError"],
    [`,"a":01`, "ChunkError"],
    [`,"a":"\\ud800"`, "ChunkError"],
    [`,"a":"\\x"`, "ChunkError"],
    [`,"a":"\n"`, "ChunkError"],
    [`,`, "ChunkError"],
    [`,"a":9007199254740992`, "LimitError"],
    [`,"a":-99999999999999999999`, "LimitError"],
    [`,"a":${"[".repeat(15)}${"]".repeat(15)}`, null],
    [`,"a":${"[".repeat(16)}${"]".repeat(16)}`, "LimitError"],
  ])("with %s is met with %s", (members, error) => {
    expect(errorOf(head(members))).toBe(error);
  });

  test.each([
    ['{"v":2,"medium":"image","levels":[[1,2]]}', "UnsupportedError"],
    ['{"v":1.0,"medium":"image","levels":[[1,2]]}', "ChunkError"],
    ['{"v":1,"medium":"smell","levels":[[1,2]]}', "UnsupportedError"],
    ['{"v":1,"medium":"image","levels":[]}', "ChunkError"],
    ['{"v":1,"medium":"image","levels":[[0,2]]}', "ChunkError"],
    ['{"v":1,"medium":"image","levels":[[1,4294967296]]}', "LimitError"],
    ['{"v":1,"medium":"image","levels":[[65535,0]]}', "LimitError"],
    ['{"v":1,"medium":"image"}', "ChunkError"],
    ['\ufeff{"v":1,"medium":"image","levels":[[1,2]]}', "ChunkError"],
    ["[1]", "ChunkError"],
  ])("%s is met with %s", (text, error) => {
    expect(errorOf(() => Head.fromBytes(bytes(text)))).toBe(error);
  });

  test("that is too long is refused", () => {
    expect(errorOf(head(`,"a":"${"x".repeat(4074)}"`))).toBe("LimitError");
  });

  test("that is no UTF-8 is refused", () => {
    expect(errorOf(() => Head.fromBytes(Uint8Array.of(34, 255, 34)))).toBe("ChunkError");
  });
});

describe("a budget", () => {
  const prefixes = [
    { bytes: 100, splats: 10, db: null, levels: 1 },
    { bytes: 400, splats: 50, db: null, levels: 1 },
    { bytes: 1000, splats: 90, db: null, levels: 2 },
    { bytes: 4000, splats: 200, db: null, levels: 3 },
  ];

  test.each([
    ["25%", 1000],
    ["24.9 %", 400],
    ["1KB", 1000],
    ["1 kib", 1000],
    ["0.4kB", 400],
    ["5", 100],
    ["50 splats", 400],
    ["level 1", 1000],
    ["Level 0", 100],
    ["1GB", 4000],
    ["100%", 4000],
  ])("of %s lets %d bytes through", (text, length) => {
    expect(budgetBytes(prefixes, parseBudget(text))).toBe(length);
  });

  test.each(["", "0", "101%", "-5%", "5 apples", "level", "1e3", "%"])("written '%s' is not understood", (text) => {
    expect(errorOf(() => parseBudget(text))).toBe("BudgetError");
  });

  test("ends a file early, as a cut at the same place does", () => {
    const data = golden("scene/scene-degree-1-many-groups.sfu");
    const whole = decode(data);
    const { messages } = decode(data, { budget: "30%" });
    const indexed = messages.find((message) => message.type === "indexed")!;
    expect(indexed.budgetBytes).toBeLessThanOrEqual(0.3 * data.length);
    const cut = decode(data.subarray(0, indexed.budgetBytes));
    const updates = (list: Message[]) => list.filter((message) => message.type === "update");
    expect(updates(messages)).toEqual(updates(cut.messages));
    expect(messages.at(-1)).toMatchObject({ type: "complete", whole: false, damaged: 0 });
    expect(whole.messages.at(-1)).toMatchObject({ type: "complete", whole: true, damaged: 0 });
  });
});

describe("damage", () => {
  /** The file with a flipped bit in each of the given chunks, counted from 0. */
  function harmed(name: string, ...chunks: number[]): Uint8Array {
    const data = golden(name).slice();
    const ends = chunkEnds(data);
    for (const chunk of chunks) data[ends[chunk] - 6] ^= 16;
    return data;
  }

  function pageOf(messages: Message[]): Page {
    const page = new Page();
    for (const message of messages) page.take(message);
    return page;
  }

  test("of any chunk behind INDX is reported once, and nothing else is lost of an image", () => {
    const name = "image-many-levels.sfu";
    const { messages } = decode(golden(name));
    const [{ levels }] = messages.filter((message) => message.type === "opened");
    const [{ prefixes }] = messages.filter((message) => message.type === "indexed");
    for (let later = 1; later < prefixes.length; later++) {
      const found = decode(harmed(name, levels[0].chunks + 1 + later)); // HEAD, base, INDX
      expect(found.error).toBeNull();
      const damaged = found.messages.filter((message) => message.type === "damaged");
      const offset = prefixes[later - 1].bytes;
      expect(damaged).toMatchObject([{ kind: "ChecksumError", chunk: { kind: "SPLT", offset } }]);
      const lost = prefixes[later].splats - prefixes[later - 1].splats;
      expect(pageOf(found.messages).drawn).toBe(pageOf(messages).drawn - lost);
      const levelsComplete = prefixes[later - 1].levels;
      const last = { type: "complete", damaged: 1, progress: { prefixDb: null, levelsComplete } };
      expect(found.messages.at(-1)).toMatchObject(last);
    }
  });

  test("of any one chunk behind INDX leaves all other groups of a scene as they are", () => {
    const name = "scene/scene-degree-1-many-groups.sfu";
    const data = golden(name);
    const ends = chunkEnds(data);
    const whole = pageOf(decode(data).messages);
    for (let chunk = 3; chunk < ends.length; chunk++) {
      const found = decode(harmed(name, chunk));
      expect(found.error).toBeNull();
      expect(found.messages.filter((message) => message.type === "damaged")).toHaveLength(1);
      expect(found.messages.at(-1)).toMatchObject({ type: "complete", whole: true });
      const page = pageOf(found.messages);
      const updates = found.messages.filter((message) => message.type === "update");
      expect(page.drawn).toBe(updates.at(-1)!.progress.splats);
      expect(page.drawn).toBeGreaterThan(0.75 * whole.drawn);
    }
  });

  test("of the base level ends the file", () => {
    expect(decode(harmed("image-rgb.sfu", 1)).error).toBe("ChecksumError");
  });

  test("gives the same messages however the bytes arrive", () => {
    const next = random(11);
    for (const [name, chunk] of [
      ["image-rgb.sfu", 5],
      ["scene/scene-degree-2-fine.sfu", 6],
    ] as const) {
      const data = harmed(name, chunk);
      const whole = decode(data);
      expect(decodePortions(cutUp(data, () => 1))).toEqual(whole);
      expect(decodePortions(cutUp(data, () => Math.floor(next() * 500)))).toEqual(whole);
    }
  });

  test("of a length is no reason to lose what follows", () => {
    const data = golden("image-rgb.sfu").slice();
    const ends = chunkEnds(data);
    data[ends[4] + 6] ^= 255;
    const { messages, error } = decode(data);
    expect(error).toBeNull();
    expect(messages.filter((message) => message.type === "damaged")).toMatchObject([{ kind: "ChunkError" }]);
  });
});

test("a length that no file has is refused before bytes are waited for", () => {
  const data = golden("image-rgb.sfu").slice(0, 18);
  data.set([255, 255, 255, 255], 14);
  expect(decode(data).error).toBe("LimitError");
});
