/** What the page and the worker that sorts say to each other. */

/** Rows that are there from now on, from `first` on: centres [n, 3]; the buffer is handed over. */
interface PutCommand {
  type: "put";
  first: number;
  means: Float32Array;
  /** Rows that will come, 0 if nobody knows. */
  expected: number;
}

/** Rows that are not there any more. */
interface DropCommand {
  type: "drop";
  first: number;
  count: number;
}

/** A plane: depth is view[0] x + view[1] y + view[2] z + view[3]. */
export type DepthView = readonly [number, number, number, number];

/** Order what is there; rows not deeper than `near` are left out. */
interface OrderCommand {
  type: "order";
  view: DepthView;
  near: number;
  /** The last order's, to be used again. */
  room: ArrayBuffer;
}

export type SortCommand = PutCommand | DropCommand | OrderCommand;

/** The rows, farthest first. */
export interface SortedMessage {
  order: Uint32Array<ArrayBuffer>;
}
