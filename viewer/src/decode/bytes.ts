/** Little-endian numbers in bytes. */

export function u16(data: Uint8Array, at: number): number {
  return data[at] | (data[at + 1] << 8);
}

export function i16(data: Uint8Array, at: number): number {
  return (u16(data, at) << 16) >> 16;
}

export function i8(data: Uint8Array, at: number): number {
  return (data[at] << 24) >> 24;
}

export function u32(data: Uint8Array, at: number): number {
  return (u16(data, at) | (u16(data, at + 2) << 16)) >>> 0;
}
