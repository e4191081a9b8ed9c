/** Files of the tests, and what becomes of their bytes. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Decoder, type DecoderSettings } from "../src/decode/decoder";
import { FormatError } from "../src/decode/errors";
import type { ErrorKind, Message } from "../src/decode/types";

const GOLDEN = fileURLToPath(new URL("../../tests/golden/", import.meta.url));

/** A golden file by its path below tests/golden. */
export function golden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(GOLDEN + name));
}

export function goldenJson(name: string): unknown {
  return JSON.parse(readFileSync(GOLDEN + name, "utf-8"));
}

export function sha256(...parts: Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** The bytes at which the chunks of an intact file end. */
export function chunkEnds(data: Uint8Array): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const ends = [];
  for (let end = 8; end < data.length; ) {
    end += 14 + view.getUint32(end + 6, true);
    ends.push(end);
  }
  return ends;
}

/** What decoding gave: its messages, and the error that ended it. */
export interface Decoded {
  messages: Message[];
  error: ErrorKind | null;
  text: string;
}

/** Decodes data in the given portions. */
export function decodePortions(portions: Iterable<Uint8Array>, settings: DecoderSettings = {}): Decoded {
  const messages: Message[] = [];
  const decoder = new Decoder((message) => messages.push(message), settings);
  try {
    for (const portion of portions) decoder.feed(portion);
    decoder.close();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { messages, error: error.kind, text: error.message };
  }
  return { messages, error: null, text: "" };
}

export function decode(data: Uint8Array, settings: DecoderSettings = {}): Decoded {
  return decodePortions([data], settings);
}

/** Data in portions of `size()` bytes each. */
export function* cutUp(data: Uint8Array, size: () => number): Generator<Uint8Array> {
  for (let at = 0; at < data.length; ) {
    const end = at + Math.max(1, size());
    yield data.slice(at, end);
    at = end;
  }
}

/** Numbers 0 .. 1 that look random and are the same every time (D. H. Lehmer's generator). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
