/** One file on one canvas: fetched, decoded, drawn as it comes. What is around the picture is not its business. */

import { Client } from "../decode/client";
import type { Message, Medium, OpenedMessage, Prefix, Progress } from "../decode/types";
import type { Camera } from "../render/camera";
import { type Background, parseColour } from "../render/colour";
import { context, GraphicsError, release } from "../render/gl";
import { likesMotion } from "./dom";
import { type Stage, stage } from "./stage";

const LARGEST_RATIO = 2; // pixels of the canvas to one of the page: more costs time and shows little

/** What there is to say of a file while it comes. */
export interface Report extends Progress {
  state: "loading" | "complete" | "stopped" | "failed";
  medium: Medium | null;
  /** Of the whole file; null until INDX has come. */
  totalBytes: number | null;
  /** That the budget lets through. */
  budgetBytes: number | null;
  levels: number;
  prefixes: readonly Prefix[];
  /** Milliseconds from the beginning of loading, and bytes of the file, to the first picture; null before. */
  firstPicture: { milliseconds: number; bytes: number } | null;
  /** Sentences on chunks that could not be used. */
  damages: readonly string[];
}

/** What happens, by name. */
export interface Happenings {
  firstpicture: { milliseconds: number; bytes: number };
  progress: Report;
  complete: Report;
  damaged: { text: string };
  warning: { text: string };
  error: { text: string };
}

export type Emit = <Name extends keyof Happenings>(name: Name, detail: Happenings[Name]) => void;

export interface Settings {
  budget: string | null;
  bytesPerSecond: number | null;
  /** A CSS colour behind the picture. */
  background: string;
  camera: Camera | null;
}

export class Viewer {
  readonly canvas = document.createElement("canvas");
  report: Report = {
    state: "loading", medium: null, bytes: 0, totalBytes: null, budgetBytes: null, splats: 0, prefixDb: null,
    levels: 0, levelsComplete: 0, prefixes: [], firstPicture: null, damages: [],
  };
  stage: Stage | null = null;
  private readonly began = performance.now();
  private readonly client: Client;
  private readonly ending = new AbortController();
  private background: Background;
  private frame = 0; // requested from the browser; 0 for none

  /** Begins at once. restored: called when the browser took the graphics card away and has given it back. */
  constructor(
    source: string | ArrayBuffer,
    private readonly settings: Settings,
    private readonly emit: Emit,
    restored: () => void,
  ) {
    const { signal } = this.ending;
    this.background = parseColour(settings.background);
    this.canvas.addEventListener("webglcontextlost", (event) => { this.lose(event); }, { signal });
    this.canvas.addEventListener("webglcontextrestored", restored, { signal });
    this.client = new Client((message) => { this.take(message); });
    this.client.open(source, { budget: settings.budget, bytesPerSecond: settings.bytesPerSecond });
  }

  /** Gives the canvas the size of its place on the page, in pixels of the screen. */
  resize(width: number, height: number): void {
    const ratio = Math.min(1, LARGEST_RATIO / (window.devicePixelRatio || 1));
    const [wide, high] = [width, height].map((side) => Math.max(1, Math.round(side * ratio)));
    if (wide === this.canvas.width && high === this.canvas.height) return;
    [this.canvas.width, this.canvas.height] = [wide, high];
    this.draw(performance.now()); // at once: the canvas has become empty
  }

  /** Draws soon. */
  invalidate(): void {
    if (this.ending.signal.aborted) return;
    this.frame ||= requestAnimationFrame((now) => {
      this.frame = 0;
      this.draw(now);
    });
  }

  setBackground(text: string): void {
    this.background = parseColour(text);
    this.invalidate();
  }

  throttle(bytesPerSecond: number | null): void {
    this.client.throttle(bytesPerSecond);
  }

  /** What has come so far, not fading any more, as a picture. Rejects if there is nothing yet. */
  async capture(type: string, quality?: number): Promise<Blob> {
    if (!this.stage) throw new Error("there is no picture yet");
    await this.stage.settle(performance.now());
    this.draw(performance.now());
    return new Promise((resolve, reject) => {
      const take = (blob: Blob | null) => {
        if (blob) resolve(blob);
        else reject(new Error("the browser makes no picture of the canvas"));
      };
      this.canvas.toBlob(take, type, quality);
    });
  }

  /** Ends everything and gives back what it holds. */
  delete(): void {
    this.ending.abort();
    cancelAnimationFrame(this.frame);
    this.client.close();
    const gl = this.stage && context(this.canvas);
    this.stage?.delete();
    this.stage = null;
    if (gl) release(gl);
    this.canvas.remove();
  }

  /** The browser takes the graphics card away, and with it all splats: without them nothing more needs to come. */
  private lose(event: Event): void {
    event.preventDefault(); // it may be given back
    this.client.close();
    this.stage?.delete();
    this.stage = null;
  }

  private draw(now: number): void {
    const { stage: shown } = this;
    if (!shown || this.ending.signal.aborted) return;
    this.trying(() => {
      if (shown.draw(this.background, now)) this.invalidate();
    });
    if (shown.visible && !this.report.firstPicture) {
      const firstPicture = { milliseconds: performance.now() - this.began, bytes: this.report.bytes };
      this.report = { ...this.report, firstPicture };
      this.emit("firstpicture", firstPicture);
      this.emit("progress", this.report);
    }
  }

  private take(message: Message): void {
    if (this.ending.signal.aborted) return;
    this.trying(() => { this.obey(message); });
  }

  /** What a graphics card cannot do ends the loading. */
  private trying(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof GraphicsError)) throw error;
      this.client.close();
      this.fail(error.message);
    }
  }

  private obey(message: Message): void {
    switch (message.type) {
      case "opened":
        this.open(message);
        break;
      case "indexed": {
        const { totalBytes, budgetBytes, prefixes } = message;
        this.report = { ...this.report, totalBytes, budgetBytes, prefixes };
        break;
      }
      case "update":
        this.stage?.apply(message.edits, performance.now());
        this.report = { ...this.report, ...message.progress };
        this.emit("progress", this.report);
        // A browser that is busy keeps a frame waiting for long.
        if (!this.report.firstPicture) this.draw(performance.now());
        else if (message.edits.length) this.invalidate();
        this.client.taken(this.report.firstPicture !== null);
        break;
      case "damaged":
        this.report = { ...this.report, damages: [...this.report.damages, message.text] };
        this.emit("damaged", { text: message.text });
        break;
      case "warning":
        this.emit("warning", { text: message.text });
        break;
      case "complete":
      case "stopped":
        this.report = { ...this.report, ...message.progress, state: message.type };
        this.emit(message.type === "complete" ? "complete" : "progress", this.report);
        break;
      case "failed":
        this.fail(message.text);
    }
  }

  private open({ medium, layout, levels }: OpenedMessage): void {
    const splats = levels.reduce((sum, level) => sum + level.splats, 0);
    this.report = { ...this.report, medium, levels: levels.length };
    this.stage = stage(this.canvas, layout, { splats, fades: likesMotion(), changed: () => { this.invalidate(); } });
    if (this.settings.camera) this.stage.camera = this.settings.camera;
  }

  private fail(text: string): void {
    this.report = { ...this.report, state: "failed" };
    this.emit("error", { text });
  }
}
