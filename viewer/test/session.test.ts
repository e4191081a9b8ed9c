/** Files over the network: one request that is read as a stream, and what happens when it breaks. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { sleep } from "../src/decode/download";
import { Session } from "../src/decode/session";
import type { Message, OpenCommand } from "../src/decode/types";
import { chunkEnds, decode, golden } from "./files";

const DATA = golden("scene/scene-degree-2-fine.sfu");
const SETTINGS = { retryAfter: [1, 1, 1], stalledAfter: 300 };

type Handler = (request: IncomingMessage, response: ServerResponse, number: number) => void;

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** The address of a server that answers so, and the headers of the requests that it got. */
async function serve(handle: Handler): Promise<{ url: string; requests: IncomingMessage["headers"][] }> {
  const requests: IncomingMessage["headers"][] = [];
  const server = createServer((request, response) => {
    requests.push(request.headers);
    handle(request, response, requests.length);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.sfu`, requests };
}

/** Sends the bytes from `start` on as a server does that knows Range; `until`: where the connection breaks. */
function send(response: ServerResponse, start: number, until = DATA.length, tag = '"a"'): void {
  const range = `bytes ${start}-${DATA.length - 1}/${DATA.length}`;
  const headers = { ETag: tag, "Content-Length": DATA.length - start };
  response.writeHead(start ? 206 : 200, start ? { ...headers, "Content-Range": range } : headers);
  response.write(DATA.subarray(start, until), () => {
    if (until < DATA.length) setTimeout(() => response.destroy(), 20);
    else response.end();
  });
}

function startOf({ headers }: IncomingMessage): number {
  return Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
}

async function run(source: string | ArrayBuffer, options: Partial<OpenCommand> = {}): Promise<Message[]> {
  const messages: Message[] = [];
  const command: OpenCommand = { type: "open", source, budget: null, bytesPerSecond: null, ...options };
  const session = new Session(command, (message) => {
    messages.push(message);
    if (message.type === "update") session.taken(true);
  }, SETTINGS);
  await session.run();
  return messages;
}

function texts(messages: Message[], type: Message["type"]): string[] {
  return messages.filter((message) => message.type === type).map((message) => ("text" in message ? message.text : ""));
}

const WHOLE = decode(DATA).messages;

test("an address and the bytes of its file give the same messages", async () => {
  const { url, requests } = await serve((_, response) => {
    send(response, 0);
  });
  expect(await run(url)).toEqual(WHOLE);
  expect(requests).toHaveLength(1);
  expect(requests[0].range).toBeUndefined();
  expect(await run(DATA.slice().buffer)).toEqual(WHOLE);
});

test("a broken connection goes on behind the last complete chunk", async () => {
  const ends = chunkEnds(DATA);
  const { url, requests } = await serve((request, response, number) => {
    send(response, startOf(request), [ends[3] + 20, ends[5] + 1][number - 1]);
  });
  const messages = await run(url);
  expect(texts(messages, "warning")).toHaveLength(2);
  expect(messages.filter((message) => message.type !== "warning")).toEqual(WHOLE);
  expect(requests.map((headers) => headers.range)).toEqual([undefined, `bytes=${ends[3]}-`, `bytes=${ends[5]}-`]);
  expect(requests[1]["if-range"]).toBe('"a"');
});

test("a server without Range sends all again, which only costs time", async () => {
  const { url } = await serve((_, response, number) => {
    send(response, 0, number === 1 ? 3000 : DATA.length);
  });
  const messages = await run(url);
  expect(texts(messages, "warning").join()).toContain("all of it comes again");
  expect(messages.filter((message) => message.type !== "warning")).toEqual(WHOLE);
});

test("a file that changes meanwhile is not mixed with its older self", async () => {
  const { url } = await serve((request, response, number) => {
    send(response, startOf(request), number === 1 ? 3000 : DATA.length, `"${number}"`);
  });
  const messages = await run(url);
  expect(messages.at(-1)).toMatchObject({ type: "failed", kind: "NetworkError" });
  expect(texts(messages, "failed")[0]).toContain("changed");
});

test("a connection that brings nothing counts as broken", async () => {
  const { url, requests } = await serve((request, response, number) => {
    if (number > 1) send(response, startOf(request));
    else {
      response.writeHead(200, { ETag: '"a"', "Content-Length": DATA.length });
      response.write(DATA.subarray(0, 2000));
    }
  });
  const messages = await run(url);
  expect(messages.at(-1)).toMatchObject({ type: "complete", whole: true });
  expect(requests).toHaveLength(2);
});

test("a server that is not there, or has no such file, is named", async () => {
  const { url } = await serve((_, response) => {
    response.writeHead(404).end();
  });
  expect(await run(url)).toMatchObject([
    { type: "failed", kind: "NetworkError", text: expect.stringContaining("404") as string },
  ]);
  const nowhere = await run("http://127.0.0.1:9/x.sfu");
  expect(nowhere.at(-1)).toMatchObject({ type: "failed", kind: "NetworkError" });
});

test("a server that is busy for a moment is asked again", async () => {
  const { url } = await serve((_, response, number) => {
    if (number === 1) response.writeHead(503).end();
    else send(response, 0);
  });
  expect((await run(url)).at(-1)).toMatchObject({ type: "complete", whole: true });
});

test("a budget ends the connection with the last chunk that it holds", async () => {
  let closed = false;
  const { url } = await serve((request, response) => {
    request.socket.on("close", () => (closed = true));
    response.writeHead(200, { "Content-Length": DATA.length });
    response.write(DATA.subarray(0, DATA.length - 2000)); // the rest would never come
  });
  const messages = await run(url, { budget: "50%" });
  expect(messages.at(-1)).toMatchObject({ type: "complete", whole: false });
  await expect.poll(() => closed).toBe(true);
});

test("a throttle lets bytes through at its speed", async () => {
  const begun = performance.now();
  const messages = await run(DATA.slice().buffer, { bytesPerSecond: 40_000 });
  expect(messages).toEqual(WHOLE);
  expect(performance.now() - begun).toBeGreaterThan((1000 * DATA.length) / 40_000 - 60);
});

test("stopping keeps what is there and says how far it came", async () => {
  const messages: Message[] = [];
  const command = { type: "open" as const, source: DATA.slice().buffer, budget: null, bytesPerSecond: 20_000 };
  const session = new Session(command, (message) => {
    messages.push(message);
    if (message.type !== "update") return;
    session.taken(true);
    if (message.progress.bytes > 3000) session.stop();
  });
  await session.run();
  expect(messages.at(-1)).toMatchObject({ type: "stopped" });
  expect(messages).toEqual([...WHOLE.slice(0, messages.length - 1), messages.at(-1)]);
});

test("decoding waits for the first picture, and then for a page that is busy", async () => {
  const messages: Message[] = [];
  const command = { type: "open" as const, source: DATA.slice().buffer, budget: null, bytesPerSecond: null };
  const session = new Session(command, (message) => messages.push(message));
  const updates = async () => {
    await sleep(50, new AbortController().signal);
    return messages.filter((message) => message.type === "update").length;
  };
  const end = session.run();
  const first = await updates();
  expect(first).toBeGreaterThan(1); // what the first portion of the file holds
  session.taken(false);
  expect(await updates()).toBe(first);
  while (messages.at(-1)!.type !== "complete") {
    session.taken(true);
    await updates();
  }
  await end;
  expect(first).toBeLessThan(await updates());
  expect(messages).toEqual(WHOLE);
});

test("stopping does not wait for a page that is busy", async () => {
  const messages: Message[] = [];
  const command = { type: "open" as const, source: DATA.slice().buffer, budget: null, bytesPerSecond: null };
  const session = new Session(command, (message) => {
    messages.push(message);
    if (message.type === "update") setTimeout(() => { session.stop(); }, 20);
  });
  await session.run();
  expect(messages.at(-1)).toMatchObject({ type: "stopped" });
});

test("a budget that nobody understands is refused", async () => {
  expect(await run(DATA.slice().buffer, { budget: "lots" })).toMatchObject([{ type: "failed", kind: "BudgetError" }]);
});

test("a file that ends inside a chunk says so", async () => {
  const cut = await run(DATA.slice(0, 3000).buffer);
  expect(cut.at(-1)).toMatchObject({ type: "failed", kind: "TruncatedError" });
});
