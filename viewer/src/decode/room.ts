/** How arrays grow to which rows are added. */

const GROWTH = 1.5; // so that adding costs what is added, and what is outgrown is less than what is there

/** Room for `needed` rows where `room` does not hold them: more than that, up to what is `expected` if that is known. */
export function roomFor(needed: number, room: number, expected: number): number {
  return Math.max(needed, Math.min(Math.ceil(GROWTH * room), needed > expected ? Infinity : expected));
}
