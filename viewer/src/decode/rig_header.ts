/** What the chunks of a rig say before their coded streams. */

import { chunkError, limitError } from "./errors";
import type { RigReader } from "./rig_reader";
import {
  ARKIT_NAMES,
  RIG_FLAGS,
  RIG_MAX_AT_ONCE,
  RIG_MAX_FACES,
  RIG_MAX_JOINTS,
  RIG_MAX_MOVES,
  RIG_MAX_SHAPES,
  RIG_MAX_VERTICES,
  RIG_MAX_WEIGHTS,
} from "./tables";
import type { ArkitResponse, Vector3 } from "./types";

export interface MeshHeader {
  /** Whether the rig is named only. */
  byReference: boolean;
  /** Whether joints move with the shapes. */
  regressor: boolean;
  /** Shapes that follow the turns of joints. */
  correctives: number;
  vertices: number;
  faces: number;
  shapes: string[];
  joints: string[];
  /** Of the mesh, and the step of its vertices. */
  middle: Vector3;
  step: number;
  /** Where the joints lie. */
  places: Vector3[];
  /** How many distances to the newest vertex and to the corner before there are, see rig_faces.ts. */
  far: [number, number];
  /** Of a rig by reference. */
  name: string;
  fingerprint: Uint8Array;
  /** Not of a rig by reference: of the joints but the first; the joint that has what the others leave of a vertex. */
  parents: number[];
  rest: number;
  arkit: ArkitResponse[];
}

/** The header at the beginning of a MESH; ChunkError, LimitError. */
export function readMeshHeader(reader: RigReader): MeshHeader {
  const [flags, vertices, faces] = [reader.u8(), reader.u32(), reader.u32()];
  const [shapeCount, jointCount] = [reader.u16(), reader.u16()];
  const byReference = (flags & RIG_FLAGS.reference) !== 0;
  if (flags > 7 || (byReference && flags !== RIG_FLAGS.reference)) throw chunkError(`the rig has flags ${flags}`);
  const correctives = flags & RIG_FLAGS.correctives ? 9 * (jointCount - 1) : 0;
  checkSizes(vertices, faces, shapeCount + correctives, jointCount);
  const [middle, step] = [reader.place(), reader.step()];
  const [name, fingerprint] = byReference ? [reader.text(), reader.bytes(32)] : ["", new Uint8Array(0)];
  const [shapes, joints] = [reader.texts(shapeCount), reader.texts(jointCount)];
  const places = joints.map(() => reader.place());
  const parents: number[] = [];
  let rest = 0;
  const arkit: ArkitResponse[] = ARKIT_NAMES.map((response) => ({ name: response, shapes: [], turns: [] }));
  if (!byReference) {
    for (let joint = 1; joint < jointCount; joint++) parents.push(reader.u16());
    rest = reader.u16();
    if (rest >= jointCount) throw chunkError(`joint ${rest} of ${jointCount} takes what others leave`);
    readResponses(reader, arkit, shapeCount, jointCount);
  }
  const far: [number, number] = [reader.u32(), reader.u32()];
  if (far[0] + far[1] > 3 * faces) throw chunkError(`the rig has too many distances for the corners of ${faces} faces`);
  const regressor = (flags & RIG_FLAGS.regressor) !== 0;
  return {
    byReference,
    regressor,
    correctives,
    vertices,
    faces,
    shapes,
    joints,
    middle,
    step,
    places,
    far,
    name,
    fingerprint,
    parents,
    rest,
    arkit,
  };
}

/** The header at the beginning of a SHAP of a rig with so many vertices and shapes; ChunkError, LimitError. */
export function readShapesHeader(
  reader: RigReader,
  vertices: number,
  shapes: number,
): { step: number; numbers: Uint16Array } {
  const count = reader.u16();
  const step = reader.step();
  if (count * vertices > RIG_MAX_AT_ONCE) throw limitError(`${count} shapes of ${vertices} vertices at once`);
  const numbers = Uint16Array.from({ length: count }, () => reader.u16());
  if (!count || new Set(numbers).size < count || numbers.some((number) => number >= shapes)) {
    throw chunkError(`no, doubled or unknown numbers of ${shapes} shapes`);
  }
  return { step, numbers };
}

/** Refuses a rig that would fill the memory, or has no mesh or joint; shapes: with correctives. */
function checkSizes(vertices: number, faces: number, shapes: number, joints: number): void {
  for (const [count, most, what] of [
    [vertices, RIG_MAX_VERTICES, "vertices"],
    [faces, RIG_MAX_FACES, "faces"],
    [shapes, RIG_MAX_SHAPES, "shapes"],
    [joints, RIG_MAX_JOINTS, "joints"],
    [shapes * vertices, RIG_MAX_MOVES, "moves of vertices"],
    [joints * vertices, RIG_MAX_WEIGHTS, "weights of vertices"],
  ] as const) {
    if (count > most) throw limitError(`a rig of ${count} ${what}; the cap is ${most}`);
  }
  if (!vertices || !faces || !joints) {
    throw chunkError(`a rig of ${vertices} vertices, ${faces} faces and ${joints} joints`);
  }
}

/** What names of ARKit do, into the list of all of them. */
function readResponses(reader: RigReader, arkit: ArkitResponse[], shapes: number, joints: number): void {
  for (let left = reader.u8(); left > 0; left--) {
    const number = reader.u8();
    const [moved, turned] = [reader.u8(), reader.u8()];
    const weights = Array.from({ length: moved }, () => ({ shape: reader.u16(), weight: reader.float() }));
    const turns = Array.from({ length: turned }, () => ({ joint: reader.u16(), turn: reader.place() }));
    if (
      number >= arkit.length ||
      weights.some(({ shape }) => shape >= shapes) ||
      turns.some(({ joint }) => joint >= joints)
    ) {
      throw chunkError("a name of ARKit, or what it moves, does not exist");
    }
    arkit[number] = { name: arkit[number].name, shapes: weights, turns };
  }
}
