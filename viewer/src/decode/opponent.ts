/** Opponent colours, in which the format has them, to harmonics of RGB. */

import { SH_C0 } from "./tables";

/** Entries of the orthonormal rows. */
const THIRD = 0.57735026918962584;
const HALF = 0.70710678118654746;
const SIXTH = 0.40824829046386307;
const TWO_SIXTHS = 0.81649658092772615;

/** Writes the harmonics of RGB, less `grey`, to out[to .. to + 2]. */
export function putHarmonics(bright: number, red: number, green: number, grey: number, out: Float32Array, to: number): void {
  out[to] = (bright * THIRD + red * HALF + green * SIXTH - grey) / SH_C0;
  out[to + 1] = (bright * THIRD - green * TWO_SIXTHS - grey) / SH_C0;
  out[to + 2] = (bright * THIRD - red * HALF + green * SIXTH - grey) / SH_C0;
}
