/** Textures that are drawn into instead of the canvas. */

import { type GL, texture } from "./gl";

export class Target {
  textures: WebGLTexture[] = [];
  width = 0;
  height = 0;
  private readonly frame: WebGLFramebuffer;

  /** format: of the textures, of which there are `count`. */
  constructor(
    private readonly gl: GL,
    private readonly format: number,
    private readonly count = 1,
  ) {
    this.frame = gl.createFramebuffer();
  }

  /** Draws go here from now on. Whether the size is another one than before, so that nothing is here yet. */
  begin(width: number, height: number): boolean {
    const { gl } = this;
    const changed = width !== this.width || height !== this.height;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    if (changed) {
      for (const old of this.textures) gl.deleteTexture(old);
      const places = Array.from({ length: this.count }, (_, i) => gl.COLOR_ATTACHMENT0 + i);
      this.textures = places.map((place) => {
        const made = texture(gl, this.format, width, height);
        gl.framebufferTexture2D(gl.FRAMEBUFFER, place, gl.TEXTURE_2D, made, 0);
        return made;
      });
      gl.drawBuffers(places);
      [this.width, this.height] = [width, height];
    }
    gl.viewport(0, 0, width, height);
    return changed;
  }

  /** Makes everything 0; only after `begin`, and for formats of floats. */
  clear(): void {
    this.gl.clearColor(0, 0, 0, 0);
    this.gl.clear(this.gl.COLOR_BUFFER_BIT);
  }

  delete(): void {
    for (const old of this.textures) this.gl.deleteTexture(old);
    this.gl.deleteFramebuffer(this.frame);
  }
}
