/** Avatars: a scene's splats, each in the frame of a face that follows the rig. */

import { packThrees } from "../avatar/frame_shader";
import type { Names } from "../avatar/names";
import { AvatarPose } from "../avatar/pose";
import type { Edit, FacesEdit, Harmonics3D } from "../decode/types";
import type { Camera } from "./camera";
import type { Background } from "./colour";
import type { GL } from "./gl";
import type { Renderer } from "./renderer";
import { type SceneOptions, SceneRenderer } from "./scene_renderer";
import { Table } from "./table";

/** Numbers by names of ARKit, of shapes, and turns of the head in degrees. */
export type Weights = Readonly<Record<string, number>>;

export class AvatarRenderer implements Renderer<Camera> {
  private readonly avatar = new AvatarPose();
  private readonly splats: SceneRenderer;
  private readonly corners: Table;
  private readonly vertices: Table;
  private weights: Weights = {};
  private words = new Uint32Array(0); // of the vertices, kept from pose to pose
  private stale = false; // the pose on the card is not the one that is wanted

  /** Throws GraphicsError. */
  constructor(gl: GL, options: SceneOptions) {
    this.corners = new Table(gl, 1, 4, 0);
    this.vertices = new Table(gl, 1, 4, 0);
    this.splats = new SceneRenderer(gl, { antialiased: false }, options, { corners: this.corners, vertices: this.vertices });
  }

  get shown(): number {
    return this.splats.shown;
  }

  /** What it can be told; null before its mesh. */
  get names(): Names | null {
    return this.avatar.names;
  }

  pose(weights: Weights): void {
    this.weights = weights;
    this.stale = true;
  }

  apply(edits: readonly Edit[], now: number): void {
    this.avatar.apply(edits);
    for (const edit of edits) {
      if (edit.type === "faces") this.addFaces(edit, now);
      else if (edit.type === "patches" && edit.count) {
        const first = edit.rows.reduce((least, row) => Math.min(least, row), Infinity);
        const last = edit.rows.reduce((most, row) => Math.max(most, row), 0);
        this.splats.change(this.avatar.rows(first, last + 1 - first), now);
      }
    }
    this.stale ||= edits.length > 0;
  }

  draw(camera: Camera, background: Background, now: number): boolean {
    this.refresh();
    return this.splats.draw(camera, background, now);
  }

  settle(camera: Camera, now: number): Promise<void> {
    this.refresh();
    return this.splats.settle(camera, now);
  }

  delete(): void {
    this.corners.delete();
    this.vertices.delete();
    this.splats.delete();
  }

  private addFaces(edit: FacesEdit, now: number): void {
    const { first, count, corners, offset, sh } = edit;
    if (count === 0) return;
    const words = new Uint32Array(4 * count);
    packThrees(corners, 0, count, words);
    this.corners.put(first, count, words);
    // Centres in the world are there as soon as it is posed.
    const added: Edit[] = [{ ...edit, type: "rows3d", mean: offset, nodes: false }];
    const each = sh.length / count;
    for (let degree = 1; 3 * (degree * degree - 1) < each; degree++) added.push(harmonics(edit, degree, each));
    this.splats.apply(added, now);
  }

  /** Poses it anew if it has to be. */
  private refresh(): void {
    if (!this.stale) return;
    this.stale = false;
    const { avatar } = this;
    avatar.poseCenters({ weights: this.weights });
    const count = avatar.vertexCount;
    if (this.words.length < 4 * count) this.words = new Uint32Array(4 * count);
    packThrees(avatar.vertices, 0, count, this.words);
    this.vertices.put(0, count, this.words);
    this.splats.move(avatar.mean.slice(0, 3 * avatar.count));
  }
}

/** Those of one degree, from rows of `each` numbers. */
function harmonics({ first, count, sh }: FacesEdit, degree: number, each: number): Harmonics3D {
  const [from, to] = [3 * (degree * degree - 1), 3 * degree * (degree + 2)];
  const values = new Float32Array(count * (to - from));
  for (let i = 0; i < count; i++) values.set(sh.subarray(i * each + from, i * each + to), i * (to - from));
  return { type: "sh", first, count, degree, values };
}
