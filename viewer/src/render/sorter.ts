/** Who puts splats in order: the page itself while they are few, a worker when they are many. */

import workerText from "sfumato:sorter";
import { Depths } from "./sort";
import type { DepthView, SortCommand, SortedMessage } from "./sort_types";

const FEW = 16384; // rows: sorting them takes less time than a worker's start, and than its answer

let builtIn: string | null = null;

export class Sorter {
  private few: Depths | null = new Depths(); // null: the worker has them
  private worker: Worker | null = null;
  private busy = false;
  private stale = false; // rows have changed since the last order was asked for
  private last: DepthView | null = null;
  private wanted: DepthView | null = null;
  private waiting: (() => void)[] = [];
  private room = new ArrayBuffer(0); // of the last order: used again, because garbage of megabytes waits long

  /** near: see SortCommand. take: gets every order; late: not while `order` is being asked for it. expected: rows. */
  constructor(
    private readonly near: number,
    private readonly take: (order: Uint32Array, late: boolean) => void,
    private readonly expected = 0,
  ) {}

  /** Rows that are there from now on; `means` [n, 3] is handed over. */
  put(first: number, means: Float32Array): void {
    const { expected } = this;
    this.stale = true;
    if (this.few) {
      this.few.put(first, means, expected);
      if (this.few.rows > FEW) this.hire(this.few);
    } else this.send({ type: "put", first, means, expected }, [means.buffer as ArrayBuffer]);
  }

  drop(first: number, count: number): void {
    this.stale = true;
    if (this.few) this.few.drop(first, count);
    else this.send({ type: "drop", first, count });
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
    this.worker?.terminate();
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private hire(depths: Depths): void {
    builtIn ??= URL.createObjectURL(new Blob([workerText], { type: "text/javascript" }));
    this.worker = new Worker(builtIn);
    this.worker.onmessage = ({ data }: MessageEvent<SortedMessage>) => {
      this.busy = false;
      this.take(data.order, true);
      this.room = data.order.buffer;
      this.next();
    };
    this.few = null;
    this.send({ type: "put", first: 0, means: depths.all, expected: this.expected });
  }

  private next(): void {
    const { wanted, last, near } = this;
    this.wanted = null;
    if (wanted && (this.stale || !last || wanted.some((value, i) => value !== last[i]))) {
      this.stale = false;
      this.last = wanted;
      if (this.few) this.take(this.few.order(wanted, near), false);
      else {
        this.busy = true;
        this.send({ type: "order", view: wanted, near, room: this.room }, [this.room]);
        return;
      }
    }
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private send(command: SortCommand, transfer: Transferable[] = []): void {
    this.worker?.postMessage(command, transfer);
  }
}
