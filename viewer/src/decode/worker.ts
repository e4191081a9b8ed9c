/** The worker's side of types.ts: commands in, messages out. */

import { buffersOf } from "./decoder";
import { Session } from "./session";
import type { Command, Message } from "./types";

// Of the worker's global scope what is used here; TypeScript cannot know page and worker at once.
const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Command>) => void) | null;
  postMessage: (message: Message, transfer: Transferable[]) => void;
};

let session: Session | null = null;

function open(command: Command & { type: "open" }): void {
  session?.stop();
  const opened: Session = new Session(command, (message) => {
    if (session === opened) scope.postMessage(message, buffersOf(message));
  });
  session = opened;
  void opened.run();
}

scope.onmessage = ({ data: command }) => {
  if (command.type === "open") open(command);
  else if (command.type === "stop") session?.stop();
  else if (command.type === "shown") session?.shown();
  else if (session) session.bytesPerSecond = command.bytesPerSecond;
};
