/** Golden files decode to the numbers of the Python package, however their bytes arrive. */

import { describe, expect, test } from "vitest";
import { crc32c } from "../src/decode/crc32c";
import expected from "./expected.json";
import { chunkEnds, cutUp, decode, decodePortions, golden, goldenJson, random, sha256 } from "./files";
import { Page } from "./page";
import { Decoder } from "../src/decode/decoder";
import type { Message } from "../src/decode/types";

type Refused = Record<string, { error: string }>;

const GOOD = Object.entries(expected.good);
const HOSTILE = ["", "scene/"].flatMap((folder) => {
  const { refused } = goldenJson(`${folder}expected.json`) as { refused: Refused };
  return Object.entries(refused).map(([name, { error }]) => [folder + name, error]);
});

function pageOf(messages: Message[]): Page {
  const page = new Page();
  for (const message of messages) page.take(message);
  return page;
}

describe.each(GOOD)("%s", (name, prefixes) => {
  const data = golden(name);

  test("shows after every chunk exactly the splats that the Python package shows", () => {
    const page = new Page();
    const decoder = new Decoder((message) => {
      page.take(message);
    });
    let before = 0;
    for (const { bytes, splats, sha256: digest } of prefixes) {
      decoder.feed(data.subarray(before, bytes));
      before = bytes;
      expect([decoder.position, decoder.progress.splats, page.drawn]).toEqual([bytes, splats, splats]);
      expect(sha256(page.bytes).slice(0, digest.length)).toBe(digest);
    }
    decoder.close();
    expect(decoder.complete).toBe(true);
  });

  test("gives the same messages byte by byte, in random portions and at once", () => {
    const whole = decode(data);
    expect(whole.error).toBeNull();
    expect(decodePortions(cutUp(data, () => 1))).toEqual(whole);
    for (let seed = 1; seed <= 5; seed++) {
      const next = random(seed);
      expect(decodePortions(cutUp(data, () => Math.floor(next() * 3000)))).toEqual(whole);
    }
  });

  test("cut at any chunk it gives the messages of the whole file up to there", () => {
    const whole = decode(data).messages.filter((message) => message.type !== "complete");
    const index = decode(data).messages.findIndex((message) => message.type === "indexed");
    for (const end of chunkEnds(data)) {
      const cut = decode(data.subarray(0, end));
      const messages = cut.messages.filter((message) => message.type !== "complete");
      expect(messages).toEqual(whole.slice(0, messages.length));
      expect(cut.error).toBe(messages.length > index ? null : "TruncatedError");
    }
  });

  test("cut inside a chunk it says so and keeps what came before", () => {
    const end = chunkEnds(data)[1] - 3;
    const cut = decode(data.subarray(0, end));
    expect(cut.error).toBe("TruncatedError");
    expect(cut.messages.map((message) => message.type)).toContain("opened");
  });
});

test.each(HOSTILE)("%s is refused with %s", (name, error) => {
  expect(decode(golden(name), { strict: true }).error).toBe(error);
  const next = random(7);
  expect(
    decodePortions(
      cutUp(golden(name), () => Math.floor(next() * 200)),
      { strict: true },
    ).error,
  ).toBe(error);
});

test.each(HOSTILE)("what a tolerant decoder shows of %s is never wrong in its own books", (name) => {
  const { messages } = decode(golden(name));
  const page = pageOf(messages);
  const updates = messages.filter((message) => message.type === "update");
  expect(page.drawn).toBe(updates.at(-1)?.progress.splats ?? 0);
});

test("files that no encoder wrote give the errors and the numbers of the Python package", () => {
  for (const { name, start, end, changes, error, splats, sha256: digest } of expected.mutants) {
    const data = golden(name).slice();
    for (const [at, value] of changes) data[at] = value;
    new DataView(data.buffer).setUint32(end, crc32c(data.subarray(start, end)), true);
    const found = decode(data, { strict: true });
    const page = pageOf(found.messages);
    const drawn = sha256(page.bytes).slice(0, digest.length);
    expect([name, changes, found.error, page.drawn, drawn]).toEqual([name, changes, error, splats, digest]);
  }
});
