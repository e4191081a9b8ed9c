/** One file from its address, or its bytes, to messages. */

import { Decoder } from "./decoder";
import { download, DOWNLOAD, type DownloadSettings } from "./download";
import { asFormatError } from "./errors";
import { Throttle } from "./throttle";
import type { Message, OpenCommand } from "./types";

/** Updates that may wait for the page: more would take memory while the page is busy. */
const AHEAD = 16;

export class Session {
  private readonly aborter = new AbortController();
  private readonly throttle: Throttle;
  private readonly post: (message: Message) => void;
  private waiting = 0; // updates
  private most = 0; // until there is a picture: the first gets the whole processor
  private goOn: (() => void) | null = null;

  constructor(
    private readonly command: OpenCommand,
    post: (message: Message) => void,
    private readonly settings: DownloadSettings = DOWNLOAD,
  ) {
    this.throttle = new Throttle(command.bytesPerSecond);
    this.post = (message) => {
      if (message.type === "update") this.waiting++;
      post(message);
    };
  }

  /** Another speed, in bytes per second, for what is still to come. */
  set bytesPerSecond(rate: number | null) {
    this.throttle.bytesPerSecond = rate;
  }

  /** The page has taken an update: decoding goes on. shown: whether there is a picture by now. */
  taken(shown: boolean): void {
    this.waiting--;
    if (shown) this.most = AHEAD;
    this.goOn?.();
  }

  /** Ends `run`. */
  stop(): void {
    this.aborter.abort();
    this.goOn?.();
  }

  /** Fetches and decodes; resolves after the last message: `complete`, `stopped` or `failed`. */
  async run(): Promise<void> {
    const { signal } = this.aborter;
    let decoder: Decoder | null = null;
    try {
      decoder = new Decoder(this.post, { budget: this.command.budget });
      await this.fetch(decoder, signal);
      if (!decoder.complete) decoder.close();
    } catch (error) {
      if (decoder?.complete) return;
      if (signal.aborted) {
        if (decoder) this.post({ type: "stopped", progress: decoder.progress });
        return;
      }
      const { kind, message } = asFormatError(error);
      this.post({ type: "failed", kind, text: message });
    }
  }

  private async fetch(decoder: Decoder, signal: AbortSignal): Promise<void> {
    const take = async (data: Uint8Array) => {
      await this.throttle.pass(data, signal, async (portion) => {
        decoder.feed(portion);
        // What follows is not needed: the connection is closed.
        if (decoder.complete) this.aborter.abort();
        while (this.waiting > this.most && !signal.aborted) await new Promise<void>((resolve) => (this.goOn = resolve));
        signal.throwIfAborted();
      });
    };
    const { source } = this.command;
    if (typeof source === "string") {
      const resume = () => {
        decoder.rewind();
        return decoder.position;
      };
      const warn = (text: string) => {
        this.post({ type: "warning", text });
      };
      await download(source, { take, resume, warn }, signal, this.settings);
      return;
    }
    await take(new Uint8Array(source));
  }
}
