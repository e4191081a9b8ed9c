/** Chunks of an image to edits. */

import type { Chunk } from "./chunk";
import { chunkError, limitError, unsupportedError } from "./errors";
import type { Head } from "./head";
import { decodeImageChunk } from "./image_chunk";
import { imageSplats } from "./image_splats";
import type { Entry, Index } from "./indx";
import type { MediumDecoder } from "./medium";
import { IMAGE_KIND, IMAGE_MAX_SIDE } from "./tables";
import type { Edit, ImageLayout } from "./types";

export class ImageDecoder implements MediumDecoder {
  readonly layout: ImageLayout;
  readonly kinds = [IMAGE_KIND];
  splats = 0;

  constructor(head: Head) {
    const [width, height, channels] = ["width", "height", "channels"].map((name) => head.wholes(name, 1)[0]);
    if (Math.min(width, height, channels) < 1) throw chunkError("HEAD gives no width, height and channels");
    if (Math.max(width, height) > IMAGE_MAX_SIDE) {
      throw limitError(`HEAD declares ${width} x ${height} pixels; ${IMAGE_MAX_SIDE} a side are allowed`);
    }
    if (channels !== 1 && channels !== 3 && channels !== 4) {
      throw unsupportedError(`HEAD declares ${channels} colour channels; 1, 3 and 4 are known`);
    }
    this.layout = { medium: "image", width, height, channels };
  }

  indexed(index: Index): void {
    this.check("the base level", this.splats, index.baseSplats);
  }

  take(chunk: Chunk, entry: Entry | null): Edit[] {
    const { channels, width, height } = this.layout;
    const integers = decodeImageChunk(chunk.payload, channels, width, height);
    const [first, count] = [this.splats, integers.count];
    if (entry) this.check("the chunk", count, entry.splats);
    const edit = { type: "append2d" as const, first, count, ...imageSplats(integers) };
    this.splats += count;
    return [edit];
  }

  /** Splats are added up, so that none needs another. */
  miss(): boolean {
    return true;
  }

  private check(part: string, found: number, promised: number): void {
    if (found !== promised) throw chunkError(`${part} holds ${found} splats, INDX announces ${promised}`);
  }
}
