/** An avatar that is posed: edits in, the vertices of its mesh and the centres of its splats in the world out. */

import { Growing } from "../decode/avatar_growing";
import type { Edit, FacesEdit, PatchesEdit, PointsEdit, Rows3D } from "../decode/types";
import { FRAME_NUMBERS, frameOf } from "./frames";
import type { Expression, Names } from "./names";
import { Rig } from "./rig";

/**
 * Takes the edits of an avatar and poses what has come. Arrays are valid until the next `apply`; those that are
 * posed have the same place from pose to pose, and posing allocates no others.
 */
export class AvatarPose {
  /** Splats that will come, 0 if nobody knows. */
  expected = 0;
  /** Splats that have come; rows of the arrays below beyond are of no meaning. */
  count = 0;
  private rig: Rig | null = null;
  private points = 0;
  private readonly posed = floats(); // vertices
  private readonly pointCorners = wholes();
  private readonly pointWeights = floats();
  private readonly faceCorners = wholes();
  private readonly offsets = floats();
  private readonly rotations = floats();
  private readonly scales = floats();
  private readonly opacities = floats();
  private readonly constants = floats();
  private readonly means = floats();
  protected readonly frame = new Float64Array(FRAME_NUMBERS);

  apply(edits: readonly Edit[]): void {
    for (const edit of edits) {
      if (edit.type === "mesh") {
        this.rig = new Rig(edit);
        put(this.posed, edit.vertices);
      } else if (edit.type === "shapes") this.rig?.add(edit);
      else if (edit.type === "points") this.addPoints(edit);
      else if (edit.type === "faces") this.addFaces(edit);
      else if (edit.type === "patches") this.patch(edit);
    }
  }

  /** What the avatar can be told; null before its mesh. */
  get names(): Names | null {
    return this.rig?.names ?? null;
  }

  /** [V + S, 3] the mesh and the points inside its faces, as they were posed last. */
  get vertices(): Float32Array {
    return this.posed.values;
  }

  /** Of the mesh and of the points. */
  get vertexCount(): number {
    return this.rig ? this.rig.count + this.points : 0;
  }

  /** [count, 3] numbers of vertices. */
  get corners(): Uint32Array {
    return this.faceCorners.values;
  }

  /** [count, 3] centres in the world, as they were posed last. */
  get mean(): Float32Array {
    return this.means.values;
  }

  /** Rows that have come, in the frames of their faces; valid until the next `apply`. */
  rows(first: number, count: number): Rows3D {
    const part = ({ values }: Growing<Float32Array>, width: number) => values.subarray(width * first, width * (first + count));
    const [mean, rotation, scale] = [part(this.offsets, 3), part(this.rotations, 4), part(this.scales, 3)];
    const [opacity, sh0] = [part(this.opacities, 1), part(this.constants, 3)];
    return { type: "rows3d", first, count, mean, rotation, scale, opacity, sh0, level: 0, nodes: false };
  }

  /** Poses the vertices alone: the rest is a renderer's that places splats itself. */
  poseVertices(expression: Expression): void {
    if (!this.rig) return;
    const vertices = this.vertices;
    this.rig.pose(expression, vertices);
    const corners = this.pointCorners.values;
    const weights = this.pointWeights.values;
    // The corners of a point are vertices before it.
    for (let at = 0, to = 3 * this.rig.count; at < 3 * this.points; at += 3, to += 3) {
      const [i, j, k] = [3 * corners[at], 3 * corners[at + 1], 3 * corners[at + 2]];
      const [a, b, c] = [weights[at], weights[at + 1], weights[at + 2]];
      for (let axis = 0; axis < 3; axis++) {
        vertices[to + axis] = a * vertices[i + axis] + b * vertices[j + axis] + c * vertices[k + axis];
      }
    }
  }

  /** Poses the vertices and, of the splats, the centres: what sorting needs. */
  poseCenters(expression: Expression): void {
    this.poseVertices(expression);
    for (let row = 0; row < this.count; row++) this.place(row);
  }

  /** The frame of a row's face, and its centre in the world. */
  protected place(row: number): void {
    const { frame } = this;
    const corners = this.faceCorners.values;
    const offset = this.offsets.values;
    const mean = this.means.values;
    const at = 3 * row;
    frameOf(this.vertices, corners[at], corners[at + 1], corners[at + 2], frame);
    const x = frame[12] * offset[at];
    const y = frame[12] * offset[at + 1];
    const z = frame[12] * offset[at + 2];
    mean[at] = frame[0] * x + frame[3] * y + frame[6] * z + frame[9];
    mean[at + 1] = frame[1] * x + frame[4] * y + frame[7] * z + frame[10];
    mean[at + 2] = frame[2] * x + frame[5] * y + frame[8] * z + frame[11];
  }

  private addPoints({ count, corners, weights }: PointsEdit): void {
    this.points += count;
    put(this.pointCorners, corners);
    put(this.pointWeights, weights);
    this.posed.add(3 * count);
  }

  protected addFaces(edit: FacesEdit): void {
    const { expected } = this;
    this.count += edit.count;
    put(this.faceCorners, edit.corners, 3 * expected);
    put(this.offsets, edit.offset, 3 * expected);
    put(this.rotations, edit.rotation, 4 * expected);
    put(this.scales, edit.scale, 3 * expected);
    put(this.opacities, edit.opacity, expected);
    put(this.constants, edit.sh0, 3 * expected);
    this.means.add(3 * edit.count, 3 * expected);
  }

  private patch({ rows, scale, opacity, sh0 }: PatchesEdit): void {
    rows.forEach((row, i) => {
      this.scales.values.set(scale.subarray(3 * i, 3 * i + 3), 3 * row);
      this.opacities.values[row] = opacity[i];
      this.constants.values.set(sh0.subarray(3 * i, 3 * i + 3), 3 * row);
    });
  }
}

export function floats(): Growing<Float32Array> {
  return new Growing((length) => new Float32Array(length));
}

function wholes(): Growing<Uint32Array> {
  return new Growing((length) => new Uint32Array(length));
}

function put<T extends Float32Array | Uint32Array>(rows: Growing<T>, more: T, expected?: number): void {
  const at = rows.add(more.length, expected);
  rows.values.set(more, at);
}
