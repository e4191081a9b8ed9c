/**
 * The JSON of HEAD, with everything refused that JSON readers disagree about: members named twice, halves of surrogate
 * pairs, numbers that are not finite or too large to be exact. Unlike `JSON.parse` it tells 1 from 1.0.
 */

import { chunkError, limitError } from "./errors";
import { MAX_HEAD_DEPTH } from "./tables";
import type { Json } from "./types";

/** A number written with a fraction or an exponent. */
export class Real {
  constructor(readonly value: number) {}
}

/** What HEAD holds; a plain number was written as a whole one. */
export type Value = null | boolean | number | Real | string | Value[] | Members;
export type Members = Map<string, Value>;

const LITERALS: [string, Value | undefined][] = [
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", undefined],
  ["Infinity", undefined],
  ["-Infinity", undefined],
];
const NUMBER = /(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Partial<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const DEEPEST = 900; // what is nested deeper is refused before the stack ends

/** The object in the payload of HEAD; ChunkError or LimitError if docs/format.md does not allow it. */
export function parseMembers(payload: Uint8Array): Members {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    throw chunkError("HEAD is not UTF-8 JSON");
  }
  const parser = new Parser(text);
  const value = parser.whole();
  if (parser.broken) throw chunkError("HEAD holds half of a surrogate pair");
  if (!(value instanceof Map)) throw chunkError("HEAD is not a JSON object");
  if (parser.deepest > MAX_HEAD_DEPTH) throw limitError(`HEAD nests deeper than ${MAX_HEAD_DEPTH}`);
  return value;
}

/** The same as plain JSON. */
export function plain(value: Value): Json {
  if (value instanceof Real) return value.value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([name, member]) => [name, plain(member)]));
  return value;
}

class Parser {
  deepest = 0;
  broken = false; // whether a text holds half of a surrogate pair
  private at = 0;

  constructor(private readonly text: string) {}

  whole(): Value {
    this.match(SPACE);
    const value = this.value(0);
    this.match(SPACE);
    if (this.at < this.text.length) this.fail();
    return value;
  }

  private fail(): never {
    throw chunkError(`HEAD is not JSON, at character ${this.at}`);
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  private skip(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private value(depth: number): Value {
    if (depth > DEEPEST) throw limitError(`HEAD nests deeper than ${MAX_HEAD_DEPTH}`);
    if (this.skip('"')) return this.string();
    if (this.skip("{")) return this.object(depth + 1);
    if (this.skip("[")) return this.array(depth + 1);
    for (const [word, value] of LITERALS) {
      if (!this.skip(word)) continue;
      if (value === undefined) throw chunkError(`HEAD holds ${word}, which is not a finite number`);
      return value;
    }
    return this.number();
  }

  private number(): number | Real {
    const found = this.match(NUMBER);
    if (!found) this.fail();
    const [text, digits, fraction, exponent] = found as (string | undefined)[] as [string, string, string?, string?];
    if (fraction === undefined && exponent === undefined) {
      if (digits.length > 17 || !Number.isSafeInteger(Number(digits))) {
        throw limitError(`HEAD holds the whole number ${digits.slice(0, 20)}, beyond +-(2**53 - 1)`);
      }
      return Number(digits) + 0; // -0 is 0
    }
    if (!Number.isFinite(Number(text))) {
      throw chunkError(`HEAD holds ${text.slice(0, 20)}, which is not a finite number`);
    }
    return new Real(Number(text));
  }

  private string(): string {
    let found = "";
    for (;;) {
      found += this.match(PLAIN)![0];
      if (this.skip('"')) break;
      if (!this.skip("\\") || this.at === this.text.length) this.fail();
      const letter = this.text[this.at++];
      const code = this.text.slice(this.at, this.at + 4);
      if (letter === "u") {
        if (!/^[\da-fA-F]{4}$/.test(code)) this.fail();
        this.at += 4;
        found += String.fromCharCode(parseInt(code, 16));
      } else {
        found += ESCAPES[letter] ?? this.fail();
      }
    }
    this.broken ||= /[\ud800-\udfff]/u.test(found); // pairs are other code points
    return found;
  }

  private array(depth: number): Value[] {
    this.deepest = Math.max(this.deepest, depth);
    const found: Value[] = [];
    this.match(SPACE);
    if (this.skip("]")) return found;
    for (;;) {
      found.push(this.value(depth));
      this.match(SPACE);
      if (this.skip("]")) return found;
      if (!this.skip(",")) this.fail();
      this.match(SPACE);
    }
  }

  private object(depth: number): Members {
    this.deepest = Math.max(this.deepest, depth);
    const found: Members = new Map();
    let count = 0;
    this.match(SPACE);
    if (!this.skip("}")) {
      for (;;) {
        if (!this.skip('"')) this.fail();
        const name = this.string();
        this.match(SPACE);
        if (!this.skip(":")) this.fail();
        this.match(SPACE);
        found.set(name, this.value(depth));
        count++;
        this.match(SPACE);
        if (this.skip("}")) break;
        if (!this.skip(",")) this.fail();
        this.match(SPACE);
      }
    }
    if (found.size !== count) throw chunkError("HEAD names a member twice in one object");
    return found;
  }
}
