import type { ErrorKind } from "./types";

/** A file or the way to it breaks a promise; `kind` is the class that the Python package raises for the same. */
export class FormatError extends Error {
  constructor(
    readonly kind: ErrorKind,
    message: string,
  ) {
    super(message);
    this.name = kind;
  }
}

/** A chunk's contents contradict its own header, HEAD or the chunks before it. */
export function chunkError(message: string): FormatError {
  return new FormatError("ChunkError", message);
}

/** A declared size or count is beyond the caps that protect memory. */
export function limitError(message: string): FormatError {
  return new FormatError("LimitError", message);
}

/** The file needs a newer reader. */
export function unsupportedError(message: string): FormatError {
  return new FormatError("UnsupportedError", message);
}

/** What went wrong, as a FormatError: memory that is not to be had counts as a limit, all else is passed on. */
export function asFormatError(error: unknown): FormatError {
  if (error instanceof FormatError) return error;
  if (error instanceof RangeError) return limitError("it needs more memory than there is");
  throw error;
}
