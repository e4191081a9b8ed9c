/** How fast an avatar is posed: `npm run bench:pose -- FILE ...`. */

import { readFileSync } from "node:fs";
import { argv, stdout } from "node:process";
import { AvatarSplats } from "../src/avatar/splats";
import { Decoder } from "../src/decode/decoder";

const FRAMES = 200;

for (const file of argv.slice(2)) {
  const pose = new AvatarSplats();
  const decoder = new Decoder((message) => {
    if (message.type === "update") pose.apply(message.edits);
  });
  decoder.feed(new Uint8Array(readFileSync(file)));
  decoder.close();
  const weights: Record<string, number> = {};
  for (const kind of ["poseVertices", "poseCenters", "pose"] as const) {
    const times: number[] = [];
    for (let frame = 0; frame < FRAMES; frame++) {
      for (const name of ["jawOpen", "eyeBlinkLeft", "mouthSmileLeft", "mouthSmileRight", "browInnerUp"]) {
        weights[name] = Math.sin(frame / 10) ** 2;
      }
      weights.headYaw = 20 * Math.sin(frame / 20);
      const start = performance.now();
      pose[kind]({ weights });
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    const [least, middle] = [times[0], times[FRAMES >> 1]].map((time) => time.toFixed(2));
    stdout.write(`${file}: ${pose.count} splats, ${kind}: ${least} ms at least, ${middle} ms mostly\n`);
  }
}
