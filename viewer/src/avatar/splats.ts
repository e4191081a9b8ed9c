/** An avatar's splats in the world, as in src/sfumato/media/avatar: what the graphics card makes of rows, in full. */

import type { FacesEdit } from "../decode/types";
import { quaternionOf } from "./frames";
import type { Expression } from "./names";
import { AvatarPose, floats } from "./pose";

/** The reference of renderers. `pose` fills arrays as those of `Rows3D`; posing allocates no others. */
export class AvatarSplats extends AvatarPose {
  private readonly harmonics = floats();
  private readonly worldRotations = floats();
  private readonly worldScales = floats();

  /** [count, 4] and [count, 3], see `Rows3D`: what `pose` found, beside `mean`. */
  get rotation(): Float32Array {
    return this.worldRotations.values;
  }
  get scale(): Float32Array {
    return this.worldScales.values;
  }

  /** [count], [count, 3] and [count, harmonics, 3], the same in every pose. */
  get opacity(): Float32Array {
    return this.rows(0, this.count).opacity;
  }
  get sh0(): Float32Array {
    return this.rows(0, this.count).sh0;
  }
  get sh(): Float32Array {
    return this.harmonics.values;
  }

  /** Poses everything. */
  pose(expression: Expression): void {
    this.poseVertices(expression);
    const { frame } = this;
    const { rotation: local, scale: sizes } = this.rows(0, this.count);
    const turned = this.rotation;
    const scaled = this.scale;
    for (let row = 0; row < this.count; row++) {
      this.place(row);
      quaternionOf(frame);
      const [fw, fx, fy, fz] = [frame[13], frame[14], frame[15], frame[16]];
      const at = 4 * row;
      const [w, x, y, z] = [local[at], local[at + 1], local[at + 2], local[at + 3]];
      turned[at] = fw * w - fx * x - fy * y - fz * z;
      turned[at + 1] = fw * x + fx * w + fy * z - fz * y;
      turned[at + 2] = fw * y - fx * z + fy * w + fz * x;
      turned[at + 3] = fw * z + fx * y - fy * x + fz * w;
      for (let k = 3 * row; k < 3 * row + 3; k++) scaled[k] = frame[12] * sizes[k];
    }
  }

  protected override addFaces(edit: FacesEdit): void {
    super.addFaces(edit);
    const at = this.harmonics.add(edit.sh.length);
    this.harmonics.values.set(edit.sh, at);
    this.worldRotations.add(4 * edit.count);
    this.worldScales.add(3 * edit.count);
  }
}
