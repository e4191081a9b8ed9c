/** Lets bytes through at a given speed, for demonstrations of slow lines. */

import { sleep } from "./download";

const PORTIONS_PER_SECOND = 20;
const PORTION = 1 << 13; // bytes, of lines that are not slowed down
const SLACK = 250; // milliseconds that decoding may take and that are made up for

export class Throttle {
  private due: number | null = null; // when the next portion may pass, in milliseconds

  constructor(public bytesPerSecond: number | null) {}

  /** Hands out `data` in portions, in time. */
  async pass(data: Uint8Array, signal: AbortSignal, take: (portion: Uint8Array) => Promise<void>): Promise<void> {
    for (let at = 0; at < data.length; ) {
      const rate = this.bytesPerSecond;
      const portion = data.subarray(at, at + (rate ? Math.max(1, Math.round(rate / PORTIONS_PER_SECOND)) : PORTION));
      if (rate) {
        const now = performance.now();
        this.due = Math.max(this.due ?? now, now - SLACK) + (1000 * portion.length) / rate;
        await sleep(this.due - now, signal);
      }
      await take(portion);
      at += portion.length;
    }
  }
}
