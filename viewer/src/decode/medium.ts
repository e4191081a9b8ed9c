/** What the decoder of every medium is. A new medium is one more class with this face, named in decoder.ts. */

import type { Chunk } from "./chunk";
import type { Entry, Index } from "./indx";
import type { Edit, Layout } from "./types";

export interface MediumDecoder {
  readonly layout: Layout;
  /** The chunk kinds that it decodes. */
  readonly kinds: readonly string[];
  /** Splats to be drawn now. */
  readonly splats: number;
  /** Takes INDX; throws a FormatError if it contradicts the base level. */
  indexed(index: Index): void;
  /**
   * What a chunk changes; entry: what INDX says of it, null in the base level. Throws a FormatError, and is then as
   * before. Null if the chunk needs one that is missing.
   */
  take(chunk: Chunk, entry: Entry | null): Edit[] | null;
  /**
   * A chunk is missing: whether what is to come can be shown without it, as far as it does not build on it; or a
   * sentence for people about what is lost with it.
   */
  miss(entry: Entry): boolean | string;
}
