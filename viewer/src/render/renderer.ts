/** What the viewer asks of a renderer, whatever it shows. */

import type { Edit } from "../decode/types";
import type { Background } from "./colour";

/** Milliseconds in which a chunk fades in. */
export const FADE = 150;

/** View: how the picture is looked at, of a type that belongs to the medium. */
export interface Renderer<View> {
  /** Puts a chunk's edits on the card; they fade in from `now` on, in milliseconds. */
  apply(edits: readonly Edit[], now: number): void;
  /** Draws into the canvas. Whether the next picture would be another one although the view is the same. */
  draw(view: View, background: Background, now: number): boolean;
  /** Resolves once everything that has been applied shows without fading, and in its order for this view. */
  settle(view: View, now: number): Promise<void>;
  delete(): void;
}
