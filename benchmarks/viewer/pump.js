// Before a page's own scripts: frames come when `frame` asks for one, not when the screen does, and are finished then.

let waiting = new Map(), number = 0, own = false;
const screen = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (callback) => {
  if (!own) return screen(callback);
  waiting.set(++number, callback);
  return number;
};
const cancel = window.cancelAnimationFrame.bind(window);
window.cancelAnimationFrame = (id) => (own ? waiting.delete(id) : cancel(id));

const canvases = [];
const original = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, options) {
  if (kind === "webgl2" && !canvases.includes(this)) canvases.push(this);
  return original.call(this, kind, options);
};

const yielded = () => new Promise((done) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = done;
  port2.postMessage(null);
});

// From now on frames are asked for; what was to come with the screen's next one has been drawn.
window.take = () => new Promise((done) => screen(() => {
  own = true;
  screen(done);
}));

// Milliseconds of one frame from this camera: its script, and the drawing up to its last pixel.
window.frame = async (camera) => {
  const gl = canvases.find((canvas) => canvas.isConnected && canvas.width > 64).getContext("webgl2");
  const begun = performance.now();
  window.look(camera);
  const now = [...waiting.values()];
  waiting = new Map();
  for (const callback of now) callback(performance.now());
  await yielded();
  const before = gl.getParameter(gl.READ_FRAMEBUFFER_BINDING);
  gl.bindFramebuffer(gl.READ_FRAMEBUFFER, null);
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  gl.bindFramebuffer(gl.READ_FRAMEBUFFER, before);
  return performance.now() - begun;
};
