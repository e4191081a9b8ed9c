/** <sfumato-view>: a file on a page, with what a person needs to look at it. */

import type { Weights } from "../render/avatar_renderer";
import type { Camera } from "../render/camera";
import { parseCamera } from "./camera_text";
import { addStyles, icon, make } from "./dom";
import { listen } from "./gestures";
import { Meter } from "./meter";
import { bytesText, parseRate } from "./rate";
import { STYLES } from "./styles";
import { Posing } from "./posing";
import { type Emit, type Report, Viewer } from "./viewer";

const ICONS = {
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  fit: "M8 2v3M8 11v3M2 8h3M11 8h3M8 8h.01",
  details: "M3 13V9M8 13V3M13 13V6",
  full: "M6 2H2v4M10 2h4v4M6 14H2v-4M10 14h4v-4",
};

const KEYS: Partial<Record<string, string>> = {
  image: "Arrow keys move, plus and minus zoom, 0 shows all.",
  scene: "Arrow keys turn, with shift they move, plus and minus zoom, 0 shows all.",
  avatar: "Arrow keys turn, with shift they move, plus and minus zoom, 0 shows all.",
};

/** Servers that write pages have no elements: there this file does nothing, but can be imported. */
const Base = typeof HTMLElement === "undefined" ? (Object as unknown as typeof HTMLElement) : HTMLElement;

/**
 * All that is private has a #: React and others set what they find `in` an element as a property, and what they do not
 * find as an attribute. A field named like an attribute would be overwritten.
 */
export class SfumatoView extends Base {
  static readonly observedAttributes =
    ["src", "budget", "rate", "background", "poster", "camera", "controls", "label", "drive"] as const;

  readonly #place = make("div", { class: "stage", part: "stage" });
  readonly #poster = make("img", { class: "poster", part: "poster", alt: "", hidden: "" });
  readonly #line = make("div", { class: "line" });
  readonly #bar = make("div", { class: "bar", part: "bar", role: "toolbar", "aria-label": "View" });
  readonly #note = make("div", { class: "note", part: "note", role: "alert", hidden: "" });
  readonly #spoken = make("div", { class: "unseen", "aria-live": "polite" });
  readonly #keys = make("div", { class: "unseen", id: "keys" });
  readonly #meter = new Meter((rate) => {
    this.#rate = rate;
    this.#viewer?.throttle(rate);
  });
  readonly #details: HTMLButtonElement;
  readonly #posing = new Posing(
    () => this.#viewer?.stage ?? null,
    (...how) => this.#button(...how),
    (text) => { this.#tell(text, 0, true); },
  );
  #viewer: Viewer | null = null;
  #source: string | ArrayBuffer | null = null; // of `load`, instead of the attribute
  #given: Camera | null = null;
  #unusable = ""; // what is wrong with a camera that was given as text
  #rate: number | null = null;
  #due = false; // a start is due when the attributes are all set
  #ending: AbortController | null = null; // while connected

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    addStyles(root, STYLES);
    this.#details = this.#button("Details", ICONS.details, () => { this.#toggleDetails(); });
    this.#details.setAttribute("aria-controls", "meter");
    this.#bar.append(
      ...this.#posing.buttons,
      this.#button("Load again", ICONS.again, () => { this.#start(); }),
      this.#button("Show all", ICONS.fit, () => { this.fit(); }),
      this.#details,
    );
    // Telephones of Apple have no full screen for elements.
    if (document.fullscreenEnabled) this.#bar.append(this.#button("Full screen", ICONS.full, () => { this.#toggleFullScreen(); }));
    // Side by side where there is room, the pose above the meter where there is none.
    const panels = make("div", { class: "panels" }, this.#meter.element, this.#posing.element);
    root.append(this.#place, this.#poster, this.#line, panels, this.#bar, this.#note, this.#keys, this.#spoken);
    this.#meter.setRate(null);
    this.#showControls();
  }

  connectedCallback(): void {
    if (this.#ending) return; // it only moves
    // What a page set before this script came lies in front of the accessors.
    for (const name of ["camera", "pose", "playing"]) {
      const early = Object.getOwnPropertyDescriptor(this, name);
      if (early && Reflect.deleteProperty(this, name)) Object.assign(this, { [name]: early.value as unknown });
    }
    this.#ending = new AbortController();
    const observer = new ResizeObserver((entries) => { this.#measure(entries.at(-1)); });
    try {
      observer.observe(this.#place, { box: "device-pixel-content-box" });
    } catch {
      observer.observe(this.#place); // Safari knows pixels of the page alone
    }
    this.#ending.signal.addEventListener("abort", () => { observer.disconnect(); });
    this.#startSoon();
  }

  /** An element that is put in elsewhere at once, as when a list is sorted, keeps what it shows. */
  disconnectedCallback(): void {
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.destroy();
      this.#ending?.abort();
      this.#ending = null;
    });
  }

  attributeChangedCallback(name: string, before: string | null, value: string | null): void {
    if (before === value) return;
    if (name === "src") this.#source = null;
    if (name === "src" || name === "budget") this.#startSoon();
    else if (name === "rate") this.#setRate(parseRate(value));
    else if (name === "background") this.#viewer?.setBackground(value ?? "");
    else if (name === "camera") this.camera = value;
    else if (name === "poster") this.#showPoster();
    else if (name === "controls") this.#showControls();
    else if (name === "drive") void this.#posing.load(value);
    else this.#describe();
  }

  /** Shows a file: an address, or its bytes, which are handed over; without either the one of `src` again. */
  load(source?: string | ArrayBuffer): void {
    this.#source = source ?? null;
    this.#start();
  }

  /** The picture as it is now, without fading; "image/png", "image/jpeg" or "image/webp". */
  async captureFrame(type = "image/png", quality?: number): Promise<Blob> {
    if (!this.#viewer) throw new Error("nothing is shown");
    this.#measure(); // its size may just have changed
    return this.#viewer.capture(type, quality);
  }

  /** Shows all of it. */
  fit(): void {
    this.#viewer?.stage?.fit();
  }

  /** Frees the graphics card, the worker and the connection; `load` begins again. */
  destroy(): void {
    this.#viewer?.delete();
    this.#viewer = null;
    this.#posing.rest();
    this.#due = false;
  }

  /**
   * How a scene is looked at, in pixels of the canvas; set an object with the fields of docs/cameras.md, or its JSON.
   * An object that cannot be used throws a TypeError; of text the page is told, as of the attribute.
   */
  get camera(): Camera | null {
    return this.#viewer?.stage?.camera ?? this.#given;
  }

  set camera(value: unknown) {
    this.#unusable = "";
    try {
      this.#given = (value ?? "") === "" ? null : parseCamera(value);
    } catch (error) {
      if (typeof value !== "string") throw error;
      this.#unusable = `the camera cannot be used: ${String(error)}`;
      this.#tell(this.#unusable, 0, true);
      return;
    }
    if (this.#viewer?.stage) this.#viewer.stage.camera = this.#given;
  }

  /** What an avatar is told, by names as in docs/avatars.md: { jawOpen: 0.4, headYaw: 10 }. */
  get pose(): Weights {
    return this.#posing.weights;
  }

  set pose(weights: Weights) {
    this.#posing.weights = weights;
  }

  /** Whether the drive goes on. */
  get playing(): boolean {
    return this.#posing.playing;
  }

  set playing(plays: boolean) {
    this.#posing.begins = plays;
    this.#posing.playing = plays;
  }

  /** What there is to say of the file. */
  get report(): Report | null {
    return this.#viewer?.report ?? null;
  }

  #startSoon(): void {
    if (this.#due || !this.#ending) return;
    this.#due = true;
    queueMicrotask(() => {
      if (this.#due && this.isConnected) this.#start();
    });
  }

  #start(): void {
    this.destroy();
    const source = this.#source ?? this.getAttribute("src");
    this.#note.hidden = true;
    if (this.#unusable) this.#tell(this.#unusable, 0, true);
    this.#line.className = "line";
    this.#line.style.transform = "scaleX(0)";
    if (source === null || source === "" || !this.#ending) return;
    this.#showPoster();
    const settings = {
      budget: this.getAttribute("budget"),
      bytesPerSecond: this.#rate,
      background: this.getAttribute("background") ?? "",
      camera: this.#given,
    };
    // Bytes are copied: the worker takes them, and they may be wanted again.
    const sent = typeof source === "string" ? source : source.slice(0);
    this.#viewer = new Viewer(sent, settings, this.#emit, () => { this.#start(); });
    const { canvas } = this.#viewer;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-describedby", "keys");
    this.#place.replaceChildren(canvas);
    this.#measure();
    this.#describe();
    this.#meter.show(this.#viewer.report);
    listen(canvas, {
      drag: (x, y) => this.#viewer?.stage?.drag(x, y),
      pan: (x, y) => this.#viewer?.stage?.pan(x, y),
      zoom: (factor, x, y) => this.#viewer?.stage?.zoom(factor, x, y),
      fit: () => { this.fit(); },
    }, this.#ending.signal);
  }

  readonly #emit: Emit = (name, detail) => {
    const viewer = this.#viewer;
    if (!viewer) return;
    const { report } = viewer;
    this.#meter.show(report);
    this.#posing.update();
    const whole = report.budgetBytes ?? report.totalBytes;
    if (whole) this.#line.style.transform = `scaleX(${Math.min(1, report.bytes / whole)})`;
    if (name === "firstpicture") {
      this.#poster.classList.add("gone");
      this.#describe();
      if (report.state === "loading") this.#say("First picture.");
    } else if (name === "complete") {
      this.#line.classList.add("done");
      this.#describe();
      this.#say(`Complete: ${report.splats.toLocaleString("en")} splats, ${bytesText(report.bytes)}.`);
    } else if (name === "damaged") {
      this.#tell(report.damages[0], report.damages.length - 1, false);
    } else if (name === "error") {
      this.#tell((detail as { text: string }).text, 0, true);
    }
    this.dispatchEvent(new CustomEvent(name, { detail }));
  };

  #measure(entry?: ResizeObserverEntry): void {
    // Pixels of the screen, where the browser knows them: rounding them from those of the page may be one off.
    const exact = (entry as Partial<ResizeObserverEntry> | undefined)?.devicePixelContentBoxSize?.[0];
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.#place;
    this.#viewer?.resize(exact?.inlineSize ?? clientWidth * ratio, exact?.blockSize ?? clientHeight * ratio);
  }

  #setRate(bytesPerSecond: number | null): void {
    this.#rate = bytesPerSecond;
    this.#meter.setRate(bytesPerSecond);
    this.#viewer?.throttle(bytesPerSecond);
  }

  #showPoster(): void {
    const address = this.getAttribute("poster");
    this.#poster.hidden = !address;
    this.#poster.classList.toggle("gone", !!this.#viewer?.report.firstPicture);
    if (address) this.#poster.src = address;
    else this.#poster.removeAttribute("src");
  }

  /** "none": no buttons; "full": the numbers are there from the beginning. */
  #showControls(): void {
    const controls = this.getAttribute("controls");
    this.#bar.style.display = controls === "none" ? "none" : "";
    this.#setDetails(controls === "full");
    this.#posing.open(controls === "full");
  }

  #toggleDetails(): void {
    this.#setDetails(this.#meter.element.hasAttribute("hidden"));
  }

  #setDetails(open: boolean): void {
    this.#meter.element.hidden = !open;
    this.#details.setAttribute("aria-expanded", String(open));
  }

  #toggleFullScreen(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void this.requestFullscreen().catch(() => { this.#say("Full screen is not allowed here."); });
  }

  /** Says what is seen to those who do not see it. */
  #describe(): void {
    if (!this.#viewer) return;
    const { medium, splats } = this.#viewer.report;
    const name = this.getAttribute("label") ?? (medium ? `${medium}, ${splats.toLocaleString("en")} splats` : "loading");
    this.#viewer.canvas.setAttribute("aria-label", name);
    this.#keys.textContent = KEYS[medium ?? ""] ?? "";
  }

  #say(text: string): void {
    this.#spoken.textContent = text;
  }

  #tell(text: string, more: number, fatal: boolean): void {
    const sentence = text.charAt(0).toUpperCase() + text.slice(1);
    this.#note.textContent = sentence + (more ? ` (and ${more} more)` : "") + (fatal ? "." : ". The rest is shown.");
    this.#note.classList.toggle("fatal", fatal);
    this.#note.hidden = false;
  }

  #button(label: string, path: string, pressed: () => void): HTMLButtonElement {
    const made = make("button", { type: "button", "aria-label": label, title: label }, icon(path));
    made.addEventListener("click", pressed);
    return made;
  }
}
