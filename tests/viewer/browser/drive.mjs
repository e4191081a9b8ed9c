// A browser that is told what to do, line by line: one JSON command in, one JSON answer out.
//
//   {"do": "open", "url", "width", "height", "moves", "before"}
//                                                a new page; chunks fade in if it moves; a script to run before its own
//   {"do": "run", "page", "code", "argument"}    the value of an async function's body in the page
//   {"do": "touch", "page", "places"}            fingers go down at the first places, [[x, y], ...], along the others, up
//   {"do": "shot", "page", "path"}               what the page looks like
//   {"do": "close", "page"}
//
// Answers: {"value"} or {"error"}; those of "close" are what the page said on its console and what went wrong in it.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../../viewer/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
  ],
});
const pages = [];

const deeds = {
  async open({ url, width, height, moves, before }) {
    const context = await browser.newContext({
      viewport: { width, height },
      reducedMotion: moves ? "no-preference" : "reduce",
    });
    await context.addInitScript({ content: before });
    const page = await context.newPage();
    const said = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) said.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => said.push(`error: ${error.stack}`));
    await page.goto(url);
    return pages.push({ page, said }) - 1;
  },
  run({ page, code, argument }) {
    return pages[page].page.evaluate(
      ([text, given]) => new (Object.getPrototypeOf(async () => {}).constructor)("given", text)(given),
      [code, argument],
    );
  },
  async touch({ page, places }) {
    const session = await pages[page].page.context().newCDPSession(pages[page].page);
    const fingers = (type, now) =>
      session.send("Input.dispatchTouchEvent", { type, touchPoints: now.map(([x, y], id) => ({ x, y, id })) });
    await fingers("touchStart", places[0]);
    for (const now of places.slice(1)) await fingers("touchMove", now);
    await fingers("touchEnd", []);
  },
  async shot({ page, path }) {
    await pages[page].page.screenshot({ path });
  },
  async close({ page }) {
    await pages[page].page.context().close();
    return pages[page].said;
  },
};

console.log(JSON.stringify({ value: browser.version() }));
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: (await deeds[command.do](command)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();
