/** The bytes of one chunk. */

import { u32 } from "./bytes";
import { crc32c } from "./crc32c";
import { chunkError, FormatError, limitError } from "./errors";
import { CHUNK_HEADER_BYTES, CHUNK_OVERHEAD, MAX_PAYLOAD } from "./tables";

/** What a chunk's first ten bytes say. */
export interface ChunkHeader {
  kind: string;
  level: number;
  flags: number;
  /** Bytes of the payload. */
  payload: number;
}

/** The smallest piece of a file that is checksummed and decoded as a whole. */
export interface Chunk {
  kind: string;
  level: number;
  flags: number;
  /** Valid until the parser that handed it out is fed again. */
  payload: Uint8Array;
  /** The byte of the file where the chunk begins. */
  offset: number;
}

/** Four bytes as a chunk kind; ChunkError unless they are letters. */
export function readKind(data: Uint8Array, at: number): string {
  const kind = String.fromCharCode(...data.subarray(at, at + 4));
  if (!/^[A-Za-z]{4}$/.test(kind)) throw chunkError("the chunk kind is not four ASCII letters");
  return kind;
}

export function checkPayloadLength(length: number, cap = MAX_PAYLOAD): void {
  if (length > cap) throw limitError(`its payload is said to take ${length} bytes; the cap is ${cap}`);
}

/** Reads the first ten bytes of a chunk; ChunkError or LimitError. */
export function readHeader(data: Uint8Array): ChunkHeader {
  const payload = u32(data, 6);
  checkPayloadLength(payload);
  return { kind: readKind(data, 0), level: data[4], flags: data[5], payload };
}

/** The chunk in exactly its bytes, whose header has been read; ChecksumError if it is damaged. */
export function readChunk(data: Uint8Array, { kind, level, flags, payload }: ChunkHeader, offset: number): Chunk {
  const end = payload + CHUNK_HEADER_BYTES;
  if (crc32c(data.subarray(0, end)) !== u32(data, end)) throw new FormatError("ChecksumError", "checksum differs");
  return { kind, level, flags, payload: data.subarray(CHUNK_HEADER_BYTES, end), offset };
}

/** Bytes that a chunk takes in the file. */
export function chunkLength(payload: number): number {
  return payload + CHUNK_OVERHEAD;
}
