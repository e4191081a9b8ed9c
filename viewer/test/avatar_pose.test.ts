/** What a page does with an avatar that is still arriving. */

import { describe, expect, test } from "vitest";
import { packThrees } from "../src/avatar/frame_shader";
import { AvatarSplats } from "../src/avatar/splats";
import { buffersOf, Decoder } from "../src/decode/decoder";
import { chunkEnds, golden, goldenJson } from "./files";

const NAMES = Object.keys((goldenJson("avatar/expected.json") as { decodes: object }).decodes);
const RICH = "avatar-degree-1-patches.sfu";

/** The avatar in the first bytes of a golden file, through the messages that a worker posts. */
function arrived(name: string, bytes = Infinity): AvatarSplats {
  const pose = new AvatarSplats();
  const decoder = new Decoder((message) => {
    const { edits } = { edits: [], ...structuredClone(message, { transfer: buffersOf(message) }) };
    pose.apply(edits);
  });
  decoder.feed(golden(`avatar/${name}`).subarray(0, bytes));
  return pose;
}

function vertices(pose: AvatarSplats, weights: Record<string, number>): Float32Array {
  pose.poseVertices({ weights });
  return pose.vertices.slice();
}

describe.each(NAMES)("%s", (name) => {
  test("can be posed after every chunk, and everything is a number", () => {
    for (const end of chunkEnds(golden(`avatar/${name}`))) {
      const pose = arrived(name, end);
      pose.pose({ weights: { jawOpen: 0.5, headYaw: 20 } });
      for (const values of [pose.mean, pose.rotation, pose.scale, pose.opacity, pose.sh0, pose.sh, pose.vertices]) {
        expect(values.every(Number.isFinite)).toBe(true);
      }
    }
  });

  test("has the same centres whether the rest is posed or not", () => {
    const pose = arrived(name);
    const expression = { weights: { jawOpen: 0.5, headPitch: 20 } };
    pose.pose(expression);
    const whole = pose.mean.slice();
    pose.pose({});
    pose.poseCenters(expression);
    expect(pose.mean).toEqual(whole);
  });
});

test("a pose is written where the one before was", () => {
  const pose = arrived(RICH);
  const { mean, rotation, scale, vertices: mesh } = pose;
  pose.pose({ weights: { jawOpen: 1 } });
  expect(pose.mean).toBe(mean);
  expect(pose.rotation).toBe(rotation);
  expect(pose.scale).toBe(scale);
  expect(pose.vertices).toBe(mesh);
});

test("at rest the mesh is the neutral, bit for bit", () => {
  const pose = arrived(RICH);
  const neutral = pose.vertices.slice();
  vertices(pose, { jawOpen: 1, headRoll: 30 });
  expect(vertices(pose, {}).subarray(0, 54)).toEqual(neutral.subarray(0, 54)); // 18 vertices; then points
});

test("names may be spelled in both ways, unknown ones do nothing", () => {
  const pose = arrived(RICH);
  expect(pose.names!.find("jaw_open")).toBe("jawOpen");
  expect(pose.names!.find("head_yaw")).toBe("headYaw");
  expect(pose.names!.find("no such thing")).toBeNull();
  const open = vertices(pose, { jawOpen: 0.7 });
  expect(vertices(pose, { jaw_open: 0.7 })).toEqual(open);
  expect(vertices(pose, { jawOpen: 0.7, "no such thing": 1 })).toEqual(open);
  expect(open).not.toEqual(vertices(pose, {}));
});

test("shapes that have not arrived move nothing, joints turn already", () => {
  const pose = arrived(RICH, chunkEnds(golden(`avatar/${RICH}`))[2]);
  const rest = vertices(pose, {});
  expect(vertices(pose, { jawOpen: 1 })).toEqual(rest);
  expect(vertices(pose, { headYaw: 20 })).not.toEqual(rest);
});

test("a rotation of the head's joint replaces the turn in degrees", () => {
  const pose = arrived(RICH);
  const joint = ["root", "neck", "eye_left"];
  for (const name of joint) expect(pose.names!.joint(name)).toBeDefined();
  pose.poseVertices({ weights: { headYaw: 90 }, rotations: { root: [0, 0, 0], neck: [0, 0, 0] } });
  const turned = pose.vertices.slice();
  expect(turned).toEqual(vertices(pose, {}));
});

test("rows of three become texels of four words", () => {
  const out = new Uint32Array(8);
  packThrees(Uint32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), 1, 2, out);
  expect([...out]).toEqual([4, 5, 6, 0, 7, 8, 9, 0]);
});
