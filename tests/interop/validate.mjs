// Prints the report of Khronos' glTF validator on one file as JSON: node validate.mjs MODULE FILE
import { readFileSync } from 'node:fs';

const [module, file] = process.argv.slice(2);
const { default: validator } = await import(module);
const report = await validator.validateBytes(new Uint8Array(readFileSync(file)), { maxIssues: 1000 });
process.stdout.write(JSON.stringify(report));
