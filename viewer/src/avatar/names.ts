/** The names that an avatar understands. */

import type { ArkitResponse, RigMeshEdit, Vector3 } from "../decode/types";

/** Degrees to the person's left, down and to the right shoulder. */
export const HEAD_TURNS = ["headYaw", "headPitch", "headRoll"] as const;

/** What a rig is told for one picture. */
export interface Expression {
  /** By names of ARKit, of shapes and HEAD_TURNS; names that are not known do nothing. */
  weights?: Readonly<Record<string, number>>;
  /** By names of joints, axis times angle in radians; instead of what weights do to them. */
  rotations?: Readonly<Record<string, Vector3>>;
  /** World units, added last. */
  translation?: Vector3;
  /** Whether a name that is both a shape's and ARKit's means the shape alone. */
  shapesFirst?: boolean;
}

/** What a name does: a response of ARKit, a shape (0 ..) or a turn of the head (-1, -2, -3). */
export type Meaning = ArkitResponse | number;

export class Names {
  private readonly meanings = new Map<string, Meaning>();
  private readonly shapes = new Map<string, number>();
  private readonly joints = new Map<string, number>();
  private readonly spelled = new Map<string, string>(); // by `plainName`

  constructor({ shapes, joints, arkit }: RigMeshEdit) {
    shapes.forEach((name, number) => this.shapes.set(name, number));
    for (const [name, number] of this.shapes) this.meanings.set(name, number);
    for (const response of arkit) this.meanings.set(response.name, response);
    HEAD_TURNS.forEach((name, k) => {
      this.meanings.set(name, -1 - k);
      this.shapes.delete(name);
    });
    for (const name of this.meanings.keys()) this.spelled.set(plainName(name), name);
    joints.forEach((name, number) => this.joints.set(name, number));
  }

  /** The name as it is spelled, from that name or its snake_case; null if it is not known. */
  find(name: string): string | null {
    return this.meanings.has(name) ? name : (this.spelled.get(plainName(name)) ?? null);
  }

  /** What a name does, null if it is not known; shapesFirst: see `Expression`. */
  meaning(name: string, shapesFirst: boolean): Meaning | null {
    const found = this.find(name);
    if (found === null) return null;
    return (shapesFirst ? this.shapes.get(found) : undefined) ?? this.meanings.get(found)!;
  }

  joint(name: string): number | undefined {
    return this.joints.get(name);
  }
}

/** Names are the same if they differ in case and punctuation alone: jaw_open and jawOpen. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}
