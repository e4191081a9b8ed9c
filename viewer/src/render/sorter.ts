/** The page's side of the worker that sorts. */

import workerText from "sfumato:sorter";
import type { DepthView, SortCommand, SortedMessage } from "./sort_types";

let builtIn: string | null = null;

export class Sorter {
  private readonly worker: Worker;
  private busy = false;
  private wanted: DepthView | null = null; // to be sent when the worker has finished
  private stale = true; // rows changed since the last request
  private last: DepthView | null = null;
  private waiting: (() => void)[] = [];

  /** near: see SortCommand. take: gets every order. */
  constructor(
    private readonly near: number,
    private readonly take: (order: Uint32Array) => void,
  ) {
    builtIn ??= URL.createObjectURL(new Blob([workerText], { type: "text/javascript" }));
    this.worker = new Worker(builtIn);
    this.worker.onmessage = ({ data }: MessageEvent<SortedMessage>) => {
      this.busy = false;
      this.take(data.order);
      this.next();
    };
  }

  /** Rows that are there from now on; `means` [n, 3] is handed over. */
  put(first: number, means: Float32Array): void {
    this.send({ type: "put", first, means }, [means.buffer as ArrayBuffer]);
    this.stale = true;
  }

  drop(first: number, count: number): void {
    this.send({ type: "drop", first, count });
    this.stale = true;
  }

  /** Asks for the order as seen in this view, unless that is what came last. */
  order(view: DepthView): void {
    this.wanted = view;
    if (!this.busy) this.next();
  }

  /** Resolves when the last order that was asked for is there. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.busy) this.waiting.push(resolve);
      else resolve();
    });
  }

  delete(): void {
    this.worker.terminate();
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private next(): void {
    const { wanted, last } = this;
    this.wanted = null;
    if (wanted && (this.stale || !last || wanted.some((value, i) => value !== last[i]))) {
      this.busy = true;
      this.stale = false;
      this.last = wanted;
      this.send({ type: "order", view: wanted, near: this.near });
      return;
    }
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private send(command: SortCommand, transfer: Transferable[] = []): void {
    this.worker.postMessage(command, transfer);
  }
}
