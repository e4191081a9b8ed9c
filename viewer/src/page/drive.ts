/** Drives: what an avatar does, frame by frame; JSON as in docs/avatars.md. */

import type { Weights } from "../render/avatar_renderer";

export interface Drive {
  /** Frames a second. */
  fps: number;
  frames: readonly Weights[];
}

const FPS = 30; // of drives that do not say

/** Throws a TypeError that says what is wrong. */
export function parseDrive(given: unknown): Drive {
  const { fps, frames, names, weights } = Object(given) as Record<string, unknown>;
  const rows = Array.isArray(frames) ? frames : Array.isArray(names) && Array.isArray(weights) ? weights.map(named(names)) : [];
  if (!rows.length) throw new TypeError("it has neither frames nor names and weights");
  rows.forEach((row: unknown, number) => {
    const wrong = Object.entries(Object(row) as object).find(([, weight]) => !Number.isFinite(weight));
    if (wrong) throw new TypeError(`frame ${number}: ${wrong[0]} is not a number`);
  });
  return { fps: typeof fps === "number" && fps > 0 ? fps : FPS, frames: rows as Weights[] };
}

function named(names: unknown[]): (row: unknown) => unknown {
  return (row) => Object.fromEntries(names.map((name, k): [unknown, unknown] => [name, (row as unknown[] | null)?.[k]])) as unknown;
}

/** Throws an Error that says what is wrong. */
export async function fetchDrive(url: string): Promise<Drive> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  return parseDrive(await answer.json());
}
