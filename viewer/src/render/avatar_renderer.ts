/** Avatars: a scene's splats, each in the frame of a face that follows the rig. */

import { packThrees } from "../avatar/frame_shader";
import { AvatarPose } from "../avatar/pose";
import { discard } from "../decode/scratch";
import type { Edit, FacesEdit, Harmonics3D, PatchesEdit, Rows3D } from "../decode/types";
import type { Camera } from "./camera";
import type { Background } from "./colour";
import type { GL } from "./gl";
import { FADE, type Renderer } from "./renderer";
import { type SceneOptions, SceneRenderer } from "./scene_renderer";
import { LINE, Table } from "./table";

/** Numbers by names of ARKit, of shapes, and turns of the head in degrees. */
export type Weights = Readonly<Record<string, number>>;

/** Splats that change as fast as those come under which they lie. */
interface Change {
  edit: PatchesEdit;
  /** Before it. */
  scale: Float32Array;
  sh0: Float32Array;
  /** Milliseconds. */
  start: number;
}

export class AvatarRenderer implements Renderer<Camera> {
  private readonly avatar = new AvatarPose();
  private readonly splats: SceneRenderer;
  private readonly corners: Table;
  private readonly vertices: Table;
  private weights: Weights = {};
  private words = new Uint32Array(0); // of the vertices, kept from pose to pose
  private changes: Change[] = [];
  private stale = false; // the pose on the card is not the one that is wanted

  /** Throws GraphicsError. */
  constructor(
    gl: GL,
    private readonly options: SceneOptions,
  ) {
    this.avatar.expected = options.splats;
    this.corners = new Table(gl, 1, 4, options.splats);
    this.vertices = new Table(gl, 1, 4, 0);
    this.splats = new SceneRenderer(gl, { antialiased: false }, options, { corners: this.corners, vertices: this.vertices });
  }

  get shown(): number {
    return this.splats.shown;
  }

  pose(weights: Weights): void {
    this.weights = weights;
    this.stale = true;
  }

  apply(edits: readonly Edit[], now: number): void {
    for (const edit of edits) {
      if (edit.type === "patches" && edit.count) this.patch(edit, now);
      else this.avatar.apply([edit]);
      if (edit.type === "faces") this.addFaces(edit, now);
    }
    this.stale ||= edits.length > 0;
  }

  draw(camera: Camera, background: Background, now: number): boolean {
    this.refresh(now);
    return this.splats.draw(camera, background, now) || this.changes.length > 0;
  }

  settle(camera: Camera, now: number): Promise<void> {
    this.refresh(Infinity);
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
    for (const array of [corners, sh]) discard(array); // the others are gone
  }

  private patch(edit: PatchesEdit, now: number): void {
    const { scale, sh0 } = this.avatar.rows(0, this.avatar.count);
    const old = (values: Float32Array) =>
      Float32Array.from({ length: 3 * edit.count }, (_, k) => values[3 * edit.rows[Math.floor(k / 3)] + (k % 3)]);
    this.changes.push({ edit, scale: old(scale), sh0: old(sh0), start: now });
    this.avatar.apply([edit]);
    this.splats.apply(this.patched(edit).map((rows) => ({ ...rows, type: "opacity3d" })), now);
  }

  /** All rows of the table's lines in which some are patched. */
  private patched({ rows }: PatchesEdit): Rows3D[] {
    const { avatar } = this;
    const lines = new Set(rows.map((row) => row - (row % LINE)));
    return Array.from(lines, (first) => avatar.rows(first, Math.min(LINE, avatar.count - first)));
  }

  /** Lets patches go on, and poses it anew if it has to be. */
  private refresh(now: number): void {
    this.changes = this.changes.filter(({ edit, scale, sh0, start }) => {
      const time = (now - start) / (this.options.fade ?? FADE);
      const part = time < 1 ? Math.max(time, 0) : 1; // a frame may have begun before the patch came
      const mixed = (from: Float32Array, to: Float32Array) => from.map((value, k) => value + part * (to[k] - value));
      this.avatar.apply([{ ...edit, scale: mixed(scale, edit.scale), sh0: mixed(sh0, edit.sh0) }]);
      for (const rows of this.patched(edit)) this.splats.reshape(rows);
      return part < 1;
    });
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
