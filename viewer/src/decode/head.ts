/** HEAD, the first chunk: what the file is and how many chunks its levels have. */

import { chunkError, limitError, unsupportedError } from "./errors";
import { type Members, parseMembers, plain, Real, type Value } from "./json";
import {
  HEAD_MEMBERS,
  HEAD_VERSION,
  MAX_CHUNKS,
  MAX_HEAD_PAYLOAD,
  MAX_LEVELS,
  MAX_LEVEL_SPLATS,
  MEDIA,
} from "./tables";
import type { Json, Medium } from "./types";

/** A refinement layer: its chunks, at least 1, and the splats that they add. */
export interface Level {
  chunks: number;
  splats: number;
}

export class Head {
  /** Chunks of the whole file, HEAD and INDX included. */
  readonly chunks: number;

  private constructor(
    readonly medium: Medium,
    readonly levels: readonly Level[],
    private readonly members: Members,
  ) {
    this.chunks = levels.reduce((sum, level) => sum + level.chunks, 2);
  }

  /** All members, as JSON. */
  get fields(): Record<string, Json> {
    return plain(this.members) as Record<string, Json>;
  }

  /** A member that belongs to the medium. */
  member(name: string): Value | undefined {
    return this.members.get(name);
  }

  /** As many whole numbers as asked for in a member: a list of them, or one alone. */
  wholes(name: string, count: number): number[] {
    return this.numbers(name, count, (value) => typeof value === "number");
  }

  /** As many numbers of any kind in a member. */
  reals(name: string, count: number): number[] {
    return this.numbers(name, count, (value) => typeof value === "number" || value instanceof Real);
  }

  private numbers(name: string, count: number, allowed: (value: Value) => boolean): number[] {
    const member = this.members.get(name);
    const values = count === 1 ? [member ?? null] : member;
    if (!Array.isArray(values) || values.length !== count || !values.every(allowed)) {
      throw chunkError(`HEAD gives no ${name} of ${count} numbers`);
    }
    return values.map((value) => plain(value) as number);
  }

  /** Reads the payload of HEAD; LimitError, UnsupportedError or ChunkError if it breaks docs/format.md. */
  static fromBytes(payload: Uint8Array): Head {
    if (payload.length > MAX_HEAD_PAYLOAD) throw limitError(`HEAD takes ${payload.length} bytes`);
    const members = parseMembers(payload);
    const missing = HEAD_MEMBERS.find((name) => !members.has(name));
    if (missing) throw chunkError(`HEAD has no member '${missing}'`);
    const [version, medium] = [members.get("v"), members.get("medium")];
    if (typeof version !== "number" || version < 1) throw chunkError("HEAD's member 'v' is not a whole number from 1");
    if (version !== HEAD_VERSION) {
      throw unsupportedError(`the file has format version ${version}, this viewer knows version ${HEAD_VERSION}`);
    }
    if (typeof medium !== "string") throw chunkError("HEAD's member 'medium' is not text");
    const known = MEDIA.find((name) => name === medium);
    if (!known) throw unsupportedError(`the medium '${medium}' is none of ${MEDIA.join(", ")}`);
    return new Head(known, readLevels(members.get("levels") ?? null), members);
  }
}

function readLevels(value: Value): Level[] {
  if (!Array.isArray(value) || value.length === 0) throw chunkError("HEAD's member 'levels' is not a list of levels");
  if (value.length > MAX_LEVELS) throw limitError(`HEAD announces ${value.length} levels; the cap is ${MAX_LEVELS}`);
  const levels = value.map((pair, number) => {
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((n) => typeof n === "number")) {
      throw chunkError(`HEAD's level ${number} is not a pair of whole numbers [chunks, splats]`);
    }
    const [chunks, splats] = pair as [number, number];
    if (chunks < 1 || splats < 0) {
      throw chunkError(`HEAD's level ${number} has ${chunks} chunks and ${splats} splats`);
    }
    if (splats > MAX_LEVEL_SPLATS) throw limitError(`HEAD's level ${number} announces ${splats} splats`);
    return { chunks, splats };
  });
  const total = levels.reduce((sum, level) => sum + level.chunks, 2);
  if (total > MAX_CHUNKS) throw limitError(`HEAD announces ${total} chunks; the cap is ${MAX_CHUNKS}`);
  return levels;
}
