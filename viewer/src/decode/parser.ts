/** Bytes of a file, in any portions, to checked chunks. */

import { type Chunk, type ChunkHeader, chunkLength, readChunk, readHeader } from "./chunk";
import { asFormatError, chunkError, FormatError } from "./errors";
import type { Entry } from "./indx";
import { Progress } from "./progress";
import { CHUNK_HEADER_BYTES, SIGNATURE } from "./tables";

/** Who takes what the parser finds, in file order. What it throws stops the parser. */
export interface Taker {
  /** HEAD is there; returns the chunk kinds that the medium decodes. */
  head(): readonly string[];
  /** INDX is there. */
  index(): void;
  /** A chunk of one of those kinds; entry: what INDX says of it, null in the base level. */
  chunk(chunk: Chunk, entry: Entry | null): void;
  /** A damaged chunk after INDX, which is skipped. Without this method nothing is skipped. */
  damaged?(entry: Entry, offset: number, error: FormatError): void;
}

/**
 * Reads a file as its bytes arrive: `feed` them in any portions, then `close`.
 *
 * What is found, and the error if there is one, do not depend on how the bytes are portioned. Work and memory are
 * linear in the bytes fed, and nothing is allocated because a file says so. Behind INDX every chunk's place is known,
 * so that a damaged one can be skipped; before it, and when bytes follow the last chunk, damage stops the parser.
 */
export class Parser {
  readonly progress = new Progress();
  /** Bytes of the signature and the chunks so far. */
  position = 0;
  private kinds: readonly string[] = [];
  private error: FormatError | null = null;
  private buffer = new Uint8Array(0);
  private start = 0; // in the buffer, of the bytes from `position` on
  private end = 0;
  private header: ChunkHeader | null = null; // of the chunk that is arriving, once it is readable
  private damage: FormatError | null = null; // of the chunk that is arriving, which is to be skipped

  constructor(private readonly taker: Taker) {}

  /** Takes the next bytes. Throws a FormatError when it cannot go on, and again at every later call. */
  feed(data: Uint8Array): void {
    if (this.error) throw this.error;
    this.append(data);
    try {
      while (this.advance());
    } catch (error) {
      this.error = asFormatError(error);
      this.buffer = new Uint8Array(0);
      throw this.error;
    }
  }

  /** Says that there are no more bytes; throws what stopped `feed`, SignatureError or TruncatedError. */
  close(): void {
    if (this.error) throw this.error;
    if (this.position === 0) checkSignature(this.here);
    if (!this.progress.index || this.arriving) {
      throw new FormatError("TruncatedError", `${this.place}: the file ends inside it, or before INDX`);
    }
  }

  /** Whether bytes of a chunk are there that is not complete. */
  get arriving(): boolean {
    return this.end > this.start;
  }

  /** Forgets the bytes behind the last complete chunk: those from `position` on will be fed again. */
  rewind(): void {
    this.start = this.end = 0;
    this.header = this.damage = null;
  }

  private get here(): Uint8Array {
    return this.buffer.subarray(this.start, this.end);
  }

  private append(data: Uint8Array): void {
    const size = this.end - this.start + data.length;
    if (size > this.buffer.length) {
      const larger = new Uint8Array(Math.max(size, 2 * this.buffer.length));
      larger.set(this.here);
      this.buffer = larger;
      [this.start, this.end] = [0, size - data.length];
    } else if (this.end + data.length > this.buffer.length) {
      this.buffer.copyWithin(0, this.start, this.end);
      [this.start, this.end] = [0, this.end - this.start];
    }
    this.buffer.set(data, this.end);
    this.end += data.length;
  }

  /** Takes one step if the bytes for it are there; whether it was taken. */
  private advance(): boolean {
    if (this.position === 0) return this.takeSignature();
    if (this.damage) return this.skip(this.damage);
    if (!this.header) {
      if (this.progress.finished && this.end > this.start) {
        throw chunkError(`more bytes follow the last announced chunk at byte ${this.position}`);
      }
      if (this.end - this.start < CHUNK_HEADER_BYTES) return false;
    }
    const { announced: entry, head, index } = this.progress;
    let chunk: Chunk;
    let wanted: boolean;
    try {
      if (!this.header) {
        this.header = readHeader(this.here);
        this.progress.checkLength(this.header);
      }
      const length = chunkLength(this.header.payload);
      if (this.end - this.start < length) return false;
      chunk = readChunk(this.buffer.subarray(this.start, this.start + length), this.header, this.position);
      wanted = this.progress.take(chunk, this.kinds);
    } catch (error) {
      const { kind, message } = asFormatError(error);
      const named = new FormatError(kind, `${this.place}: ${message}`);
      if (!entry || !this.taker.damaged) throw named;
      this.damage = named;
      return true;
    }
    this.pass(chunk.payload.length);
    if (!head) this.kinds = this.taker.head();
    else if (!index && this.progress.index) this.taker.index();
    else if (wanted) this.taker.chunk(chunk, entry);
    return true;
  }

  /** Goes on behind a damaged chunk, whose length INDX knows. */
  private skip(error: FormatError): boolean {
    const entry = this.progress.announced!;
    if (this.end - this.start < chunkLength(entry.payload)) return false;
    const offset = this.position;
    this.progress.miss();
    this.pass(entry.payload);
    this.taker.damaged?.(entry, offset, error);
    return true;
  }

  private pass(payload: number): void {
    this.header = this.damage = null;
    this.start += chunkLength(payload);
    this.position += chunkLength(payload);
  }

  private takeSignature(): boolean {
    if (this.end - this.start < SIGNATURE.length) return false;
    checkSignature(this.here);
    this.start += SIGNATURE.length;
    this.position = SIGNATURE.length;
    return true;
  }

  private get place(): string {
    return `chunk ${this.progress.chunks + 1} (${this.progress.place}) at byte ${this.position}`;
  }
}

/** Refuses bytes that do not begin an .sfu file; fewer than eight are compared as far as they go. */
function checkSignature(data: Uint8Array): void {
  if (SIGNATURE.every((byte, at) => at >= data.length || data[at] === byte)) return;
  const damaged = data.length > 3 && [1, 2, 3].every((at) => data[at] === SIGNATURE[at]);
  throw new FormatError(
    "SignatureError",
    damaged
      ? "the signature is damaged, as by a transfer in text mode; copy the file as binary"
      : "this is not an .sfu file: it does not start with the signature",
  );
}
