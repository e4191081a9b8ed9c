// Bundles the viewer: the element's script with its two workers inside it as text, its types, the page and its script. They
// go to where the Python package serves them from, or into the folder that is named. Prints the sizes; ends with an error
// if what a page loads is larger than its budget.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const BUDGET = 60_000; // bytes of the element's and the page's scripts after gzip
const FOLDER = process.argv[2] ?? join(import.meta.dirname, "../src/sfumato/viewer_dist");
const WORKERS = { worker: "src/decode/worker.ts", sorter: "src/render/sort_worker.ts" };

const common = {
  absWorkingDir: import.meta.dirname,
  bundle: true,
  minify: true,
  target: ["chrome100", "firefox100", "safari15.4"],
  legalComments: "none",
  logLevel: "warning",
  charset: "utf8",
};

async function bundled(entry, options = {}) {
  const result = await build({ ...common, entryPoints: [entry], write: false, ...options });
  return result.outputFiles[0].text;
}

// `import text from "sfumato:worker"` gives a worker's bundled script as text.
const workersAsText = {
  name: "workers",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^sfumato:/ }, ({ path }) => ({ path: path.slice("sfumato:".length), namespace: "worker" }));
    onLoad({ filter: /.*/, namespace: "worker" }, async ({ path }) => ({
      contents: await bundled(WORKERS[path], { format: "iife" }),
      loader: "text",
    }));
  },
};

// What is written in GLSL, without comments and blanks that nobody needs.
const dense = (text) => text.replace(/\/\/.*/g, "").replace(/\s+/g, " ").replace(/ ?([=*/<>,;{}()?:&|]) ?/g, "$1");
const shadersDense = {
  name: "shaders",
  setup({ onLoad }) {
    onLoad({ filter: /_shaders?\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(/`[^`]*`/g, dense),
      loader: "ts",
    }));
  },
};

function put(name, text) {
  writeFileSync(join(FOLDER, name), text);
  const size = gzipSync(text, { level: 9 }).length;
  console.log(`${name}: ${Buffer.byteLength(text)} bytes, ${size} after gzip`);
  return size;
}

mkdirSync(FOLDER, { recursive: true });
copyFileSync(join(import.meta.dirname, "index.html"), join(FOLDER, "index.html"));
copyFileSync(join(import.meta.dirname, "src/page/public.ts"), join(FOLDER, "sfumato-view.d.ts")); // declarations alone
let size = put("sfumato-view.js", await bundled("src/page/index.ts", { format: "esm", plugins: [workersAsText, shadersDense] }));
size += put("sfumato-page.js", await bundled("src/page/page.ts", { format: "esm" }));
if (size > BUDGET) {
  console.error(`the viewer takes ${size} bytes after gzip, ${BUDGET} are allowed`);
  process.exit(1);
}
