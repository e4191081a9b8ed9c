/** What HEAD says of an avatar. */

import { chunkError, limitError } from "./errors";
import type { Head } from "./head";
import { plain } from "./json";
import { AVATAR_FARTHEST, AVATAR_MAX_DEPTH, AVATAR_MAX_SPLATS, type AVATAR_MEMBERS } from "./tables";
import type { AvatarLayout, Json, Vector3 } from "./types";

type Member = (typeof AVATAR_MEMBERS)[number];

/** Reads the members of HEAD; ChunkError for what cannot be, LimitError for more than a reader takes. */
export function avatarLayout(head: Head): AvatarLayout {
  const names = ["faces", "vertices", "splats", "max_depth", "sh_degree"] as const satisfies readonly Member[];
  const [faces, vertices, splats, depth, shDegree] = names.map((name) => head.wholes(name, 1)[0]);
  if (Math.min(faces, vertices, splats, depth, shDegree) < 0) throw chunkError("HEAD gives a number below 0");
  if (splats > AVATAR_MAX_SPLATS) {
    throw limitError(`HEAD declares ${splats} splats; an avatar has ${AVATAR_MAX_SPLATS} at most`);
  }
  if (faces < 1 || faces > splats || vertices < 3 || vertices > 3 * AVATAR_MAX_SPLATS) {
    throw chunkError(`HEAD declares ${splats} splats on ${faces} faces with ${vertices} vertices`);
  }
  if (depth < 1 || depth > AVATAR_MAX_DEPTH) {
    throw limitError(`HEAD declares faces of ${depth} levels; 1 to ${AVATAR_MAX_DEPTH} are allowed`);
  }
  if (shDegree > 3) throw chunkError(`HEAD declares harmonics of degree ${shDegree}`);
  const bounds = member(head, "bounds");
  if (!Array.isArray(bounds) || bounds.length !== 2) throw chunkError("HEAD gives no bounds");
  const [low, high] = bounds.map((corner) => vector(corner, -AVATAR_FARTHEST, AVATAR_FARTHEST));
  if (low.some((least, axis) => least > high[axis])) throw chunkError("HEAD gives bounds that end before they begin");
  const background = vector(member(head, "background"), 0, 1);
  return { medium: "avatar", faces, vertices, splats, depth, shDegree, low, high, background };
}

function member(head: Head, name: Member): Json {
  return plain(head.member(name) ?? null);
}

function vector(value: Json, least: number, most: number): Vector3 {
  if (
    !Array.isArray(value) ||
    value.length !== 3 ||
    !value.every((part) => typeof part === "number" && part >= least && part <= most)
  ) {
    throw chunkError(`HEAD gives something else than three numbers from ${least} to ${most}`);
  }
  return value as Vector3;
}
