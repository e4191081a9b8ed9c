/** A renderer with the view that a person has of what it shows: one kind for each medium. */

import { HEAD_TURNS } from "../avatar/names";
import type { Edit, ImageLayout, Layout } from "../decode/types";
import { AvatarRenderer, type Weights } from "../render/avatar_renderer";
import { type Camera, fitted } from "../render/camera";
import type { Background } from "../render/colour";
import { type Bodies, frame, type Framing, LANDSCAPE, PORTRAIT, UP } from "../render/framing";
import { canBlend, context, GraphicsError } from "../render/gl";
import { ImagePainter } from "../render/image_painter";
import { ImageRenderer } from "../render/image_renderer";
import { fitImage, type ImageView, panImage, zoomImage } from "../render/image_view";
import { Orbit } from "../render/orbit";
import { FADE, type Renderer } from "../render/renderer";
import { SceneRenderer } from "../render/scene_renderer";
import type { Gestures } from "./gestures";

const HALF_TURN = Math.PI; // that a drag across the whole picture makes
const ENOUGH = 256; // splats to know by where a scene lies; a base level may have a single node

/** Shows one file on a canvas. Sizes and places are those of the canvas's drawing buffer unless said otherwise. */
export interface Stage extends Gestures {
  apply(edits: readonly Edit[], now: number): void;
  /** Whether the next picture would be another one without anybody doing anything. */
  draw(background: Background, now: number): boolean;
  /** Resolves when all that has come shows without fading. */
  settle(now: number): Promise<void>;
  /** Whether the last picture showed splats. */
  readonly visible: boolean;
  /** How a scene is looked at; null for images, and before anything has come. */
  camera: Camera | null;
  /** Of avatars: names that move something; none before the rig has come. */
  readonly answers?: readonly string[];
  /** Of avatars: takes a pose. */
  pose?(weights: Weights): void;
  delete(): void;
}

export interface StageOptions {
  /** Splats that are expected. */
  splats: number;
  /** Whether chunks fade in. */
  fades: boolean;
  /** Called when there is something to draw. */
  changed: () => void;
}

/** Throws GraphicsError if the browser cannot show it. */
export function stage(canvas: HTMLCanvasElement, layout: Layout, options: StageOptions): Stage {
  if (layout.medium === "image") return new ImageStage(canvas, layout, options);
  const gl = context(canvas);
  if (!gl) throw new GraphicsError("this browser has no WebGL2, which scenes and avatars need");
  const settings = { fade: options.fades ? FADE : 0, splats: options.splats, sorted: options.changed };
  if (layout.medium === "scene") return new SceneStage(canvas, options, new SceneRenderer(gl, layout, settings));
  return new AvatarStage(canvas, options, new AvatarRenderer(gl, settings));
}

class ImageStage implements Stage {
  readonly camera = null;
  visible = false;
  private readonly renderer: Renderer<ImageView>;
  private view: ImageView | null = null; // null: all of it, whatever the size of the canvas

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly layout: ImageLayout,
    private readonly options: StageOptions,
  ) {
    this.renderer = imageRenderer(canvas, layout, options);
  }

  apply(edits: readonly Edit[], now: number): void {
    this.renderer.apply(edits, now);
    this.visible ||= edits.length > 0;
  }

  draw(background: Background, now: number): boolean {
    return this.renderer.draw(this.current, background, now);
  }

  settle(now: number): Promise<void> {
    return this.renderer.settle(this.current, now);
  }

  drag(x: number, y: number): void {
    this.pan(x, y);
  }

  pan(x: number, y: number): void {
    const { width, height } = this.canvas;
    this.set(panImage(this.current, this.layout, this.canvas, x * width, y * height));
  }

  zoom(factor: number, x: number, y: number): void {
    const { width, height } = this.canvas;
    this.set(zoomImage(this.current, this.layout, this.canvas, factor, x * width, y * height));
  }

  fit(): void {
    this.set(null);
  }

  delete(): void {
    this.renderer.delete();
  }

  private get current(): ImageView {
    return this.view ?? fitImage(this.layout, this.canvas);
  }

  private set(view: ImageView | null): void {
    this.view = view;
    this.options.changed();
  }
}

/** With WebGL2 where it can add up splats, otherwise without. */
function imageRenderer(canvas: HTMLCanvasElement, layout: ImageLayout, { fades, splats }: StageOptions): Renderer<ImageView> {
  const fade = fades ? FADE : 0;
  const gl = canBlend() ? context(canvas) : null;
  return gl ? new ImageRenderer(gl, layout, splats, fade) : new ImagePainter(canvas, layout);
}

class SceneStage<R extends SceneRenderer | AvatarRenderer> implements Stage {
  private readonly orbit: Orbit;
  private framing: Framing | null = null;
  private framedBy = 0; // splats
  private chosen = false; // whether the view is somebody's choice

  constructor(
    private readonly canvas: HTMLCanvasElement,
    protected readonly options: StageOptions,
    protected readonly renderer: R,
    private readonly up = UP,
    private readonly lens = LANDSCAPE,
  ) {
    this.orbit = new Orbit(up);
  }

  get visible(): boolean {
    return this.renderer.shown > 0;
  }

  apply(edits: readonly Edit[], now: number): void {
    for (const edit of edits) {
      const bodies = this.bodies(edit);
      if (bodies && this.framedBy < ENOUGH && bodies.count > this.framedBy) this.frame(bodies);
    }
    this.renderer.apply(edits, now);
  }

  /** What an edit brings that is to be seen. */
  protected bodies(edit: Edit): Bodies | null {
    return edit.type === "rows3d" ? edit : null;
  }

  /** Finds out where to stand. Later splats do not move a camera that somebody has chosen. */
  private frame(bodies: Bodies): void {
    this.framing = frame(bodies, this.canvas.width / this.canvas.height, this.up, this.lens);
    this.framedBy = bodies.count;
    if (!this.chosen) this.orbit.frame(this.framing, this.canvas.width, this.canvas.height);
    else if (this.orbit.current) this.orbit.take(this.orbit.current, this.framing.center);
  }

  draw(background: Background, now: number): boolean {
    const { camera } = this;
    return camera !== null && this.renderer.draw(camera, background, now);
  }

  async settle(now: number): Promise<void> {
    const { camera } = this;
    if (camera) await this.renderer.settle(camera, now);
  }

  get camera(): Camera | null {
    const { current } = this.orbit;
    return current && fitted(current, this.canvas.width, this.canvas.height);
  }

  set camera(camera: Camera | null) {
    if (camera) {
      this.orbit.take(camera, this.framing?.center ?? null);
      this.move();
    } else this.fit();
  }

  drag(x: number, y: number): void {
    const { width, height } = this.canvas;
    const side = Math.max(width, height);
    this.orbit.turn((x * width * HALF_TURN) / side, (y * height * HALF_TURN) / side);
    this.move();
  }

  pan(x: number, y: number): void {
    const { current } = this.orbit;
    if (!current) return;
    // The share of the picture that the camera was made for.
    const scale = Math.min(this.canvas.width / current.width, this.canvas.height / current.height);
    this.orbit.pan((x * this.canvas.width) / (scale * current.width), (y * this.canvas.height) / (scale * current.height));
    this.move();
  }

  zoom(factor: number, x: number, y: number): void {
    // What is at that place stays there, about.
    const share = 1 - 1 / factor;
    this.pan(share * (0.5 - x), share * (0.5 - y));
    this.orbit.zoom(factor);
    this.move();
  }

  fit(): void {
    if (!this.framing) return;
    this.orbit.frame(this.framing, this.canvas.width, this.canvas.height);
    this.move();
  }

  private move(): void {
    this.chosen = true;
    this.options.changed();
  }

  delete(): void {
    this.renderer.delete();
  }
}

class AvatarStage extends SceneStage<AvatarRenderer> {
  answers: readonly string[] = [];

  constructor(canvas: HTMLCanvasElement, options: StageOptions, renderer: AvatarRenderer) {
    super(canvas, options, renderer, [0, 1, 0], PORTRAIT);
  }

  pose(weights: Weights): void {
    this.renderer.pose(weights);
    this.options.changed();
  }

  /** The neutral mesh: it comes first and is the same at every budget. */
  protected override bodies(edit: Edit): Bodies | null {
    if (edit.type !== "mesh") return null;
    const arkit = edit.arkit.filter(({ shapes, turns }) => shapes.length + turns.length);
    this.answers = [...(arkit.length ? arkit.map(({ name }) => name) : edit.shapes), ...HEAD_TURNS];
    const { vertices: mean } = edit;
    return { count: mean.length / 3, mean, scale: new Float32Array(mean.length), opacity: new Float32Array(mean.length / 3).fill(1) };
  }
}
