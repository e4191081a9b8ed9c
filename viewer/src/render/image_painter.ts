/** Images without a graphics card: slow, but the same picture. */

import type { Append2D, Edit, ImageLayout } from "../decode/types";
import type { Background } from "./colour";
import { GraphicsError } from "./gl";
import type { ImageView } from "./image_view";
import { LOW_PASS, MAX_EXTENT, REACH } from "./image_shaders";
import type { Renderer } from "./renderer";

/** A splat on the canvas. */
interface Placed {
  x: number;
  y: number;
  l11: number;
  l21: number;
  l22: number;
  gain: number;
}

export class ImagePainter implements Renderer<ImageView> {
  private readonly brush: CanvasRenderingContext2D;
  private readonly chunks: Append2D[] = [];
  private drawn = 0; // chunks that are in `sums`
  private sums = new Float32Array(0); // [height, width, channels]
  private seen = "";

  /** Throws GraphicsError. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly layout: ImageLayout,
  ) {
    const brush = canvas.getContext("2d");
    if (!brush) throw new GraphicsError("this browser cannot draw");
    this.brush = brush;
  }

  apply(edits: readonly Edit[]): void {
    for (const edit of edits) if (edit.type === "append2d") this.chunks.push(edit);
  }

  draw(view: ImageView, background: Background): boolean {
    const { width, height } = this.canvas;
    const seen = [width, height, view.scale, view.left, view.top].join();
    if (seen !== this.seen) {
      this.sums = new Float32Array(width * height * this.layout.channels);
      [this.drawn, this.seen] = [0, seen];
    }
    for (; this.drawn < this.chunks.length; this.drawn++) this.add(this.chunks[this.drawn], view);
    this.present(view, background);
    return false;
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  delete(): void {
    this.chunks.length = 0;
    this.sums = new Float32Array(0);
  }

  private add(chunk: Append2D, view: ImageView): void {
    const { channels } = this.layout;
    for (let i = 0; i < chunk.count; i++) {
      const placed = place(chunk, i, view);
      if (placed) this.splat(placed, chunk.color.subarray(channels * i, channels * (i + 1)));
    }
  }

  private splat({ x, y, l11, l21, l22, gain }: Placed, color: Float32Array): void {
    const { width, height } = this.canvas;
    const tall = REACH * Math.hypot(l21, l22);
    const [left, right] = [Math.max(0, Math.floor(x - REACH * l11)), Math.min(width, Math.ceil(x + REACH * l11))];
    const [top, bottom] = [Math.max(0, Math.floor(y - tall)), Math.min(height, Math.ceil(y + tall))];
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const u = (column + 0.5 - x) / l11;
        const v = (row + 0.5 - y - l21 * u) / l22;
        const weight = Math.exp(-0.5 * (u * u + v * v));
        if (weight < 1 / 255) continue;
        const at = (row * width + column) * color.length;
        for (let k = 0; k < color.length; k++) this.sums[at + k] += gain * weight * color[k];
      }
    }
  }

  private present({ scale, left, top }: ImageView, background: Background): void {
    const { width, height } = this.canvas;
    const { channels } = this.layout;
    const picture = this.brush.createImageData(width, height);
    const [right, bottom] = [left + scale * this.layout.width, top + scale * this.layout.height];
    for (let y = 0, pixel = 0; y < height; y++) {
      for (let x = 0; x < width; x++, pixel++) {
        const inside = x + 0.5 >= left && x + 0.5 <= right && y + 0.5 >= top && y + 0.5 <= bottom;
        const value = (k: number) => Math.min(Math.max(this.sums[pixel * channels + k], 0), 1);
        const alpha = inside ? (channels === 4 ? value(3) : 1) : 0;
        for (let k = 0; k < 3; k++) {
          const color = value(channels === 1 ? 0 : k);
          picture.data[4 * pixel + k] = 255 * (background ? color * alpha + background[k] * (1 - alpha) : color);
        }
        picture.data[4 * pixel + 3] = 255 * (background ? 1 : alpha);
      }
    }
    this.brush.putImageData(picture, 0, 0);
  }
}

/** As the shader does it; null if the splat is absent. */
function place({ xy, chol }: Append2D, i: number, { scale, left, top }: ImageView): Placed | null {
  const [a, b, c] = [chol[3 * i] * scale, chol[3 * i + 1] * scale, chol[3 * i + 2] * scale];
  if (!(a > 0 && c > 0 && REACH * Math.max(a, Math.hypot(b, c)) < MAX_EXTENT)) return null;
  const [x, y] = [xy[2 * i] * scale + left, xy[2 * i + 1] * scale + top];
  if (scale >= 1) return { x, y, l11: a, l21: b, l22: c, gain: 1 };
  const blur = LOW_PASS * (1 - scale * scale);
  const l11 = Math.sqrt(a * a + blur);
  const l21 = (a * b) / l11;
  const l22 = Math.sqrt(Math.max(b * b + c * c + blur - l21 * l21, ((a * c) / l11) ** 2));
  return { x, y, l11, l21, l22, gain: (a * c) / (l11 * l22) };
}
