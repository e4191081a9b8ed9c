/** Scenes: 3D splats projected and blended back to front. */

import { discard } from "../decode/scratch";
import type { Edit, Harmonics3D, Rows3D, SceneLayout } from "../decode/types";
import type { Camera } from "./camera";
import type { Background } from "./colour";
import { type FaceTables, Projection } from "./projection";
import { blendable, COVER, drawOne, drawTriangles, type GL, Program } from "./gl";
import { Lives } from "./lives";
import { FADE, type Renderer } from "./renderer";
import { HARMONIC_TEXELS, packArrivals, packHarmonics, packShapes, SHAPE_TEXELS } from "./scene_pack";
import { SHOW_FRAGMENT, SPLAT_FRAGMENT, SPLAT_VERTEX } from "./scene_shaders";
import type { DepthView } from "./sort_types";
import { Sorter } from "./sorter";
import { Table } from "./table";
import { Target } from "./target";

/** World units; splats whose centres are nearer to the camera's plane are absent (NEAR in kernels/splats3d.py). */
const NEAR = 0.01;

const REST = 150; // milliseconds without a movement after which the picture is drawn finely

export interface SceneOptions {
  /** Milliseconds in which a chunk fades in, 0 for none. */
  fade?: number;
  /** Rows that are expected. */
  splats: number;
  /** Called when the next picture will be another one. */
  sorted: () => void;
}

export class SceneRenderer implements Renderer<Camera> {
  /** Splats that the last picture was made of. */
  shown = 0;
  private readonly program: Program;
  private readonly show: Program;
  private readonly target: Target | null;
  private readonly shapes: Table;
  private readonly states: Table;
  private readonly arrivals: Table;
  private readonly order: Table;
  private readonly harmonics: (Table | null)[] = [null, null, null]; // of degree 1, 2, 3
  private readonly projection: Projection;
  private readonly sorter: Sorter;
  private readonly lives: Lives;
  private readonly fade: number;
  private rows = 0;
  private ordered = 0;
  private seen = ""; // the last camera
  private moved = false; // whether splats have, since the last picture
  private fine = true; // whether nothing has moved for a while
  private rest: ReturnType<typeof setTimeout> | undefined; // until then
  private fresh = 0; // when the last harmonics will have faded in
  private began: number | null = null; // milliseconds; times on the card count from here

  /** faces: where those are in whose frames the splats lie, if they do. Throws GraphicsError. */
  constructor(
    private readonly gl: GL,
    private readonly layout: Pick<SceneLayout, "antialiased">,
    private readonly options: SceneOptions,
    private readonly faces: FaceTables | null = null,
  ) {
    this.fade = (options.fade ?? FADE) / 1000;
    this.lives = new Lives(this.fade, options.splats);
    const format = blendable(gl, false);
    this.target = format === null ? null : new Target(gl, format);
    this.program = new Program(gl, SPLAT_VERTEX, SPLAT_FRAGMENT);
    this.show = new Program(gl, COVER, SHOW_FRAGMENT);
    const { splats } = options;
    this.shapes = new Table(gl, SHAPE_TEXELS, 4, splats);
    this.states = new Table(gl, 1, 2, splats);
    this.arrivals = new Table(gl, 1, 2, splats);
    this.order = new Table(gl, 1, 1, splats);
    this.projection = new Projection(gl, faces !== null);
    this.sorter = new Sorter(NEAR, (order, late) => {
      this.order.put(0, order.length, order);
      this.ordered = order.length;
      if (late) options.sorted();
    }, splats);
  }

  apply(edits: readonly Edit[], now: number): void {
    const time = this.seconds(now);
    for (const edit of edits) {
      if (edit.type === "rows3d") this.addRows(edit, time);
      else if (edit.type === "sh") this.addHarmonics(edit, time);
      else if (edit.type === "opacity3d") this.putStates(edit.first, edit.count, edit.opacity, time);
      else if (edit.type === "retire3d") this.putStates(edit.first, edit.count, null, time);
    }
  }

  /** Other shapes and colours of rows that are there; opacities are edits, and centres stay for those who sort. */
  reshape(rows: Rows3D): void {
    this.shapes.put(rows.first, rows.count, packShapes(rows));
  }

  /** Centres [rows, 3] to sort by, which are handed over; for splats in the frames of faces. */
  move(means: Float32Array): void {
    this.moved = true;
    this.sorter.put(0, means);
  }

  draw(camera: Camera, background: Background, now: number): boolean {
    const { gl } = this;
    const time = this.seconds(now);
    for (const { first, count } of this.lives.gone(time)) this.sorter.drop(first, count);
    this.sorter.order(depthView(camera));
    if (this.ordered) this.project(camera, time);

    const target = this.rests(camera) ? this.target : null;
    if (target) {
      target.begin(camera.width, camera.height);
      target.clear();
    } else {
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
      gl.viewport(0, 0, camera.width, camera.height);
      const [r, g, b] = background ?? [0, 0, 0];
      gl.clearColor(r, g, b, background ? 1 : 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
    }
    if (this.ordered) this.drawSplats(camera, !target);
    if (target) this.present(target, background);
    this.shown = this.ordered;
    return this.lives.moving(time) || this.fresh > time;
  }

  async settle(camera: Camera, now: number): Promise<void> {
    this.began = (this.began ?? now) - 1000 * this.fade; // the clock jumps to where all fading is over
    this.seen = JSON.stringify(camera);
    this.moved = false;
    this.fine = true;
    for (const { first, count } of this.lives.gone(this.seconds(now))) this.sorter.drop(first, count);
    this.sorter.order(depthView(camera));
    await this.sorter.settled();
  }

  delete(): void {
    clearTimeout(this.rest);
    this.sorter.delete();
    const tables = [this.shapes, this.states, this.arrivals, this.order, ...this.harmonics];
    for (const part of [this.program, this.show, this.projection, ...tables]) part?.delete();
    this.target?.delete();
  }

  /** Seconds since the first edit: small numbers, as floats need them. */
  private seconds(now: number): number {
    this.began ??= now;
    return (now - this.began) / 1000;
  }

  /**
   * Whether nothing moves. While something does, splats are blended in the 8 bits of the canvas, as other viewers always
   * do: it is a third faster, and the errors of rounding are seen at rest alone.
   */
  private rests(camera: Camera): boolean {
    const seen = JSON.stringify(camera);
    if (this.moved || (this.seen && seen !== this.seen)) {
      this.fine = false;
      clearTimeout(this.rest);
      this.rest = setTimeout(() => {
        this.fine = true;
        this.options.sorted();
      }, REST);
    }
    this.seen = seen;
    this.moved = false;
    return this.fine;
  }

  private addRows(edit: Rows3D, time: number): void {
    const { first, count } = edit;
    if (count === 0) return;
    const start = this.rows ? time : time - this.fade; // the first picture is there at once
    this.rows = Math.max(this.rows, first + count);
    this.shapes.put(first, count, packShapes(edit));
    for (const table of this.harmonics) {
      if (!table) continue;
      if (first < table.filled) table.put(first, count, new Uint32Array(count * table.stride));
      table.reserve(this.rows);
      this.arrivals.reserve(this.rows);
    }
    this.states.put(first, count, this.lives.appear(first, count, edit.opacity, start));
    this.sorter.put(first, edit.mean);
    for (const array of [edit.rotation, edit.scale, edit.opacity, edit.sh0]) discard(array);
  }

  private addHarmonics({ first, count, degree, values }: Harmonics3D, time: number): void {
    if (count === 0 || !(degree === 1 || degree === 2 || degree === 3)) return;
    const table = (this.harmonics[degree - 1] ??= new Table(this.gl, HARMONIC_TEXELS[degree], 4, this.options.splats));
    table.put(first, count, packHarmonics(values, count, degree));
    discard(values);
    table.reserve(this.rows);
    this.arrivals.put(first, count, packArrivals(count, degree, time));
    this.arrivals.reserve(this.rows);
    this.fresh = time + this.fade;
  }

  private putStates(first: number, count: number, opacity: Float32Array | null, time: number): void {
    if (count) this.states.put(first, count, this.lives.change(first, count, opacity, time));
  }

  private project(camera: Camera, now: number): void {
    const { antialiased } = this.layout;
    const moment = { near: NEAR, now, fade: this.fade, antialiased };
    const tables = { shapes: this.shapes, lives: this.states, arrivals: this.arrivals, harmonics: this.harmonics };
    this.projection.update(tables, this.rows, camera, moment, this.faces);
  }

  private drawSplats({ width, height }: Camera, flipped: boolean): void {
    const { gl, program } = this;
    program.use();
    program.texture("order", 0, this.order.texture);
    program.texture("extents", 1, this.projection.extents);
    program.texture("looks", 2, this.projection.looks);
    gl.uniform1i(program.at("count"), this.ordered);
    gl.uniform2f(program.at("size"), width, height);
    gl.uniform1i(program.at("flipped"), flipped ? 1 : 0);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    drawTriangles(gl, this.ordered);
    gl.disable(gl.BLEND);
  }

  private present(target: Target, background: Background): void {
    const { gl, show } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    show.use();
    show.texture("picture", 0, target.textures[0]);
    const [r, g, b] = background ?? [0, 0, 0];
    gl.uniform4f(show.at("background"), r, g, b, background ? 1 : 0);
    drawOne(gl);
  }
}

function depthView({ rotation, translation }: Camera): DepthView {
  return [...rotation[2], translation[2]];
}
