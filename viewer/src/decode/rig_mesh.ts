/** A rig from chunks: MESH with the neutral mesh and its joints, SHAPs with the shapes that move it. */

import { chunkError } from "./errors";
import { SymbolDecoder } from "./rans";
import { decodeColumns } from "./rig_columns";
import { decodeFaces } from "./rig_faces";
import { type MeshHeader, readMeshHeader, readShapesHeader } from "./rig_header";
import { type Ladder, ladderOf } from "./rig_ladder";
import { RigReader } from "./rig_reader";
import type { WideModel } from "./scene_columns";
import { RIG_FACE_MODELS, RIG_WHOLE } from "./tables";

/** What a MESH holds. */
export interface RigMesh {
  header: MeshHeader;
  /** [V, 3] of the neutral. */
  vertices: Float32Array;
  /** [F, 3] */
  faces: Uint32Array;
  ladder: Ladder;
  /** [V, J] parts of RIG_WHOLE by which joints move vertices; null for a rig by reference. */
  skin: Int32Array | null;
  /** [V, J] parts of RIG_REGRESSOR_PARTS by which joints follow vertices; null if they do not. */
  followers: Int32Array | null;
}

/** What a SHAP holds. */
export interface RigShapes {
  /** [n] of shapes, and behind these of correctives. */
  numbers: Uint16Array;
  step: number;
  /** [V, n, 3] moves in steps. */
  moves: Int32Array;
}

/** Decodes a MESH; ChunkError, LimitError. */
export function decodeMesh(payload: Uint8Array): RigMesh {
  const reader = new RigReader(payload);
  const header = readMeshHeader(reader);
  const joints = header.joints.length;
  const weighted = !header.byReference && joints > 1;
  const models = reader.models(RIG_FACE_MODELS + 4 + (weighted ? 2 : 0) + (header.regressor ? 2 : 0));
  const symbols = new SymbolDecoder(reader.rest());
  const faces = decodeFaces(symbols, models, header.vertices, header.faces, header.far);
  const ladder = ladderOf(header.vertices, faces);
  let at = RIG_FACE_MODELS;
  const columns = (count: number, parts: number): Int32Array => {
    const some: WideModel[] = models.slice(at, (at += 1 + parts));
    return decodeColumns(symbols, ladder, some, header.vertices, count);
  };
  const places = columns(1, 3);
  const others = weighted ? columns(joints - 1, 1) : null;
  const followers = header.regressor ? columns(joints, 1) : null;
  symbols.finish();
  const vertices = Float32Array.from(places, (value, i) => value * header.step + header.middle[i % 3]);
  if (header.byReference) return { header, vertices, faces, ladder, skin: null, followers };
  const skin = skinOf(others ?? new Int32Array(0), header);
  checkNames(header);
  return { header, vertices, faces, ladder, skin, followers };
}

/** Decodes a SHAP of a rig; ChunkError, LimitError. */
export function decodeShapes(payload: Uint8Array, { header, ladder }: RigMesh): RigShapes {
  const reader = new RigReader(payload);
  const known = header.byReference ? 0 : header.shapes.length + header.correctives;
  const { step, numbers } = readShapesHeader(reader, header.vertices, known);
  const models = reader.models(4);
  const symbols = new SymbolDecoder(reader.rest());
  const moves = decodeColumns(symbols, ladder, models, header.vertices, numbers.length);
  symbols.finish();
  return { numbers, step, moves };
}

/** Weights [V, J] from those of all joints but the one that has the rest. */
function skinOf(others: Int32Array, { vertices, joints, rest }: MeshHeader): Int32Array {
  const count = joints.length;
  const skin = new Int32Array(vertices * count);
  for (let v = 0, from = 0; v < vertices; v++) {
    let left: number = RIG_WHOLE;
    for (let joint = 0; joint < count; joint++) {
      if (joint === rest) continue;
      const weight = others[from++];
      if (weight < 0) throw chunkError("a vertex has weights below 0");
      skin[v * count + joint] = weight;
      left -= weight;
    }
    if (left < 0) throw chunkError("a vertex has weights of more than 1 together");
    skin[v * count + rest] = left;
  }
  return skin;
}

function checkNames({ shapes, joints, parents }: MeshHeader): void {
  if (new Set(shapes).size < shapes.length || new Set(joints).size < joints.length) {
    throw chunkError("shapes or joints of the rig have the same name");
  }
  if (parents.some((parent, i) => parent > i)) throw chunkError("a joint of the rig comes before its parent");
}
