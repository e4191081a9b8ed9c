/** The bytes of an address in order, over as many connections as it takes. */

import { FormatError } from "./errors";

export interface DownloadSettings {
  /** Waits before the first, second, ... new try without any progress, in milliseconds; after the last it fails. */
  retryAfter: readonly number[];
  /** A connection that brings nothing for so many milliseconds counts as broken. */
  stalledAfter: number;
}

export const DOWNLOAD: DownloadSettings = { retryAfter: [500, 1000, 2000, 4000, 8000], stalledAfter: 20000 };

/** Who takes the bytes. */
export interface Receiver {
  /** Takes the next bytes; resolves when there is room for more. Throws to stop the download for good. */
  take(data: Uint8Array): Promise<void>;
  /** A connection broke: the byte from which on they are to come again. */
  resume(): number;
  /** Something people should know. */
  warn(text: string): void;
}

/** A connection failed in a way that another one may mend. */
class Broken extends Error {}

/**
 * Fetches an address with one GET that is read as a stream. When the connection breaks, another one goes on with a
 * Range request from where the receiver wants; a server that does not know Range sends all again, and what is there
 * already is passed over. NetworkError if it cannot be had, or has changed meanwhile.
 */
export async function download(
  url: string,
  receiver: Receiver,
  signal: AbortSignal,
  settings: DownloadSettings = DOWNLOAD,
): Promise<void> {
  const connection = new Connection(url, receiver, signal, settings.stalledAfter);
  for (let failures = 0; ; ) {
    const before = connection.received;
    try {
      await connection.run();
      return;
    } catch (error) {
      if (signal.aborted) throw error;
      if (!(error instanceof Broken)) throw error;
      if (connection.received > before) failures = 0;
      if (failures >= settings.retryAfter.length) throw networkError(`cannot fetch ${url}: ${error.message}`);
      receiver.warn(`the connection broke (${error.message}); going on from byte ${connection.rewind()}`);
      await sleep(settings.retryAfter[failures++], signal);
    }
  }
}

class Connection {
  /** Bytes that came over all connections. */
  received = 0;
  private position = 0; // of the next byte in the file
  private tag: string | null = null;

  constructor(
    private readonly url: string,
    private readonly receiver: Receiver,
    private readonly signal: AbortSignal,
    private readonly stalledAfter: number,
  ) {}

  rewind(): number {
    this.position = this.receiver.resume();
    return this.position;
  }

  /** Fetches what is missing. Throws `Broken` if the connection breaks. */
  async run(): Promise<void> {
    this.signal.throwIfAborted();
    const aborter = new AbortController();
    const abort = () => {
      aborter.abort(this.signal.reason);
    };
    this.signal.addEventListener("abort", abort);
    try {
      const response = await this.watched(
        aborter,
        fetch(this.url, { headers: this.headers(), signal: aborter.signal }),
      );
      const skipped = this.judge(response);
      await this.read(response, aborter, skipped);
    } finally {
      this.signal.removeEventListener("abort", abort);
      aborter.abort();
    }
  }

  private headers(): Record<string, string> {
    if (this.position === 0) return {};
    const range = { Range: `bytes=${this.position}-` };
    // Other origins would be asked for permission first (CORS preflight); there the tag of the answer is compared.
    const mayAsk = this.tag !== null && !this.tag.startsWith("W/") && this.sameOrigin;
    return mayAsk ? { ...range, "If-Range": this.tag! } : range;
  }

  private get sameOrigin(): boolean {
    return typeof location === "undefined" || new URL(this.url).origin === location.origin;
  }

  /** Whether the response is what was asked for; returns how many of its bytes are known already. */
  private judge(response: Response): number {
    const { status } = response;
    if (status >= 500 || status === 429 || status === 408) throw new Broken(`the server says ${status}`);
    if (!response.ok) throw networkError(`cannot fetch ${this.url}: the server says ${status} ${response.statusText}`);
    const tag = response.headers.get("ETag");
    if (this.position > 0 && tag !== this.tag) throw networkError(`${this.url} has changed while it was fetched`);
    this.tag = tag;
    if (this.position === 0) return 0;
    if (status === 206) {
      // Other origins may not show the header.
      const range = /^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? `bytes ${this.position}-`);
      if (Number(range?.[1]) !== this.position) throw networkError(`the server sends another part of ${this.url}`);
      return 0;
    }
    this.receiver.warn("the server cannot send a part of the file: all of it comes again");
    return this.position;
  }

  private async read(response: Response, aborter: AbortController, skipped: number): Promise<void> {
    const length = Number(
      response.headers.get("Content-Encoding") ? NaN : (response.headers.get("Content-Length") ?? NaN),
    );
    if (!response.body) throw networkError(`cannot fetch ${this.url}: the response has no body`);
    const reader = response.body.getReader();
    let [came, skip] = [0, skipped];
    for (;;) {
      const { done, value } = await this.watched(aborter, reader.read());
      if (done) break;
      came += value.length;
      const known = Math.min(skip, value.length);
      skip -= known;
      if (known === value.length) continue;
      this.received += value.length - known;
      this.position += value.length - known;
      await this.receiver.take(known ? value.subarray(known) : value);
    }
    if (came < length) throw new Broken(`it ended after ${came} of ${length} bytes`);
  }

  /** What a promise of the network brings; `Broken` if it fails or takes too long. */
  private async watched<T>(aborter: AbortController, promise: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      aborter.abort(new Error("nothing came any more"));
    }, this.stalledAfter);
    try {
      return await promise;
    } catch (error) {
      if (this.signal.aborted) throw error;
      throw new Broken(error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(timer);
    }
  }
}

function networkError(message: string): FormatError {
  return new FormatError("NetworkError", message);
}

/** Resolves after some milliseconds; rejects when the signal aborts. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop);
  });
}
