/** Mouse, touch and keys on an element as gestures. */

/** What a gesture does; lengths are shares of the element's size, places too. */
export interface Gestures {
  /** One finger or the main button: turns a scene, moves an image. */
  drag(x: number, y: number): void;
  /** Two fingers, another button, or with shift: moves. */
  pan(x: number, y: number): void;
  /** Larger by a factor, around a place. */
  zoom(factor: number, x: number, y: number): void;
  /** Back to where all is seen. */
  fit(): void;
}

/** Logarithm of the factor for a pixel of the wheel, and how many pixels of one event count. */
const WHEEL = [0.0015, 300];
/** The same for two fingers on a trackpad, which come as a wheel with the key ctrl. */
const PINCH = [0.01, 30];
const LINE = 16; // pixels of a wheel that counts lines
const KEY_STEP = 0.04; // of the element
const KEY_ZOOM = 1.15;

interface Pointer {
  x: number;
  y: number;
  pans: boolean;
}

/** Listens until the signal aborts. */
export function listen(element: HTMLElement, gestures: Gestures, signal: AbortSignal): void {
  const pointers = new Map<number, Pointer>();
  const options = { signal };

  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    const pans = event.button > 0 || event.shiftKey || event.ctrlKey || event.metaKey;
    pointers.set(event.pointerId, { ...placeOf(element, event), pans });
  }, options);

  element.addEventListener("pointermove", (event) => {
    const pointer = pointers.get(event.pointerId);
    if (!pointer) return;
    const before = { ...pointer };
    Object.assign(pointer, placeOf(element, event));
    const [dx, dy] = [pointer.x - before.x, pointer.y - before.y];
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) pinch(element, gestures, before, pointer, other);
    else if (pointer.pans) gestures.pan(dx, dy);
    else gestures.drag(dx, dy);
  }, options);

  const end = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
  };
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"] as const) element.addEventListener(name, end, options);

  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : LINE * event.deltaY;
    const { x, y } = placeOf(element, event);
    const [rate, most] = event.ctrlKey ? PINCH : WHEEL;
    gestures.zoom(Math.exp(-rate * Math.min(Math.max(pixels, -most), most)), x, y);
  }, { passive: false, signal });

  element.addEventListener("contextmenu", (event) => {
    event.preventDefault();
  }, options);
  element.addEventListener("dblclick", () => {
    gestures.fit();
  }, options);
  element.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && press(event.key, event.shiftKey, gestures)) event.preventDefault();
  }, options);
}

function placeOf(element: HTMLElement, event: MouseEvent): { x: number; y: number } {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: (event.clientX - left) / Math.max(width, 1), y: (event.clientY - top) / Math.max(height, 1) };
}

/** One of two fingers has moved. */
function pinch(element: HTMLElement, gestures: Gestures, before: Pointer, after: Pointer, other: Pointer): void {
  const { width, height } = element.getBoundingClientRect();
  const apart = ({ x, y }: Pointer) => Math.hypot((x - other.x) * width, (y - other.y) * height);
  const [x, y] = [(after.x + other.x) / 2, (after.y + other.y) / 2];
  gestures.pan((after.x - before.x) / 2, (after.y - before.y) / 2);
  if (apart(before) > 1 && apart(after) > 1) gestures.zoom(apart(after) / apart(before), x, y);
}

/** Whether the key means something. */
function press(key: string, shift: boolean, gestures: Gestures): boolean {
  const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  if (arrow) {
    const [x, y] = arrow.map((part) => part * KEY_STEP);
    if (shift) gestures.pan(x, y);
    else gestures.drag(x, y);
  } else if (key === "+" || key === "=") gestures.zoom(KEY_ZOOM, 0.5, 0.5);
  else if (key === "-" || key === "_") gestures.zoom(1 / KEY_ZOOM, 0.5, 0.5);
  else if (key === "0" || key === "Home") gestures.fit();
  else return false;
  return true;
}
