/** What becomes of files in an engine of JavaScript, as text that is the same in all: bundled for browsers and node. */

import { crc32c } from "../src/decode/crc32c";
import { Decoder } from "../src/decode/decoder";
import { FormatError } from "../src/decode/errors";

/** All messages of decoding a file, in base64, and the error that ended it; checksums in the place of arrays. */
export function digest(base64: string): string {
  const said: string[] = [];
  const decoder = new Decoder((message) => said.push(JSON.stringify(message, (_, value: unknown) => summed(value))));
  try {
    decoder.feed(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
    decoder.close();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    said.push(`${error.kind}: ${error.message}`);
  }
  return said.join("\n");
}

function summed(value: unknown): unknown {
  if (!ArrayBuffer.isView(value)) return value;
  return `${value.byteLength} bytes ${crc32c(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))}`;
}
