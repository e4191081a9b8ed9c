/** What HEAD says of a scene. */

import { chunkError, limitError } from "./errors";
import type { Boxes } from "./halving";
import type { Head } from "./head";
import {
  LARGEST_SIDE_3D,
  SCENE_LARGEST_LOG,
  SCENE_LARGEST_PLACE,
  SCENE_MAX_GROUPS,
  SCENE_MAX_SPLATS,
  type SCENE_MEMBERS,
} from "./tables";
import type { SceneLayout, Vector3 } from "./types";

type Member = (typeof SCENE_MEMBERS)[number];

export interface Scene {
  /** Corner of the grid in world units. */
  origin: Vector3;
  /** log2 of the side of a cell in world units. */
  exponent: number;
  /** Cells along x, y and z. */
  size: Vector3;
  /** Splats of the whole scene. */
  splats: number;
  /** Splats that a node of level 0 and one of level 1 stands for, at most. */
  leaves: [number, number];
  /** Splats of a group, about. */
  group: number;
  /** Chunks that a group's splats are dealt into, 1 or 2. */
  portions: number;
  shDegree: number;
  antialiased: boolean;
}

/** Reads the members of HEAD; ChunkError for what cannot be, LimitError for more than a reader takes. */
export function readScene(head: Head): Scene {
  const wholes = (name: Member, count: number) => head.wholes(name, count);
  const origin = head.reals("origin" satisfies Member, 3) as Vector3;
  const size = wholes("size", 3) as Vector3;
  const leaves = wholes("leaves", 2) as [number, number];
  const names = ["exponent", "splats", "group", "portions", "sh_degree"] as const;
  const [exponent, splats, group, portions, shDegree] = names.map((name) => wholes(name, 1)[0]);
  if (splats < 1 || splats > SCENE_MAX_SPLATS) {
    throw limitError(`HEAD declares ${splats} splats; a scene has 1 to ${SCENE_MAX_SPLATS}`);
  }
  if (size.some((side) => side < 1 || side > LARGEST_SIDE_3D)) {
    throw limitError(`HEAD declares a grid of ${size.join(" x ")} cells; a side has 1 to ${LARGEST_SIDE_3D}`);
  }
  if (Math.abs(exponent) > SCENE_LARGEST_LOG || leaves[1] < 1 || leaves[0] < leaves[1] || group < 1) {
    throw chunkError("HEAD declares a grid or boxes that cannot be");
  }
  if (origin.some((place) => Math.abs(place) > SCENE_LARGEST_PLACE)) {
    throw chunkError("HEAD declares an origin that no splat can have");
  }
  if ((portions !== 1 && portions !== 2) || shDegree < 0 || shDegree > 3) {
    throw chunkError(`HEAD declares ${portions} portions and harmonics of degree ${shDegree}`);
  }
  const antialiased = head.member("antialiased" satisfies Member) === true;
  return { origin, exponent, size, splats, leaves, group, portions, shDegree, antialiased };
}

/** What the page is told of a scene. */
export function sceneLayout({ origin, exponent, size, splats, shDegree, antialiased }: Scene): SceneLayout {
  const high = origin.map((start, axis) => start + size[axis] * 2 ** exponent) as Vector3;
  return { medium: "scene", splats, shDegree, antialiased, low: origin, high };
}

/** The first box of every group of boxes of level 0, and the number of boxes behind the last. */
export function groupStarts(boxes: Boxes, group: number): number[] {
  const starts: number[] = [];
  let [before, last] = [0, -1];
  for (let i = 0; i < boxes.count; i++) {
    const number = Math.floor(before / group);
    if (number !== last) starts.push(i);
    last = number;
    before += boxes.points[i];
  }
  if (starts.length > SCENE_MAX_GROUPS) {
    throw limitError(`the scene has ${starts.length} groups; the cap is ${SCENE_MAX_GROUPS}`);
  }
  return [...starts, boxes.count];
}
