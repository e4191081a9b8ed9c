/** What an avatar is told: by a page, by a person's sliders, or by a drive that plays. */

import type { Weights } from "../render/avatar_renderer";
import { icon, likesMotion, make } from "./dom";
import { type Drive, fetchDrive } from "./drive";
import type { Stage } from "./stage";

/** Those that people try first. */
const FIRST = [
  "jawOpen", "mouthSmileLeft", "mouthSmileRight", "mouthPucker", "eyeBlinkLeft", "eyeBlinkRight", "browInnerUp",
  "headYaw", "headPitch", "headRoll",
];
const STEEPEST = 45; // degrees of the head
const PLAY = "M5 3v10l8-5z";
const PAUSE = "M5 3v10M11 3v10";
const FACE = "M8 2a6 6 0 1 0 .01 0M6 6.5v.01M10 6.5v.01M5 9.5q3 3 6 0";
const NONE: readonly string[] = [];

export class Posing {
  readonly element = make("section", { class: "meter pose", part: "pose", "aria-label": "Pose", id: "pose", hidden: "" });
  readonly buttons: HTMLButtonElement[];
  /** Whether a drive begins when it comes. */
  begins = likesMotion();
  private answers = NONE;
  private opened = false;
  private told: Weights = {};
  private drive: Drive | null = null;
  private source: string | null = null; // of the drive
  private plays = false;
  private frame = 0; // requested from the browser; 0 for none
  private shown = 0; // the drive's frame
  private began = 0; // when frame 0 was shown, or would have been

  /** button: makes one. tell: shows a sentence on what went wrong. */
  constructor(
    private readonly stage: () => Stage | null,
    button: (label: string, path: string, pressed: () => void) => HTMLButtonElement,
    private readonly tell: (text: string) => void,
  ) {
    const player = button("", PLAY, () => { this.playing = !this.plays; });
    const opener = button("Pose", FACE, () => { this.open(!this.opened); });
    opener.setAttribute("aria-controls", "pose");
    this.buttons = [player, opener];
    this.element.addEventListener("input", ({ target }) => {
      const { name, valueAsNumber } = target as HTMLInputElement;
      this.weights = { ...this.told, [name]: valueAsNumber };
    });
    this.label();
  }

  get weights(): Weights {
    return this.told;
  }

  /** A pose that was chosen: a drive does not go on. */
  set weights(weights: Weights) {
    this.playing = false;
    this.show({ ...weights });
  }

  get playing(): boolean {
    return this.plays;
  }

  set playing(plays: boolean) {
    this.plays = plays && this.drive !== null;
    this.label();
    this.rest();
    this.update();
  }

  /** Plays a drive over and over, at once where people like motion. null: none. */
  async load(source: string | null): Promise<void> {
    this.source = source;
    this.drive = null;
    this.playing = false;
    if (!source) return;
    try {
      const drive = await fetchDrive(source);
      if (this.source !== source) return;
      this.drive = drive;
      this.show(drive.frames[(this.shown = 0)]);
      this.playing = this.begins;
    } catch (error) {
      this.tell(`the drive cannot be used: ${String(error)}`);
    }
  }

  /** What is shown may be another avatar, or have its rig now. */
  update(): void {
    const stage = this.stage();
    const answers = stage?.answers ?? NONE;
    if (answers !== this.answers) {
      this.answers = answers;
      this.fill();
      this.label();
      this.show(this.told);
    }
    if (this.plays && stage) this.frame ||= requestAnimationFrame(this.step);
  }

  /** Nothing happens until the next `update`. */
  rest(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.began = NaN;
  }

  open(open: boolean): void {
    this.opened = open;
    this.label();
  }

  private readonly step = (now: number): void => {
    const { fps, frames } = this.drive!;
    if (Number.isNaN(this.began)) this.began = now - (1000 * this.shown) / fps;
    const next = Math.floor(((now - this.began) * fps) / 1000) % frames.length;
    if (next !== this.shown) this.show(frames[(this.shown = next)]);
    this.frame = requestAnimationFrame(this.step);
  };

  private show(weights: Weights): void {
    this.told = weights;
    this.stage()?.pose?.(weights);
    for (const slider of this.element.querySelectorAll("input")) slider.value = String(weights[slider.name] ?? 0);
  }

  private fill(): void {
    const [first, others] = [true, false].map((wanted) => this.answers.filter((name) => FIRST.includes(name) === wanted));
    first.sort((a, b) => FIRST.indexOf(a) - FIRST.indexOf(b));
    const reset = make("button", { type: "button", "aria-label": "Reset pose" }, "Reset");
    reset.addEventListener("click", () => { this.weights = {}; });
    this.element.replaceChildren(...first.map(slider));
    if (others.length) this.element.append(make("details", {}, make("summary", {}, "More"), ...others.map(slider)));
    this.element.append(reset);
  }

  /** What the buttons say. */
  private label(): void {
    const [player, opener] = this.buttons;
    const label = this.plays ? "Pause" : "Play";
    player.replaceChildren(icon(this.plays ? PAUSE : PLAY));
    for (const name of ["aria-label", "title"]) player.setAttribute(name, label);
    opener.hidden = !this.answers.length;
    player.hidden = !this.drive || opener.hidden;
    opener.setAttribute("aria-expanded", String(this.opened));
    this.element.hidden = !this.opened || opener.hidden;
  }
}

function slider(name: string): HTMLLabelElement {
  const words = name.replace(/[A-Z]/g, (letter) => " " + letter.toLowerCase());
  const turns = name.startsWith("head");
  const [min, max, step] = turns ? [-STEEPEST, STEEPEST, 1] : [0, 1, 0.01];
  const range = { type: "range", min: String(min), max: String(max), step: String(step), value: "0" };
  return make("label", {}, make("span", {}, words), make("input", { ...range, name, "aria-label": words }));
}
