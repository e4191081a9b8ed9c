/** Numbers in 16 bits, two to a word: what GLSL's unpackHalf2x16 and unpackSnorm2x16 take apart. */

const number = new Float32Array(1);
const bits = new Uint32Array(number.buffer);

const LARGEST = 65504;

/** IEEE 754 binary16, rounded to the nearest; what is larger becomes the largest. */
export function half(value: number): number {
  const clamped = Math.min(Math.max(value, -LARGEST), LARGEST);
  number[0] = clamped;
  const sign = (bits[0] >>> 16) & 0x8000;
  const magnitude = Math.abs(clamped);
  if (!(magnitude >= 2 ** -14)) return sign | (magnitude ? Math.round(magnitude * 2 ** 24) : 0); // subnormal, 0, NaN
  // Half of what is cut off is added first; a carry goes into the exponent, where it belongs.
  return sign | (((bits[0] & 0x7fffffff) + 0x1000 - (112 << 23)) >>> 13);
}

export function half2(low: number, high: number): number {
  return (half(low) | (half(high) << 16)) >>> 0;
}

/** -1..1 in 16 bits each. */
export function snorm2(low: number, high: number): number {
  return ((Math.round(low * 32767) & 0xffff) | (Math.round(high * 32767) << 16)) >>> 0;
}
