/** Rows of numbers on the graphics card that grow and change in place. */

import { roomFor } from "../decode/room";
import { type GL, GraphicsError, texture } from "./gl";

/** Rows that one line of a table's texture holds: with three texels each they fit into 2048, the least of WebGL2. */
export const LINE = 512;

/**
 * A table of 32-bit words in an integer texture: row r starts at texel (r % LINE * texels, r / LINE).
 *
 * Only what changes is uploaded; when the table grows, what is there is copied on the card.
 */
export class Table {
  texture: WebGLTexture;
  /** Behind the last row that was ever put. */
  filled = 0;
  /** Of the texture. */
  lines = 1;
  private readonly format: { internal: number; pixel: number };

  /** texels: of a row. words: of a texel, 1, 2 or 4. expected: rows that will come, 0 if nobody knows. */
  constructor(
    private readonly gl: GL,
    private readonly texels: number,
    private readonly words: 1 | 2 | 4,
    private readonly expected: number,
  ) {
    this.format = {
      1: { internal: gl.R32UI, pixel: gl.RED_INTEGER },
      2: { internal: gl.RG32UI, pixel: gl.RG_INTEGER },
      4: { internal: gl.RGBA32UI, pixel: gl.RGBA_INTEGER },
    }[words];
    this.texture = this.made(this.lines);
  }

  /** Words of a row. */
  get stride(): number {
    return this.texels * this.words;
  }

  /** Puts rows [count * stride] in the places from `first` on. */
  put(first: number, count: number, data: Uint32Array): void {
    this.reserve(first + count);
    this.filled = Math.max(this.filled, first + count);
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    for (let done = 0; done < count; ) {
      const [line, column] = [Math.floor((first + done) / LINE), (first + done) % LINE];
      const whole = column === 0 ? Math.floor((count - done) / LINE) : 0;
      const rows = whole ? LINE : Math.min(LINE - column, count - done);
      const lines = whole || 1;
      gl.texSubImage2D(
        gl.TEXTURE_2D, 0, column * this.texels, line, rows * this.texels, lines, this.format.pixel, gl.UNSIGNED_INT,
        data, done * this.stride,
      );
      done += rows * lines;
    }
  }

  /** Makes room for so many rows. */
  reserve(rows: number): void {
    const needed = Math.ceil(rows / LINE);
    if (needed <= this.lines) return;
    const lines = this.checked(roomFor(needed, this.lines, Math.ceil(this.expected / LINE)), needed);
    const grown = this.made(lines);
    this.copy(this.texture, grown);
    this.gl.deleteTexture(this.texture);
    this.texture = grown;
    this.lines = lines;
  }

  delete(): void {
    this.gl.deleteTexture(this.texture);
  }

  private made(lines: number): WebGLTexture {
    return texture(this.gl, this.format.internal, LINE * this.texels, lines);
  }

  private checked(lines: number, needed: number): number {
    const most = this.gl.getParameter(this.gl.MAX_TEXTURE_SIZE) as number;
    if (needed > most) {
      throw new GraphicsError(`this graphics card holds ${most * LINE} splats at most; a budget shows fewer of them`);
    }
    return Math.min(lines, most);
  }

  private copy(from: WebGLTexture, to: WebGLTexture): void {
    const { gl } = this;
    const frames = [gl.createFramebuffer(), gl.createFramebuffer()];
    const width = LINE * this.texels;
    for (const [i, target, source] of [[0, gl.READ_FRAMEBUFFER, from], [1, gl.DRAW_FRAMEBUFFER, to]] as const) {
      gl.bindFramebuffer(target, frames[i]);
      gl.framebufferTexture2D(target, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, source, 0);
    }
    gl.blitFramebuffer(0, 0, width, this.lines, 0, 0, width, this.lines, gl.COLOR_BUFFER_BIT, gl.NEAREST);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    for (const frame of frames) gl.deleteFramebuffer(frame);
  }
}
