// Before a page's own scripts: counts the bytes that the decoder hands over and those on the graphics card.

const TEXELS = { R32UI: 4, RG32UI: 8, RGBA32UI: 16, RGBA16F: 8, RGBA32F: 16 }; // bytes, by format
const OTHERS = ["texImage2D", "texImage3D", "texStorage3D", "copyTexImage2D", "renderbufferStorage"];

const sizes = new Map(); // of textures and buffers
const counted = { decoded: 0, now: 0, peak: 0 };
window.counted = () => ({ ...counted, state: document.querySelector("sfumato-view").report.state });

function put(thing, bytes) {
  counted.now += bytes - (sizes.get(thing) ?? 0);
  counted.peak = Math.max(counted.peak, counted.now);
  sizes.set(thing, bytes);
}

/** Does something before a method of WebGL. */
function before(name, work) {
  const original = WebGL2RenderingContext.prototype[name];
  WebGL2RenderingContext.prototype[name] = function (...given) {
    work(this, ...given);
    return original.apply(this, given);
  };
}

before("texStorage2D", (gl, target, levels, format, width, height) => {
  const [, texel] = Object.entries(TEXELS).find(([name]) => gl[name] === format);
  put(gl.getParameter(gl.TEXTURE_BINDING_2D), texel * width * height);
});
before("bufferData", (gl, target, data) => {
  if (target !== gl.ELEMENT_ARRAY_BUFFER) throw new Error("this kind of buffer is not counted");
  put(gl.getParameter(gl.ELEMENT_ARRAY_BUFFER_BINDING), data.byteLength);
});
for (const name of ["deleteTexture", "deleteBuffer"]) before(name, (gl, thing) => put(thing, 0));
for (const name of OTHERS) before(name, () => { throw new Error(`${name} is not counted`); });

// Splats that are retired are gone, and what changes others takes the place of what was there.
const ROW = 56; // bytes of a scene's splat without harmonics

window.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      for (const edit of data.edits ?? []) {
        if (edit.type === "retire3d") counted.decoded -= ROW * edit.count;
        if (["opacity3d", "patches"].includes(edit.type)) continue;
        for (const array of Object.values(edit)) if (ArrayBuffer.isView(array)) counted.decoded += array.byteLength;
      }
    });
  }
};
