/** A mesh that shapes and joints move: src/sfumato/rig/model.py without its checks. */

import type { RigMeshEdit, RigShapesEdit } from "../decode/types";
import { type Expression, Names } from "./names";
import { headMatrix, jointTransforms, turnMatrix } from "./rotations";

/** Which part of an edit's arrays a shape is. */
interface Shape {
  edit: RigShapesEdit;
  at: number;
}

export class Rig {
  readonly names: Names;
  /** Vertices of the mesh. */
  readonly count: number;
  private readonly shapes: (Shape | undefined)[];
  private readonly weights: Float64Array; // of shapes, then of correctives
  private readonly shaped: Float64Array; // [V, 3] before skinning
  private readonly turns: Float64Array; // [J, 3] axis times angle
  private readonly head = new Float64Array(3); // degrees
  private readonly fixed: Uint8Array; // [J] whether a rotation is given
  private readonly places: Float64Array; // [J, 3] of the joints of the shaped mesh
  private readonly matrices: Float64Array; // [J, 3, 3]
  private readonly change: Float64Array; // [J, 3, 4] what joints do, less 1
  private readonly moved: Uint8Array; // [J]

  constructor(private readonly mesh: RigMeshEdit) {
    const joints = mesh.joints.length;
    this.names = new Names(mesh);
    this.count = mesh.vertices.length / 3;
    this.shapes = Array.from({ length: mesh.shapes.length + mesh.correctives }, () => undefined);
    this.weights = new Float64Array(this.shapes.length);
    this.shaped = new Float64Array(mesh.vertices.length);
    this.turns = new Float64Array(3 * joints);
    this.fixed = new Uint8Array(joints);
    this.places = new Float64Array(3 * joints);
    this.matrices = new Float64Array(9 * joints);
    this.change = new Float64Array(12 * joints);
    this.moved = new Uint8Array(joints);
  }

  add(edit: RigShapesEdit): void {
    edit.numbers.forEach((number, at) => (this.shapes[number] = { edit, at }));
  }

  /** The vertices [V, 3] of the mesh in an expression, to the front of `out`. */
  pose(expression: Expression, out: Float32Array): void {
    this.read(expression);
    this.turnJoints();
    this.shape();
    const moving = this.moveJoints();
    const shift = expression.translation ?? NOWHERE;
    if (moving) this.skin(out, shift[0], shift[1], shift[2]);
    else for (let at = 0; at < this.shaped.length; at++) out[at] = this.shaped[at] + shift[at % 3];
  }

  /** Weights of shapes and turns of joints. */
  private read({ weights, rotations, shapesFirst }: Expression): void {
    this.weights.fill(0);
    this.turns.fill(0);
    this.head.fill(0);
    this.fixed.fill(0);
    for (const name in weights) {
      const weight = weights[name];
      const meaning = this.names.meaning(name, shapesFirst ?? false);
      if (meaning === null || weight === 0) continue;
      if (typeof meaning === "number") {
        if (meaning < 0) this.head[-1 - meaning] += weight;
        else this.weights[meaning] += weight;
        continue;
      }
      for (const part of meaning.shapes) this.weights[part.shape] += part.weight * weight;
      for (const { joint, turn } of meaning.turns) {
        for (let axis = 0; axis < 3; axis++) this.turns[3 * joint + axis] += turn[axis] * weight;
      }
    }
    for (const name in rotations) {
      const joint = this.names.joint(name);
      if (joint === undefined) continue;
      for (let axis = 0; axis < 3; axis++) this.turns[3 * joint + axis] = rotations[name][axis];
      this.fixed[joint] = 1;
    }
  }

  /** The joints' own turns, and the weights of correctives. */
  private turnJoints(): void {
    const { matrices, turns, head, mesh, weights } = this;
    for (let joint = 0; joint < mesh.joints.length; joint++) {
      turnMatrix(turns[3 * joint], turns[3 * joint + 1], turns[3 * joint + 2], matrices, 9 * joint);
    }
    if ((head[0] || head[1] || head[2]) && !this.fixed[mesh.headJoint]) {
      headMatrix(head[0], head[1], head[2], matrices, 9 * mesh.headJoint);
    }
    for (let k = 0; k < mesh.correctives; k++) {
      const own = k % 9;
      weights[mesh.shapes.length + k] = matrices[9 + k] - (own % 4 === 0 ? 1 : 0);
    }
  }

  /** The neutral with shapes, and where the joints are in it. */
  private shape(): void {
    const { mesh, shaped, places, weights } = this;
    shaped.set(mesh.vertices);
    places.set(mesh.places);
    for (let number = 0; number < weights.length; number++) {
      const weight = weights[number];
      const shape = this.shapes[number];
      if (weight === 0 || !shape) continue;
      const { starts, vertices, moves, jointMoves } = shape.edit;
      for (let from = starts[shape.at]; from < starts[shape.at + 1]; from++) {
        const to = 3 * vertices[from];
        shaped[to] += weight * moves[3 * from];
        shaped[to + 1] += weight * moves[3 * from + 1];
        shaped[to + 2] += weight * moves[3 * from + 2];
      }
      if (jointMoves.length === 0 || number >= mesh.shapes.length) continue;
      const first = shape.at * places.length;
      for (let k = 0; k < places.length; k++) places[k] += weight * jointMoves[first + k];
    }
  }

  /** What the joints do, less 1; whether any does something. */
  private moveJoints(): boolean {
    const { mesh, change, moved } = this;
    jointTransforms(mesh.parents, this.places, this.matrices, change);
    let moving = false;
    for (let joint = 0; joint < moved.length; joint++) {
      moved[joint] = 0;
      for (let at = 12 * joint, k = 0; k < 12; k++, at++) {
        if (k % 5 === 0) change[at] -= 1;
        if (change[at] !== 0) moved[joint] = 1;
      }
      moving ||= moved[joint] === 1;
    }
    return moving;
  }

  private skin(out: Float32Array, dx: number, dy: number, dz: number): void {
    const { shaped, change, moved, count } = this;
    const { influences, skinJoints, skinWeights } = this.mesh;
    for (let v = 0, at = 0, skin = 0; v < count; v++, at += 3) {
      const x = shaped[at];
      const y = shaped[at + 1];
      const z = shaped[at + 2];
      let sx = dx;
      let sy = dy;
      let sz = dz;
      for (let k = 0; k < influences; k++, skin++) {
        const joint = skinJoints[skin];
        const weight = skinWeights[skin];
        if (!moved[joint] || weight === 0) continue;
        const c = 12 * joint;
        sx += weight * (change[c] * x + change[c + 1] * y + change[c + 2] * z + change[c + 3]);
        sy += weight * (change[c + 4] * x + change[c + 5] * y + change[c + 6] * z + change[c + 7]);
        sz += weight * (change[c + 8] * x + change[c + 9] * y + change[c + 10] * z + change[c + 11]);
      }
      out[at] = x + sx;
      out[at + 1] = y + sy;
      out[at + 2] = z + sz;
    }
  }
}

const NOWHERE = [0, 0, 0] as const;
