/** What chunks of a rig change on the page. */

import type { RigMesh, RigShapes } from "./rig_mesh";
import { RIG_REGRESSOR_PARTS, RIG_WHOLE } from "./tables";
import type { RigMeshEdit, RigShapesEdit } from "./types";

/** The rig without its shapes. One by reference has a single joint in the origin and no shapes. */
export function meshEdit({ header, vertices, faces, skin }: RigMesh): RigMeshEdit {
  const { byReference, shapes, joints, name, fingerprint } = header;
  const common = { type: "mesh" as const, vertices: vertices.slice(), faces: faces.slice(), arkit: header.arkit };
  if (!skin) {
    const hexadecimal = Array.from(fingerprint, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return {
      ...common,
      shapes: [],
      joints: ["root"],
      correctives: 0,
      parents: Int32Array.of(-1),
      places: new Float32Array(3),
      ...skinEdit(new Int32Array(header.vertices).fill(RIG_WHOLE), 1),
      reference: byReference ? { name, fingerprint: hexadecimal, shapes, joints } : null,
    };
  }
  return {
    ...common,
    shapes,
    joints,
    correctives: header.correctives,
    parents: Int32Array.of(-1, ...header.parents),
    places: Float32Array.from(header.places.flat()),
    ...skinEdit(skin, joints.length),
    reference: null,
  };
}

/** Weights [V, J] as a few for each vertex, as many as the one with most has. */
function skinEdit(
  skin: Int32Array,
  joints: number,
): Pick<RigMeshEdit, "influences" | "skinJoints" | "skinWeights" | "headJoint"> {
  const vertices = skin.length / joints;
  const sums = new Float64Array(joints);
  let influences = 1;
  for (let v = 0; v < vertices; v++) {
    let many = 0;
    for (let joint = 0; joint < joints; joint++) {
      const weight = skin[v * joints + joint];
      sums[joint] += weight;
      if (weight) many++;
    }
    influences = Math.max(influences, many);
  }
  const skinJoints = new Uint16Array(influences * vertices);
  const skinWeights = new Float32Array(influences * vertices);
  for (let v = 0; v < vertices; v++) {
    let to = influences * v;
    for (let joint = 0; joint < joints; joint++) {
      const weight = skin[v * joints + joint];
      if (!weight) continue;
      skinJoints[to] = joint;
      skinWeights[to++] = weight / RIG_WHOLE;
    }
  }
  return { influences, skinJoints, skinWeights, headJoint: sums.indexOf(Math.max(...sums)) };
}

/** Some shapes, without the vertices that they do not move. */
export function shapesEdit({ numbers, step, moves }: RigShapes, { header, followers }: RigMesh): RigShapesEdit {
  const count = numbers.length;
  const joints = followers ? header.joints.length : 0;
  const starts = new Uint32Array(count + 1);
  const moved = (at: number) => moves[at] !== 0 || moves[at + 1] !== 0 || moves[at + 2] !== 0;
  for (let at = 0; at < moves.length; at += 3) if (moved(at)) starts[((at / 3) % count) + 1]++;
  for (let i = 0; i < count; i++) starts[i + 1] += starts[i];
  const vertices = new Uint32Array(starts[count]);
  const values = new Float32Array(3 * starts[count]);
  const jointMoves = new Float64Array(3 * joints * count);
  const next = starts.slice(0, count);
  for (let at = 0; at < moves.length; at += 3) {
    if (!moved(at)) continue;
    const i = (at / 3) % count;
    const vertex = Math.floor(at / 3 / count);
    const to = next[i]++;
    vertices[to] = vertex;
    for (let axis = 0; axis < 3; axis++) values[3 * to + axis] = moves[at + axis] * step;
    for (let joint = 0; joint < joints; joint++) {
      const weight = followers![vertex * joints + joint] / RIG_REGRESSOR_PARTS;
      if (weight === 0) continue;
      const first = 3 * (i * joints + joint);
      for (let axis = 0; axis < 3; axis++) jointMoves[first + axis] += weight * values[3 * to + axis];
    }
  }
  return {
    type: "shapes",
    count,
    numbers: numbers.slice(),
    starts,
    vertices,
    moves: values,
    jointMoves: Float32Array.from(jointMoves),
  };
}
