/** How fast files decode: `npm run bench -- FILE ...`. */

import { readFileSync } from "node:fs";
import { argv, stdout } from "node:process";
import { Decoder } from "../src/decode/decoder";

const ROUNDS = 8;

for (const file of argv.slice(2)) {
  const data = new Uint8Array(readFileSync(file));
  const times: number[] = [];
  let [splats, first] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const decoder = new Decoder((message) => {
      if (message.type !== "update") return;
      splats = message.progress.splats;
      if (round === 0) first ||= performance.now() - start;
    });
    decoder.feed(data);
    decoder.close();
    times.push(performance.now() - start);
  }
  const least = Math.min(...times);
  stdout.write(
    `${file}: ${splats} splats; cold ${times[0].toFixed(0)} ms, first picture ${first.toFixed(0)} ms; ` +
      `warm ${least.toFixed(0)} ms, ${(splats / least / 1000).toFixed(2)} million splats a second\n`,
  );
}
