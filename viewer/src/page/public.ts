/** <sfumato-view> as pages in TypeScript see it; docs/viewer.md says more. The build makes sfumato-view.d.ts of this. */

export type Vector3 = [number, number, number];

/** A pinhole camera, in pixels of the canvas: x goes to rotation * x + translation. */
export interface Camera {
  width: number;
  height: number;
  fx: number;
  fy: number;
  cx: number;
  cy: number;
  rotation: readonly [Vector3, Vector3, Vector3];
  translation: Vector3;
}

/** A camera as it may be given: `fx` or `fov`, and `position` and `target`, or `rotation` and `translation` or `position`. */
export interface GivenCamera extends Partial<Camera> {
  width: number;
  height: number;
  /** Degrees across the width. */
  fov?: number | undefined;
  position?: Vector3 | undefined;
  target?: Vector3 | undefined;
  /** With `target`: (0, -1, 0) by default. */
  up?: Vector3 | undefined;
}

/** What an avatar is told: { jawOpen: 0.4, headYaw: 10 }. */
export type Pose = Readonly<Record<string, number>>;

/** What the file brings up to a certain byte. */
export interface Prefix {
  bytes: number;
  splats: number;
  /** PSNR that the encoder measured; null where it did not. */
  db: number | null;
  /** Levels that are complete. */
  levels: number;
}

/** What has come. */
export interface Report {
  state: "loading" | "complete" | "stopped" | "failed";
  /** null until the first bytes have come. */
  medium: "image" | "video" | "scene" | "avatar" | null;
  /** Decoded so far, up to the end of a chunk. */
  bytes: number;
  /** Of the whole file; null until it is known. */
  totalBytes: number | null;
  /** That the budget lets through. */
  budgetBytes: number | null;
  /** To be drawn now. */
  splats: number;
  /** PSNR of this prefix as the encoder measured it; null where it is unknown. */
  prefixDb: number | null;
  levels: number;
  levelsComplete: number;
  prefixes: readonly Prefix[];
  /** Milliseconds since loading began, and bytes of the file, until the first picture; null before. */
  firstPicture: { milliseconds: number; bytes: number } | null;
  /** Sentences on chunks that could not be used. */
  damages: readonly string[];
}

/** `detail` of each event. */
export interface SfumatoViewEvents {
  firstpicture: { milliseconds: number; bytes: number };
  progress: Report;
  complete: Report;
  damaged: { text: string };
  warning: { text: string };
  error: { text: string };
}

export interface SfumatoViewAttributes {
  src?: string | undefined;
  budget?: string | undefined;
  rate?: string | undefined;
  background?: string | undefined;
  poster?: string | undefined;
  drive?: string | undefined;
  controls?: "none" | "full" | undefined;
  label?: string | undefined;
  /** JSON; React 19 takes the object itself. */
  camera?: string | GivenCamera | undefined;
}

/** What JSX may say of it: with React 19 all of this, with React 18 the attributes. */
export type SfumatoViewProps = SfumatoViewAttributes & { pose?: Pose | undefined; playing?: boolean | undefined } & {
  [Name in keyof SfumatoViewEvents as `on${Name}`]?: ((event: CustomEvent<SfumatoViewEvents[Name]>) => void) | undefined;
};

type EventMap = Omit<HTMLElementEventMap, keyof SfumatoViewEvents> & {
  [Name in keyof SfumatoViewEvents]: CustomEvent<SfumatoViewEvents[Name]>;
};

type Listener<Name extends keyof EventMap> = (this: SfumatoView, event: EventMap[Name]) => unknown;

export declare class SfumatoView extends HTMLElement {
  /** Shows a file: an address, or its bytes; without either the one of `src` again. */
  load(source?: string | ArrayBuffer): void;
  /** The picture as it is now, without fading: a PNG, or "image/jpeg" or "image/webp". */
  captureFrame(type?: string, quality?: number): Promise<Blob>;
  /** Shows all of it. */
  fit(): void;
  /** Frees the graphics card, the worker and the connection; `load` begins again. */
  destroy(): void;
  /** How a scene or an avatar is looked at; null for images. */
  get camera(): Camera | null;
  /** Throws a TypeError if it cannot be used; of JSON that cannot, the page is told. */
  set camera(camera: Camera | GivenCamera | string | null | undefined);
  get pose(): Pose;
  set pose(pose: Pose);
  /** Whether the drive goes on. */
  get playing(): boolean;
  set playing(plays: boolean);
  /** null while nothing is loaded. */
  get report(): Report | null;

  addEventListener<Name extends keyof EventMap>(
    type: Name, listener: Listener<Name>, options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<Name extends keyof EventMap>(
    type: Name, listener: Listener<Name>, options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "sfumato-view": SfumatoView;
  }
}
