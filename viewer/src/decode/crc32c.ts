/**
 * CRC-32C (Castagnoli), the checksum of every chunk, eight bytes at a time.
 *
 * The method is "slicing-by-8" (M. Kounavis and F. Berry, 2005): one table for each place that a byte can have.
 */

const REFLECTED_POLYNOMIAL = 0x82f63b78; // 0x1EDC6F41 with its bits in reverse, RFC 3720 section 12.1

const TABLE = new Int32Array(8 * 256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? REFLECTED_POLYNOMIAL : 0);
  TABLE[byte] = crc;
}
for (let at = 256; at < TABLE.length; at++) TABLE[at] = (TABLE[at - 256] >>> 8) ^ TABLE[TABLE[at - 256] & 255];

/** The CRC-32C, 0 .. 2^32 - 1, of the bytes that gave `crc` (0 for none) followed by `data`. */
export function crc32c(data: Uint8Array, crc = 0): number {
  const table = TABLE;
  let register = ~crc;
  let at = 0;
  for (const end = data.length - 7; at < end; at += 8) {
    const low = register ^ (data[at] | (data[at + 1] << 8) | (data[at + 2] << 16) | (data[at + 3] << 24));
    register =
      table[1792 + (low & 255)] ^
      table[1536 + ((low >>> 8) & 255)] ^
      table[1280 + ((low >>> 16) & 255)] ^
      table[1024 + (low >>> 24)] ^
      table[768 + data[at + 4]] ^
      table[512 + data[at + 5]] ^
      table[256 + data[at + 6]] ^
      table[data[at + 7]];
  }
  for (; at < data.length; at++) register = (register >>> 8) ^ table[(register ^ data[at]) & 255];
  return ~register >>> 0;
}
