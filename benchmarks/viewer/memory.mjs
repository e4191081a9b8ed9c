// The memory of a viewer that opens a file: node memory.mjs CHROMIUM ADDRESS SIDE FILE SECONDS
//
// Opens the viewer's page without a file, then shows FILE in it, moves it for some SECONDS, and prints as JSON what the
// heaps of the page and its workers, the processes of the browser and the counters of memory.js say. Bytes throughout.

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../viewer/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [executablePath, address, side, file, seconds] = process.argv.slice(2);

// Milliseconds between two looks, and until what fades has faded.
const [EVERY, REST] = [10, 1500];
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

const server = await chromium.launchServer({
  executablePath,
  args: [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
  ],
});
const browser = await chromium.connect(server.wsEndpoint());
const context = await browser.newContext({ viewport: { width: Number(side), height: Number(side) } });
await context.addInitScript({ path: new URL("memory.js", import.meta.url).pathname });
const page = await context.newPage();
const complaints = [];
page.on("console", (message) => {
  if (["error", "warning"].includes(message.type())) complaints.push(message.text());
});
page.on("pageerror", (error) => complaints.push(error.stack));

// The page's workers, of each the questions that it has not answered; playwright itself does not speak with them.
const session = await context.newCDPSession(page);
const workers = new Map();
let questions = 0;
session.on("Target.attachedToTarget", ({ sessionId }) => workers.set(sessionId, new Map()));
session.on("Target.detachedFromTarget", ({ sessionId }) => {
  for (const answer of workers.get(sessionId).values()) answer(null);
  workers.delete(sessionId);
});
session.on("Target.receivedMessageFromTarget", ({ sessionId, message }) => {
  const { id, result } = JSON.parse(message);
  workers.get(sessionId)?.get(id)?.(result);
});
await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });

/** What the page and each of its workers answer; null where one has ended meanwhile. */
function all(method) {
  const asked = Array.from(workers, ([sessionId, open]) => new Promise((answer) => {
    open.set(++questions, answer);
    const message = JSON.stringify({ id: questions, method });
    session.send("Target.sendMessageToTarget", { sessionId, message }).catch(() => answer(null));
  }));
  return Promise.all([session.send(method), ...asked]);
}

/** Of objects and of array buffers, those that wait for the garbage collection included. */
async function heaps() {
  const found = { objects: 0, buffers: 0 };
  for (const heap of await all("Runtime.getHeapUsage")) {
    found.objects += heap?.usedSize ?? 0;
    found.buffers += heap?.backingStorageSize ?? 0;
  }
  return found;
}

/** The renderers, which have the workers, and the process of the graphics card: their numbers. */
function processes() {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((one) => Number(one))) {
    try {
      parents.set(Number(name), Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1).split(" ")[1]));
    } catch { /* it has ended */ }
  }
  const ours = (id) => id === server.process().pid || (parents.has(id) && ours(parents.get(id)));
  const kinds = [];
  for (const id of [...parents.keys()].filter(ours)) {
    const kind = /--type=(renderer|gpu-process)/.exec(readFileSync(`/proc/${id}/cmdline`, "utf8"))?.[1];
    if (kind) kinds.push([id, kind === "renderer" ? "page" : "card"]);
  }
  return kinds;
}

/** What each of them has in memory beside files: its own, and its part of what several share (PSS). */
function resident() {
  const found = { page: 0, card: 0 };
  for (const [id, kind] of processes()) {
    const text = readFileSync(`/proc/${id}/smaps_rollup`, "utf8");
    for (const [, kilobytes] of text.matchAll(/^Pss_(?:Anon|Shmem):\s*(\d+)/gm)) found[kind] += 1024 * Number(kilobytes);
  }
  return found;
}

/** Everything, when no garbage is left. */
async function settled() {
  await all("HeapProfiler.enable");
  for (let i = 0; i < 2; i++) await all("HeapProfiler.collectGarbage");
  await all("HeapProfiler.disable");
  await wait(REST);
  return { heaps: await heaps(), resident: resident() };
}

await page.goto(address);
await page.waitForFunction(() => customElements.get("sfumato-view"));
await wait(REST);
const before = await settled();

const most = { heaps: before.heaps, resident: before.resident };
const total = (parts) => Object.values(parts).reduce((sum, part) => sum + part, 0);
const raise = (name, found) => {
  if (total(found) > total(most[name])) most[name] = found;
};
let over = false;
const watched = [
  (async () => {
    for (; !over; await wait(EVERY)) raise("resident", resident());
  })(),
  (async () => {
    for (; !over; await wait(EVERY)) raise("heaps", await heaps());
  })(),
];
await page.evaluate((source) => document.querySelector("sfumato-view").load(source), file);
await page.waitForFunction(() => {
  const { report } = document.querySelector("sfumato-view");
  return report.state !== "loading" && report.firstPicture;
}, null, { timeout: 120_000 });
await wait(REST);
await page.evaluate(async (milliseconds) => {
  const view = document.querySelector("sfumato-view");
  const canvas = view.shadowRoot.querySelector("canvas");
  for (const until = performance.now() + milliseconds; performance.now() < until; ) {
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    view.pose = { jawOpen: Math.random() }; // of avatars
    await new Promise(requestAnimationFrame);
  }
}, 1000 * Number(seconds));
over = true;
await Promise.all(watched);
const after = await settled();
const { decoded, now, peak, state } = await page.evaluate(() => window.counted());
const version = browser.version();
await browser.close();
await server.close();
console.log(JSON.stringify({ version, before, most, after, decoded, card: { after: now, most: peak }, state, complaints }));
