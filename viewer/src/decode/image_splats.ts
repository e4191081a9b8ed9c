/**
 * The integers of 2D splats to floating point.
 *
 * The operations and their order are those of native/image_splats.cpp: the numbers are the same to the last bit.
 */

import { energyClass, type ImageIntegers, logStep, ONE, tiltStep } from "./image_chunk";
import { IMAGE_MARGIN } from "./tables";
import { clamp, powerOfTwo } from "./values";

/** See `Append2D`. */
export interface ImageSplats {
  xy: Float32Array;
  chol: Float32Array;
  color: Float32Array;
}

const LARGEST_LOG = 40; // of |log2 l11| and |log2 l22|
const LARGEST_TILT = 1e6;

/** 2^x is the sum of COEFFICIENTS[i] x^i, cut off below 2^-56 for |x| <= 1/2. */
const COEFFICIENTS = new Float64Array(14).fill(1);
for (let i = 1; i < COEFFICIENTS.length; i++) {
  COEFFICIENTS[i] = (COEFFICIENTS[i - 1] * 0.6931471805599453) / i;
}

/** 2^(-k / 8), k = 0..7. */
const EIGHTHS = [
  1.0, 0.91700404320467121, 0.8408964152537145, 0.77110541270397037, 0.70710678118654757, 0.64841977732550483,
  0.59460355750136051, 0.54525386633262884,
];

/** 2^(value / 2^24) for |value| <= 40 * 2^24. */
function exp2Fixed(value: number): number {
  const whole = Math.floor((value + ONE / 2) / ONE);
  const x = (value - whole * ONE) / ONE;
  let sum = COEFFICIENTS[13];
  for (let i = 12; i >= 0; i--) sum = sum * x + COEFFICIENTS[i];
  return sum * powerOfTwo(whole);
}

function scaleOf(log: number, step: number): number {
  return exp2Fixed(clamp(log * step, -LARGEST_LOG * ONE, LARGEST_LOG * ONE));
}

/** The splats of a chunk. */
export function imageSplats(q: ImageIntegers): ImageSplats {
  const { count: n, channels } = q;
  const [xy, chol, color] = [new Float32Array(2 * n), new Float32Array(3 * n), new Float32Array(channels * n)];
  const gammaStep = EIGHTHS[q.colorStep % 8] * 2 ** -(q.colorStep >> 3);
  for (let i = 0; i < n; i++) {
    const energy = energyClass(q.color, channels * i, channels);
    const [l11, l22] = [scaleOf(q.logL11[i], logStep(energy)), scaleOf(q.logL22[i], logStep(energy))];
    const slope = (q.tilt[i] * tiltStep(energy)) / ONE;
    chol[3 * i] = l11;
    chol[3 * i + 1] = clamp(slope, -LARGEST_TILT, LARGEST_TILT) * l22;
    chol[3 * i + 2] = l22;
    for (let axis = 0; axis < 2; axis++) {
      const bits = q.fineBits[axis * n + i];
      const place = q.cell[2 * i + axis] * (1 << bits) + q.fine[axis * n + i] + 0.5;
      xy[2 * i + axis] = place * powerOfTwo(q.exponent - bits) - IMAGE_MARGIN;
    }
    const area = Math.sqrt(Math.PI * l11 * l22);
    putColor(q.color, channels * i, channels, gammaStep, area, color);
  }
  return { xy, chol, color };
}

function putColor(q: Float64Array, at: number, channels: number, step: number, area: number, out: Float32Array): void {
  if (channels < 3) {
    out[at] = (q[at] * step) / area;
    return;
  }
  const bright = q[at] * step * 0.57735026918962573;
  const red = q[at + 1] * step * 0.70710678118654746;
  const green = q[at + 2] * step * 0.40824829046386307;
  out[at] = (bright + red + green) / area;
  out[at + 1] = (bright - 2 * green) / area;
  out[at + 2] = (bright - red + green) / area;
  if (channels === 4) out[at + 3] = (q[at + 3] * step) / area;
}
