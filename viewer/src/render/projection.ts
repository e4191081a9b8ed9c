/** All rows of a scene as a camera sees them: made once a picture, read four times for every splat. */

import { FRAME_SHADER } from "../avatar/frame_shader";
import { type Camera, positionOf } from "./camera";
import { COVER, drawOne, type GL, Program } from "./gl";
import { NO_FRAMES, PROJECT_FRAGMENT, VIEW_MARGIN } from "./scene_shaders";
import { LINE, type Table } from "./table";
import { Target } from "./target";

export interface Tables {
  shapes: Table;
  lives: Table;
  /** Which harmonics came last, and when, in seconds. */
  arrivals: Table;
  /** Of degree 1, 2 and 3, where there are any. */
  harmonics: readonly (Table | null)[];
}

/** The faces in whose frames rows lie. */
export interface FaceTables {
  /** Numbers of vertices for each row. */
  corners: Table;
  /** In the world. */
  vertices: Table;
}

export interface Moment {
  /** World units; splats nearer to the camera's plane are absent. */
  near: number;
  /** Seconds, as in the table of lives. */
  now: number;
  /** Seconds that splats take to fade in; 0 for none. */
  fade: number;
  antialiased: boolean;
}

export class Projection {
  private readonly program: Program;
  private readonly target: Target;

  /** bound: whether rows lie in the frames of faces. */
  constructor(
    private readonly gl: GL,
    bound: boolean,
  ) {
    this.program = new Program(gl, COVER, (bound ? FRAME_SHADER : NO_FRAMES) + PROJECT_FRAGMENT);
    this.target = new Target(gl, gl.RGBA32UI, 2); // integers can be drawn into everywhere, floats cannot
  }

  /** Where the splats lie, a texel for each row. */
  get extents(): WebGLTexture {
    return this.target.textures[0];
  }

  /** How they look. */
  get looks(): WebGLTexture {
    return this.target.textures[1];
  }

  /** Projects `rows` rows, for which all tables have room. */
  update(tables: Tables, rows: number, camera: Camera, moment: Moment, faces: FaceTables | null): void {
    const { shapes, lives, arrivals, harmonics } = tables;
    const { gl, program, target } = this;
    const { width, height, fx, fy, cx, cy, rotation, translation } = camera;
    target.begin(LINE, shapes.lines);
    gl.viewport(0, 0, LINE, Math.ceil(rows / LINE));
    program.use();
    program.texture("shapes", 0, shapes.texture);
    program.texture("lives", 1, lives.texture);
    program.texture("arrivals", 2, arrivals.texture);
    for (const [k, name] of ["first", "second", "third"].entries()) {
      program.texture(name, k + 3, (harmonics[k] ?? shapes).texture);
    }
    if (faces) {
      program.texture("corners", 6, faces.corners.texture);
      program.texture("vertices", 7, faces.vertices.texture);
    }
    gl.uniform1i(program.at("rows"), rows);
    gl.uniform1i(program.at("degree"), harmonics[2] ? 3 : harmonics[1] ? 2 : harmonics[0] ? 1 : 0);
    gl.uniformMatrix3fv(program.at("rotation"), true, rotation.flat());
    gl.uniform3fv(program.at("translation"), translation);
    gl.uniform3fv(program.at("eye"), positionOf(camera));
    gl.uniform4f(program.at("lens"), fx, fy, cx, cy);
    const [marginX, marginY] = [(VIEW_MARGIN * width) / 2, (VIEW_MARGIN * height) / 2];
    const greatest = [(width - cx + marginX) / fx, (height - cy + marginY) / fy] as const;
    gl.uniform4f(program.at("limits"), -(cx + marginX) / fx, -(cy + marginY) / fy, ...greatest);
    gl.uniform2f(program.at("size"), width, height);
    gl.uniform1f(program.at("near"), moment.near);
    gl.uniform1f(program.at("now"), moment.now);
    gl.uniform1f(program.at("pace"), moment.fade ? 1 / moment.fade : 1e9);
    gl.uniform1i(program.at("antialiased"), moment.antialiased ? 1 : 0);
    drawOne(gl);
  }

  delete(): void {
    this.program.delete();
    this.target.delete();
  }
}
