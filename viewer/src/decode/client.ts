/** The page's side of the worker. */

import workerText from "sfumato:worker";
import type { Command, Message, OpenCommand } from "./types";

let builtIn: string | null = null;

/** A decoding worker of one file. */
export class Client {
  private readonly worker: Worker;

  /** url: of the worker's script, for pages whose policy forbids workers from blobs; by default it is built in. */
  constructor(take: (message: Message) => void, url?: string) {
    if (url === undefined) builtIn ??= URL.createObjectURL(new Blob([workerText], { type: "text/javascript" }));
    this.worker = new Worker(url ?? builtIn!);
    this.worker.onmessage = (event: MessageEvent<Message>) => {
      take(event.data);
    };
    this.worker.onerror = (event) => {
      take({ type: "failed", kind: "UnsupportedError", text: `the decoder stopped: ${event.message}` });
    };
  }

  /** Opens a file: an address, which may be relative to the page, or its bytes, which are handed over. */
  open(source: string | ArrayBuffer, options: Partial<Pick<OpenCommand, "budget" | "bytesPerSecond">> = {}): void {
    const { budget = null, bytesPerSecond = null } = options;
    const absolute = typeof source === "string" ? new URL(source, document.baseURI).href : source;
    const command: Command = { type: "open", source: absolute, budget, bytesPerSecond };
    this.worker.postMessage(command, typeof absolute === "string" ? [] : [absolute]);
  }

  /** Another speed for what is still to come; null for as fast as it comes. */
  throttle(bytesPerSecond: number | null): void {
    this.send({ type: "throttle", bytesPerSecond });
  }

  /** An update is on the page, and more may come. shown: whether there is a picture by now. */
  taken(shown: boolean): void {
    this.send({ type: "taken", shown });
  }

  /** Stop fetching; what is there stays. */
  stop(): void {
    this.send({ type: "stop" });
  }

  /** Ends the worker. */
  close(): void {
    this.worker.terminate();
  }

  private send(command: Command): void {
    this.worker.postMessage(command);
  }
}
