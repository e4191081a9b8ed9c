/** The worker's side of types.ts: commands in, messages out. */

import { buffersOf } from "./decoder";
import { Session } from "./session";
import type { Command, Message } from "./types";

// Of the worker's global scope what is used here; TypeScript cannot know page and worker at once.
const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Command>) => void) | null;
  postMessage: (message: Message, transfer: Transferable[]) => void;
  close: () => void;
};

let session: Session | null = null;

// One file; when it is there, all of it is the page's, and nothing has to stay here.
scope.onmessage = ({ data: command }) => {
  if (command.type === "open") {
    session = new Session(command, (message) => {
      scope.postMessage(message, buffersOf(message));
    });
    void session.run().then(scope.close);
  } else if (command.type === "stop") session?.stop();
  else if (command.type === "taken") session?.taken(command.shown);
  else if (session) session.bytesPerSecond = command.bytesPerSecond;
};
