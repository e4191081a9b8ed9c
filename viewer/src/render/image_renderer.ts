/** Images: splats are summed up in a floating point texture, which is shown clipped to 0..1. */

import { discard } from "../decode/scratch";
import type { Append2D, Edit, ImageLayout } from "../decode/types";
import type { Background } from "./colour";
import { blendable, COVER, drawOne, type GL, GraphicsError, Program, Quads } from "./gl";
import { half2 } from "./half";
import { SHOW_FRAGMENT, SPLAT_FRAGMENT, SPLAT_VERTEX } from "./image_shaders";
import type { ImageView } from "./image_view";
import { FADE, type Renderer } from "./renderer";
import { Table } from "./table";
import { Target } from "./target";

const TEXELS = 2; // of a splat: xy, l11, l21 | l22, colour as halves, unused

/** Splats that came together. */
interface Segment {
  first: number;
  end: number;
  start: number; // when they began to fade in
}

export class ImageRenderer implements Renderer<ImageView> {
  private readonly splats: Table;
  private readonly quads: Quads;
  private readonly add: Program;
  private readonly show: Program;
  private readonly settled: Target;
  private readonly fading: Target;
  private segments: Segment[] = []; // that still fade in
  private ready = 0; // splats before these are at full strength
  private drawn = 0; // of them are in `settled`, for the view `seen`
  private seen: ImageView | null = null;

  /** splats: how many are expected. fade: milliseconds, 0 for none. Throws GraphicsError. */
  constructor(
    private readonly gl: GL,
    private readonly layout: ImageLayout,
    splats: number,
    private readonly fade = FADE,
  ) {
    const format = blendable(gl, true);
    if (format === null) throw new GraphicsError("this graphics card cannot add up floating point numbers");
    this.splats = new Table(gl, TEXELS, 4, splats);
    this.quads = new Quads(gl);
    this.add = new Program(gl, SPLAT_VERTEX, SPLAT_FRAGMENT);
    this.show = new Program(gl, COVER, SHOW_FRAGMENT);
    this.settled = new Target(gl, format);
    this.fading = new Target(gl, format);
  }

  apply(edits: readonly Edit[], now: number): void {
    for (const edit of edits) {
      if (edit.type !== "append2d" || edit.count === 0) continue;
      const words = this.packed(edit);
      this.splats.put(edit.first, edit.count, words);
      for (const array of [edit.xy, edit.chol, edit.color, words]) discard(array);
      this.segments.push({ first: edit.first, end: edit.first + edit.count, start: edit.first ? now : -Infinity }); // the first are there at once
    }
  }

  draw(view: ImageView, background: Background, now: number): boolean {
    const { gl, segments } = this;
    const [width, height] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
    while (segments.length && now - segments[0].start >= this.fade) this.ready = segments.shift()!.end;

    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE);
    const { seen } = this;
    const moved = !seen || seen.scale !== view.scale || seen.left !== view.left || seen.top !== view.top;
    if (this.settled.begin(width, height) || moved) {
      this.settled.clear();
      this.seen = { ...view };
      this.drawn = 0;
    }
    this.sum([{ first: this.drawn, end: this.ready, weight: 1 }], view);
    this.drawn = this.ready;
    if (segments.length) {
      this.fading.begin(width, height);
      this.fading.clear();
      this.sum(segments.map((segment) => ({ ...segment, weight: Math.max(0, now - segment.start) / this.fade })), view);
    }
    gl.disable(gl.BLEND);
    this.present(view, background, segments.length > 0);
    return segments.length > 0;
  }

  settle(): Promise<void> {
    for (const { end } of this.segments.splice(0)) this.ready = end;
    return Promise.resolve();
  }

  delete(): void {
    for (const part of [this.splats, this.quads, this.add, this.show, this.settled, this.fading]) part.delete();
  }

  /** Adds splats to the target that was begun. */
  private sum(parts: readonly { first: number; end: number; weight: number }[], view: ImageView): void {
    const { gl, add } = this;
    add.use();
    add.texture("splats", 0, this.splats.texture);
    gl.uniform2f(add.at("size"), gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.uniform2f(add.at("shift"), view.left, view.top);
    gl.uniform1f(add.at("scale"), view.scale);
    for (const { first, end, weight } of parts) {
      if (first === end) continue;
      gl.uniform1i(add.at("first"), first);
      gl.uniform1i(add.at("end"), end);
      gl.uniform1f(add.at("weight"), weight);
      this.quads.draw(end - first);
    }
  }

  private present(view: ImageView, background: Background, fades: boolean): void {
    const { gl, show, layout, settled, fading } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    show.use();
    show.texture("settled", 0, settled.textures[0]);
    show.texture("fading", 1, fades ? fading.textures[0] : settled.textures[0]);
    const [right, bottom] = [view.left + view.scale * layout.width, view.top + view.scale * layout.height];
    gl.uniform4f(show.at("rectangle"), view.left, view.top, right, bottom);
    const [r, g, b] = background ?? [0, 0, 0];
    gl.uniform4f(show.at("background"), r, g, b, background ? 1 : 0);
    gl.uniform1i(show.at("channels"), layout.channels);
    gl.uniform1i(show.at("fades"), fades ? 1 : 0);
    drawOne(gl);
  }

  private packed({ count, xy, chol, color }: Append2D): Uint32Array {
    const { channels } = this.layout;
    const { stride } = this.splats;
    const words = new Uint32Array(count * stride);
    const numbers = new Float32Array(words.buffer);
    const part = (i: number, k: number) => (k < channels ? color[channels * i + k] : 0);
    for (let i = 0, at = 0; i < count; i++, at += stride) {
      numbers.set(xy.subarray(2 * i, 2 * i + 2), at);
      numbers.set(chol.subarray(3 * i, 3 * i + 3), at + 2);
      words[at + 5] = half2(part(i, 0), part(i, 1));
      words[at + 6] = half2(part(i, 2), part(i, 3));
    }
    return words;
  }
}
