/** INDX, the chunk after the base level: where each later chunk lies, what it adds and what it buys. */

import { u16, u32 } from "./bytes";
import { checkPayloadLength, chunkLength, readKind } from "./chunk";
import { chunkError, unsupportedError } from "./errors";
import type { Head } from "./head";
import {
  HEAD,
  INDX,
  INDX_ENTRY_BYTES,
  INDX_REGION_BYTES,
  INDX_START_BYTES,
  INDX_UNKNOWN_QUALITY,
  INDX_VERSION,
} from "./tables";
import type { Prefix } from "./types";

/** What INDX says of one chunk after it. */
export interface Entry {
  kind: string;
  level: number;
  flags: number;
  payload: number;
  splats: number;
  /** PSNR in dB of the prefix that ends with this chunk; null where it was not measured. */
  db: number | null;
  /** The part of the asset that it belongs to; null in files without regions. */
  group: number | null;
}

export class Index {
  private constructor(
    readonly baseSplats: number,
    readonly baseDb: number | null,
    readonly entries: readonly Entry[],
  ) {}

  /** Reads the payload of INDX; UnsupportedError, ChunkError or LimitError if it breaks docs/format.md. */
  static fromBytes(payload: Uint8Array): Index {
    if (payload.length < INDX_START_BYTES) throw chunkError(`INDX has ${payload.length} bytes`);
    const [version, size] = payload;
    const count = u16(payload, 2);
    if (version !== INDX_VERSION) {
      throw unsupportedError(`INDX has version ${version}, this viewer knows version ${INDX_VERSION}`);
    }
    if (size < INDX_ENTRY_BYTES) throw chunkError(`an entry of INDX has ${size} bytes`);
    if (payload.length !== INDX_START_BYTES + size * count) {
      throw chunkError(`INDX has ${payload.length} bytes, which ${count} entries of ${size} do not make`);
    }
    const regions = size >= INDX_ENTRY_BYTES + INDX_REGION_BYTES;
    const entries = Array.from({ length: count }, (_, i) => readEntry(payload, INDX_START_BYTES + i * size, regions));
    return new Index(u32(payload, 4), readQuality(payload, 8), entries);
  }

  /** Holds INDX to what HEAD announced; ChunkError if chunks or splats of a level differ. */
  checkAgainst(head: Head): void {
    const found = head.levels.map(() => ({ chunks: 0, splats: 0 }));
    for (const entry of this.entries) {
      if (entry.level >= found.length) throw chunkError(`INDX names level ${entry.level}, which HEAD does not know`);
      found[entry.level].chunks++;
      found[entry.level].splats += entry.splats;
    }
    found[0] = { chunks: head.levels[0].chunks, splats: this.baseSplats };
    head.levels.forEach((level, number) => {
      if (found[number].chunks !== level.chunks || found[number].splats !== level.splats) {
        throw chunkError(`INDX gives level ${number} other chunks or splats than HEAD`);
      }
    });
  }

  /** The prefixes of the whole file that are valid files, shortest first; `end`: the byte at which INDX ends. */
  prefixes(head: Head, end: number): Prefix[] {
    const left = head.levels.map((level) => level.chunks);
    let [bytes, splats, levels] = [end, this.baseSplats, 1];
    const found = [{ bytes, splats, db: this.baseDb, levels }];
    for (const entry of this.entries) {
      bytes += chunkLength(entry.payload);
      splats += entry.splats;
      left[entry.level]--;
      while (levels < left.length && left[levels] === 0) levels++;
      found.push({ bytes, splats, db: entry.db, levels });
    }
    return found;
  }
}

function readQuality(payload: Uint8Array, at: number): number | null {
  const quality = u16(payload, at);
  return quality === INDX_UNKNOWN_QUALITY ? null : quality / 100;
}

function readEntry(data: Uint8Array, at: number, regions: boolean): Entry {
  const kind = readKind(data, at);
  const [level, flags, payload, splats] = [data[at + 4], data[at + 5], u32(data, at + 6), u32(data, at + 10)];
  checkPayloadLength(payload);
  if (kind === HEAD || kind === INDX || level === 0) {
    throw chunkError(`INDX announces a chunk ${kind} of level ${level}; only refinement chunks follow INDX`);
  }
  const region = at + INDX_ENTRY_BYTES;
  for (let low = region + 2; regions && low < region + 8; low += 2) {
    if (u16(data, low) > u16(data, low + 6)) throw chunkError("INDX gives a chunk a box that ends before it begins");
  }
  return {
    kind,
    level,
    flags,
    payload,
    splats,
    db: readQuality(data, at + 14),
    group: regions ? u16(data, region) : null,
  };
}

/** The longest payload of INDX, in bytes, that so many entries can make. */
export function longestIndex(entries: number): number {
  return INDX_START_BYTES + 255 * entries;
}
