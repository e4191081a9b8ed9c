/** The worker that orders splats by depth: a counting sort of 16-bit keys. */

import { discard } from "../decode/scratch";
import { Depths } from "./sort";
import type { SortCommand, SortedMessage } from "./sort_types";

// Of the worker's global scope what is used here; TypeScript cannot know page and worker at once.
const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<SortCommand>) => void) | null;
  postMessage: (message: SortedMessage, transfer: Transferable[]) => void;
};

const depths = new Depths();

scope.onmessage = ({ data: command }) => {
  if (command.type === "put") {
    depths.put(command.first, command.means, command.expected);
    discard(command.means);
  } else if (command.type === "drop") depths.drop(command.first, command.count);
  else {
    const order = depths.order(command.view, command.near, command.room);
    scope.postMessage({ order }, [order.buffer]);
  }
};
