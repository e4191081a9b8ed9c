/** Lets bytes through at a given speed, for demonstrations of slow lines. */

import { sleep } from "./download";

const PORTIONS_PER_SECOND = 20;
const SLACK = 250; // milliseconds that decoding may take and that are made up for

export class Throttle {
  private due: number | null = null; // when the next portion may pass, in milliseconds

  constructor(public bytesPerSecond: number | null) {}

  /** Hands out `data` in portions, in time. */
  async pass(data: Uint8Array, signal: AbortSignal, take: (portion: Uint8Array) => void): Promise<void> {
    for (let at = 0; at < data.length; ) {
      const rate = this.bytesPerSecond;
      if (!rate) {
        take(data.subarray(at));
        return;
      }
      const portion = data.subarray(at, at + Math.max(1, Math.round(rate / PORTIONS_PER_SECOND)));
      const now = performance.now();
      this.due = Math.max(this.due ?? now, now - SLACK) + (1000 * portion.length) / rate;
      await sleep(this.due - now, signal);
      take(portion);
      at += portion.length;
    }
  }
}
