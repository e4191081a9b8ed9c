/** What every renderer needs of WebGL2: programs, quads drawn many to an instance, and which formats can be drawn into. */

export type GL = WebGL2RenderingContext;

/** Splats that one instance draws: several times faster than one splat to an instance. */
export const BATCH = 128;

/** The graphics card cannot do what is needed. */
export class GraphicsError extends Error {}

/** A context on a canvas; null where the browser has no WebGL2. */
export function context(canvas: HTMLCanvasElement): GL | null {
  return canvas.getContext("webgl2", {
    alpha: true,
    antialias: false,
    depth: false,
    stencil: false,
    powerPreference: "high-performance",
  });
}

/** A linked program and its uniforms by name. */
export class Program {
  private readonly handle: WebGLProgram;
  private judged = false;
  private readonly places = new Map<string, WebGLUniformLocation | null>();

  constructor(
    private readonly gl: GL,
    vertex: string,
    fragment: string,
  ) {
    this.handle = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
      const shader = gl.createShader(type)!;
      gl.shaderSource(shader, `#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp usampler2D;\n${source}`);
      gl.compileShader(shader);
      gl.attachShader(this.handle, shader);
      gl.deleteShader(shader);
    }
    gl.linkProgram(this.handle); // which goes on beside what this script does, until somebody asks
  }

  /** Throws GraphicsError if it cannot be used. */
  use(): void {
    const { gl, handle, judged } = this;
    this.judged = true;
    if (!judged && !gl.getProgramParameter(handle, gl.LINK_STATUS) && !gl.isContextLost()) {
      const logs = gl.getAttachedShaders(handle)?.map((shader) => gl.getShaderInfoLog(shader)) ?? [];
      throw new GraphicsError(`a shader does not compile: ${[gl.getProgramInfoLog(handle), ...logs].join(" ")}`);
    }
    gl.useProgram(handle);
  }

  /** Where the uniform of this name is. */
  at(name: string): WebGLUniformLocation | null {
    let place = this.places.get(name);
    if (place === undefined) {
      place = this.gl.getUniformLocation(this.handle, name);
      this.places.set(name, place);
    }
    return place;
  }

  /** Binds a texture to the sampler of this name. */
  texture(name: string, unit: number, texture: WebGLTexture): void {
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(this.gl.TEXTURE_2D, texture);
    this.gl.uniform1i(this.at(name), unit);
  }

  delete(): void {
    this.gl.deleteProgram(this.handle);
  }
}

/** Quads of two triangles, `BATCH` to an instance: vertex v of an instance is corner v % 4 of its quad v / 4. */
export class Quads {
  private readonly array: WebGLVertexArrayObject;
  private readonly indices: WebGLBuffer;

  constructor(private readonly gl: GL) {
    this.array = gl.createVertexArray();
    this.indices = gl.createBuffer();
    const corners = Uint16Array.from({ length: 6 * BATCH }, (_, i) => 4 * Math.floor(i / 6) + [0, 1, 2, 2, 1, 3][i % 6]);
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.indices);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, corners, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
  }

  /** Draws `count` quads, in order; the shader leaves out those beyond. */
  draw(count: number): void {
    const { gl } = this;
    gl.bindVertexArray(this.array);
    gl.drawElementsInstanced(gl.TRIANGLES, 6 * BATCH, gl.UNSIGNED_SHORT, 0, Math.ceil(count / BATCH));
    gl.bindVertexArray(null);
  }

  delete(): void {
    this.gl.deleteVertexArray(this.array);
    this.gl.deleteBuffer(this.indices);
  }
}

/** A vertex shader whose one triangle covers everything. */
export const COVER = `
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

/** Draws one triangle, whose corners the vertex shader knows by their numbers. */
export function drawOne(gl: GL): void {
  gl.drawArrays(gl.TRIANGLES, 0, 3);
}

/**
 * Draws `count` of them, in order, `BATCH` to an instance; the shader leaves out those beyond. Few vertices in many
 * instances, because some browsers keep a buffer as long as the vertices of a draw that reads none.
 */
export function drawTriangles(gl: GL, count: number): void {
  gl.drawArraysInstanced(gl.TRIANGLES, 0, 3 * BATCH, Math.ceil(count / BATCH));
}

/** The widest floating point format that splats can be blended into; null if there is none. */
export function blendable(gl: GL, wide: boolean): number | null {
  const float = gl.getExtension("EXT_color_buffer_float");
  if (wide && float && gl.getExtension("EXT_float_blend")) return gl.RGBA32F;
  return float || gl.getExtension("EXT_color_buffer_half_float") ? gl.RGBA16F : null;
}

/** A texture without filtering. */
export function texture(gl: GL, format: number, width: number, height: number): WebGLTexture {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
  for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
  for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
  return made;
}

let known: boolean | null = null;

/** Whether this browser can add up splats on its graphics card; found out once. */
export function canBlend(): boolean {
  if (known === null) {
    const gl = context(document.createElement("canvas"));
    known = gl !== null && blendable(gl, true) !== null;
    if (gl) release(gl);
  }
  return known;
}

/** Gives a context's memory back at once: browsers have only a few contexts for a page. */
export function release(gl: GL): void {
  gl.getExtension("WEBGL_lose_context")?.loseContext();
}
