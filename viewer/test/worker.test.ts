/** The worker as a page meets it: commands in, messages with their buffers out. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Command, Message } from "../src/decode/types";
import { decode, golden } from "./files";

const FILES = ["image-rgba.sfu", "scene/scene-degree-1-many-groups.sfu"];

const scope = globalThis as unknown as {
  onmessage: ((event: { data: Command }) => void) | null;
  close: (() => void) | undefined;
  postMessage: ((message: Message, transfer: Transferable[]) => void) | undefined;
};

let messages: Message[] = [];
let closed = 0;

beforeAll(async () => {
  // A real transfer, after which the sender has no more than empty arrays.
  scope.postMessage = (message, transfer) => {
    messages.push(structuredClone(message, { transfer }));
    if (message.type === "update") setTimeout(() => { send({ type: "taken", shown: true }); });
  };
  scope.close = () => closed++;
  await import("../src/decode/worker");
});

beforeEach(() => {
  messages = [];
  closed = 0;
});

// Whatever ends the file ends its worker.
afterEach(() => {
  expect(closed).toBe(1);
});

afterAll(() => {
  scope.postMessage = scope.close = undefined;
  scope.onmessage = null;
});

function send(data: Command): void {
  scope.onmessage!({ data });
}

function open(name: string, bytesPerSecond: number | null = null): void {
  send({ type: "open", source: golden(name).slice().buffer, budget: null, bytesPerSecond });
}

test.each(FILES)("the messages of %s arrive whole, though their buffers are handed over", async (name) => {
  open(name);
  await expect.poll(() => messages.at(-1)?.type).toBe("complete");
  expect(messages).toEqual(decode(golden(name)).messages);
});

test("a throttle can be lifted on the way", async () => {
  open(FILES[1], 10);
  send({ type: "throttle", bytesPerSecond: 1000 });
  send({ type: "throttle", bytesPerSecond: null });
  await expect.poll(() => messages.at(-1)?.type).toBe("complete");
});

test("stopping is answered, and nothing comes after it", async () => {
  open(FILES[1], 2000);
  await expect.poll(() => messages.some((message) => message.type === "opened")).toBe(true);
  send({ type: "stop" });
  await expect.poll(() => messages.at(-1)?.type).toBe("stopped");
});
