/** The worker that orders splats by depth: a counting sort of 16-bit keys. */

import { sortByDepth } from "./sort";
import type { SortCommand, SortedMessage } from "./sort_types";

// Of the worker's global scope what is used here; TypeScript cannot know page and worker at once.
const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<SortCommand>) => void) | null;
  postMessage: (message: SortedMessage, transfer: Transferable[]) => void;
};

let means = new Float32Array(0); // [rows, 3]; x is NaN in rows that are not there
let rows = 0;

function put(first: number, added: Float32Array): void {
  const end = first + added.length / 3;
  if (3 * end > means.length) {
    const grown = new Float32Array(Math.max(3 * end, Math.ceil(1.5 * means.length)));
    grown.set(means);
    means = grown;
  }
  if (first > rows) means.fill(NaN, 3 * rows, 3 * first);
  means.set(added, 3 * first);
  rows = Math.max(rows, end);
}

scope.onmessage = ({ data: command }) => {
  if (command.type === "put") put(command.first, command.means);
  else if (command.type === "drop") means.fill(NaN, 3 * command.first, 3 * (command.first + command.count));
  else {
    const order = sortByDepth(means.subarray(0, 3 * rows), command.view, command.near);
    scope.postMessage({ order }, [order.buffer]);
  }
};
