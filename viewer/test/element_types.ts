/**
 * What pages are told of the element's types is what it has: `npm run typecheck` fails if they drift apart, or if a page
 * written as docs/viewer.md says would not compile. Nothing here runs.
 */

import type { SfumatoView as Built } from "../src/page/element";
import type { Camera, GivenCamera, Pose, Report, SfumatoView, SfumatoViewEvents, SfumatoViewProps } from "../src/page/public";
import type { Happenings } from "../src/page/viewer";

type Same<A, B> = [A, B] extends [B, A] ? true : false;
type OfBrowsers = keyof HTMLElement | "connectedCallback" | "disconnectedCallback" | "attributeChangedCallback";
type Members<View> = {
  [Name in Exclude<keyof View, OfBrowsers>]: View[Name] extends (...given: infer Given) => infer Answer
    ? { given: Given; answer: Answer }
    : View[Name];
};
type Attribute = (typeof Built.observedAttributes)[number];
type BesideAttributes = "pose" | "playing" | `on${keyof SfumatoViewEvents}`;

export const agreed: [
  members: Same<Members<Built>, Members<SfumatoView>>,
  events: Same<Happenings, SfumatoViewEvents>,
  attributes: Same<Attribute, Exclude<keyof SfumatoViewProps, BesideAttributes>>,
] = [true, true, true];

/** A page's script. */
export async function page(told: (report: Report | null) => void): Promise<Blob> {
  const view = document.querySelector("sfumato-view")!;
  view.addEventListener("firstpicture", ({ detail }) => { told(view.report); return detail.milliseconds + detail.bytes; });
  view.addEventListener("complete", function ({ detail: { prefixDb } }) { return this.playing && (prefixDb ?? 0) > 30; });
  view.addEventListener("error", ({ detail }) => detail.text.length, { once: true });
  view.addEventListener("pointerdown", ({ pointerId }) => pointerId);
  view.addEventListener("of-the-page", () => { view.fit(); });
  view.pose = { jawOpen: 0.4, headYaw: 10 };
  view.camera = { width: 640, height: 480, fov: 50, position: [0, -1, -5], target: [0, 0, 0] };
  view.camera = '{"width": 640, "height": 480, "fov": 50, "position": [0, -1, -5], "target": [0, 0, 0]}';
  const seen: Camera | null = view.camera;
  view.camera = seen;
  document.createElement("sfumato-view").load(new ArrayBuffer(8));
  // @ts-expect-error: progress has a report
  view.addEventListener("progress", ({ detail }) => detail.text);
  // @ts-expect-error: a camera needs its size
  view.camera = { fov: 50 };
  // @ts-expect-error: what has come cannot be changed
  view.report = null;
  return view.captureFrame("image/webp", 0.9);
}

const camera: GivenCamera = { width: 640, height: 480, fov: 50, position: [0, -1, -5], target: [0, 0, 0] };
const pose: Pose = { jawOpen: 0.4 };
/** What JSX may say. */
export const props: SfumatoViewProps[] = [
  { src: "cat.sfu", budget: "50%", controls: "none", onfirstpicture: ({ detail }) => detail.bytes, onerror: undefined },
  { src: "head.sfu", drive: undefined, pose, playing: true, camera },
  // @ts-expect-error: there are no such controls
  { src: "room.sfu", controls: "some" },
];
