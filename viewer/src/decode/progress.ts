/** What has arrived of a file, and what may stand next: the order of chunks and the promises of HEAD and INDX. */

import { checkPayloadLength, chunkLength, type Chunk, type ChunkHeader } from "./chunk";
import { chunkError, unsupportedError } from "./errors";
import { Head } from "./head";
import { type Entry, Index, longestIndex } from "./indx";
import { HEAD, INDX, MAX_HEAD_PAYLOAD } from "./tables";
import type { Prefix } from "./types";

export class Progress {
  head: Head | null = null;
  index: Index | null = null;
  /** Prefixes of the whole file that are valid files; empty before INDX. */
  prefixes: Prefix[] = [];
  /** Chunks taken or missed so far. */
  chunks = 0;
  /** Levels whose chunks have all been taken, counted from the base level. */
  levelsComplete = 0;
  private missing: number[] = []; // chunks still to come of every level

  get finished(): boolean {
    return this.head !== null && this.chunks === this.head.chunks;
  }

  get baseComplete(): boolean {
    return this.levelsComplete > 0;
  }

  /** What should stand next: the chunk's own header may be damaged. */
  get place(): string {
    if (!this.head) return HEAD;
    if (this.announced) return `level ${this.announced.level}`;
    return this.baseComplete ? INDX : "level 0";
  }

  /** What INDX says of the next chunk, if it is there and announces one. */
  get announced(): Entry | null {
    if (!this.head || !this.index || this.finished) return null;
    return this.index.entries[this.chunks - this.head.levels[0].chunks - 2];
  }

  /** Holds a chunk's declared length to what may stand next, before its payload is waited for. */
  checkLength(header: ChunkHeader): void {
    const announced = this.announced;
    if (!this.head) {
      checkPayloadLength(header.payload, MAX_HEAD_PAYLOAD);
    } else if (announced) {
      if (header.payload !== announced.payload) {
        throw chunkError(`its payload takes ${header.payload} bytes, but INDX announces ${announced.payload}`);
      }
    } else if (this.baseComplete) {
      checkPayloadLength(header.payload, longestIndex(this.head.chunks - this.chunks - 1));
    }
  }

  /**
   * Takes the next chunk; whether it is one of the `kinds` that the medium decodes, which are known from HEAD on.
   *
   * ChunkError if it may not stand here, UnsupportedError if it needs a newer reader, what `Head` and `Index` throw;
   * the progress is then as before.
   */
  take(chunk: Chunk, kinds: readonly string[]): boolean {
    let wanted = false;
    if (!this.head) {
      checkOwn(chunk, HEAD);
      this.head = Head.fromBytes(chunk.payload);
      this.missing = this.head.levels.map((level) => level.chunks);
    } else if (!this.index && this.baseComplete) {
      checkOwn(chunk, INDX);
      const index = Index.fromBytes(chunk.payload);
      index.checkAgainst(this.head);
      this.index = index;
      this.prefixes = index.prefixes(this.head, chunk.offset + chunkLength(chunk.payload.length));
    } else {
      this.checkContent(chunk, this.head);
      wanted = kinds.includes(chunk.kind);
      if (!wanted && chunk.kind[0] < "a") {
        throw unsupportedError(`this viewer does not know the chunk kind ${chunk.kind}, without which nothing shows`);
      }
      this.count(chunk.level);
    }
    this.chunks++;
    return wanted;
  }

  /** Goes on behind a chunk of which nothing but its place is known. */
  miss(): void {
    this.chunks++;
  }

  private checkContent(chunk: Chunk, head: Head): void {
    const announced = this.announced;
    if (!announced) {
      if (chunk.level !== 0 || chunk.kind === HEAD || chunk.kind === INDX) {
        const base = head.levels[0].chunks;
        throw chunkError(
          `${base} chunks of level 0 should follow HEAD, but this is ${chunk.kind} of level ${chunk.level}`,
        );
      }
    } else if (chunk.kind !== announced.kind || chunk.level !== announced.level || chunk.flags !== announced.flags) {
      throw chunkError(
        `it is ${chunk.kind} of level ${chunk.level} with flags ${chunk.flags}, but INDX announces ` +
          `${announced.kind} of level ${announced.level} with flags ${announced.flags}`,
      );
    }
  }

  private count(level: number): void {
    this.missing[level]--;
    while (this.levelsComplete < this.missing.length && this.missing[this.levelsComplete] === 0) this.levelsComplete++;
  }
}

function checkOwn(chunk: Chunk, kind: string): void {
  if (chunk.kind !== kind) throw chunkError(`${kind} should stand here, not ${chunk.kind}`);
  if (chunk.level !== 0 || chunk.flags !== 0) {
    throw unsupportedError(`${kind} has level ${chunk.level} and flags ${chunk.flags}; this viewer knows 0 and 0`);
  }
}
