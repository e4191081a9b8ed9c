/**
 * Arrays for the time of one chunk: every chunk takes the same memory.
 *
 * Browsers collect garbage when there are many objects. Buffers of megabytes hang on few, and would wait for long.
 */

interface Maker<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, first: number, length: number): T;
}

const GROWTH = 1.5;
const ALIGNMENT = 8; // bytes

let memory = new ArrayBuffer(0);
let used = 0;

/** Ends the time of all arrays that `scratch` gave. */
export function reuse(): void {
  used = 0;
}

/** An array of zeros, of no meaning after the next `reuse`. */
export function scratch<T extends { fill: (value: number) => T }>(Make: Maker<T>, length: number): T {
  const bytes = Math.ceil((length * Make.BYTES_PER_ELEMENT) / ALIGNMENT) * ALIGNMENT;
  if (used + bytes > memory.byteLength) {
    memory = new ArrayBuffer(GROWTH * (used + bytes)); // arrays in the one before stay as they are
    used = 0;
  }
  used += bytes;
  return new Make(memory, used - bytes, length).fill(0);
}

/** Frees an array that nobody needs any more: at once where the browser can, otherwise it waits as other garbage does. */
export function discard({ buffer }: ArrayBufferView): void {
  (buffer as { transfer?: (bytes: number) => unknown }).transfer?.(0);
}
