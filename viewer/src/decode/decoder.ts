/** The bytes of a file to messages for the page. */

import { AvatarDecoder } from "./avatar_decoder";
import { budgetBytes, parseBudget } from "./budget";
import type { Chunk } from "./chunk";
import { asFormatError, FormatError, unsupportedError } from "./errors";
import type { Head } from "./head";
import { ImageDecoder } from "./image_decoder";
import type { Entry } from "./indx";
import type { MediumDecoder } from "./medium";
import { Parser } from "./parser";
import { SceneDecoder } from "./scene_decoder";
import { reuse } from "./scratch";
import type { Edit, Message, Progress } from "./types";

const MEDIA: Partial<Record<string, new (head: Head) => MediumDecoder>> = {
  image: ImageDecoder,
  scene: SceneDecoder,
  avatar: AvatarDecoder,
};

export interface DecoderSettings {
  /** Show no more than this, such as "5%"; null for all of it. Where not even the base level fits, that is shown. */
  budget?: string | null;
  /** Whether the first broken promise is the end, as in the Python package, rather than skipped where possible. */
  strict?: boolean;
}

/**
 * Feed it the bytes of a file in any portions, then `close` it: it posts `opened`, `indexed`, `update`s, `damaged` and
 * `complete`, and throws a FormatError for what stops it.
 */
export class Decoder {
  /** Whether everything has come that the file or the budget holds. */
  complete = false;
  private readonly parser: Parser;
  private readonly budget: string | null;
  private readonly strict: boolean;
  private medium: MediumDecoder | null = null;
  private limit = Infinity; // bytes that the budget lets through
  private damaged = 0;
  private lowestDamaged = Infinity;

  /** Throws BudgetError. */
  constructor(
    private readonly post: (message: Message) => void,
    settings: DecoderSettings = {},
  ) {
    this.budget = settings.budget ?? null;
    if (this.budget !== null) parseBudget(this.budget);
    this.strict = settings.strict ?? false;
    this.parser = new Parser({
      head: () => this.takeHead(),
      index: () => {
        this.takeIndex();
      },
      chunk: (chunk, entry) => {
        this.takeChunk(chunk, entry);
      },
      ...(!this.strict && {
        damaged: (entry, offset, error) => {
          this.takeDamage(entry, offset, error);
        },
      }),
    });
  }

  /** Takes the next bytes. */
  feed(data: Uint8Array): void {
    if (this.complete && !this.strict) return;
    this.parser.feed(data);
  }

  /** Says that there are no more bytes: posts `complete` if they make a valid file, throws otherwise. */
  close(): void {
    if (this.complete && !this.strict) return;
    this.parser.close();
    if (!this.complete) this.finish();
  }

  /** Bytes of the file that have been taken, up to the end of a chunk. */
  get position(): number {
    return this.parser.position;
  }

  /** Forgets the bytes of a chunk that is not complete: those from `position` on will be fed again. */
  rewind(): void {
    this.parser.rewind();
  }

  get progress(): Progress {
    const { progress, position } = this.parser;
    const base = progress.head?.levels[0].chunks ?? 0;
    const prefix = progress.prefixes.at(progress.index ? progress.chunks - base - 2 : 0);
    return {
      bytes: position,
      splats: this.medium?.splats ?? 0,
      prefixDb: this.damaged ? null : (prefix?.db ?? null),
      levelsComplete: Math.min(progress.levelsComplete, this.lowestDamaged),
    };
  }

  private takeHead(): readonly string[] {
    const head = this.parser.progress.head!;
    const Medium = MEDIA[head.medium];
    if (!Medium)
      throw unsupportedError(`HEAD says that the file is of the medium '${head.medium}', which is not shown here`);
    this.medium = new Medium(head);
    const levels = head.levels.map(({ chunks, splats }) => ({ chunks, splats }));
    this.post({ type: "opened", medium: head.medium, layout: this.medium.layout, levels, fields: head.fields });
    return this.medium.kinds;
  }

  private takeIndex(): void {
    const { prefixes, index } = this.parser.progress;
    this.medium!.indexed(index!);
    const totalBytes = prefixes[prefixes.length - 1].bytes;
    if (this.budget !== null) this.limit = budgetBytes(prefixes, parseBudget(this.budget));
    this.post({ type: "indexed", totalBytes, budgetBytes: Math.min(this.limit, totalBytes), prefixes });
    this.update([]);
  }

  private takeChunk(chunk: Chunk, entry: Entry | null): void {
    if (this.position > this.limit) return;
    let edits: Edit[] | null;
    reuse();
    try {
      edits = this.medium!.take(chunk, entry);
    } catch (caught) {
      const { kind, message } = asFormatError(caught);
      const error = new FormatError(kind, `${chunk.kind} of level ${chunk.level} at byte ${chunk.offset}: ${message}`);
      if (this.strict || !entry) throw error;
      this.takeDamage(entry, chunk.offset, error);
      return;
    }
    if (!edits) this.countDamage(chunk.level);
    this.update(edits ?? []);
  }

  private takeDamage(entry: Entry, offset: number, error: FormatError): void {
    if (this.position > this.limit) return;
    this.countDamage(entry.level);
    const { kind, level } = entry;
    const text = `a part of the file is damaged: ${error.message}`;
    this.post({ type: "damaged", kind: error.kind, chunk: { kind, level, offset }, text });
    const shown = this.medium!.miss(entry);
    if (shown === false) {
      throw new FormatError(error.kind, `${error.message}; what follows cannot be shown without it`);
    }
    if (shown !== true) this.post({ type: "warning", text: shown });
    this.update([]);
  }

  private countDamage(level: number): void {
    this.damaged++;
    this.lowestDamaged = Math.min(this.lowestDamaged, level);
  }

  private update(edits: Edit[]): void {
    this.post({ type: "update", edits, progress: this.progress });
    if (this.parser.progress.finished || this.position >= this.limit) this.finish();
  }

  private finish(): void {
    this.complete = true;
    const whole = this.parser.progress.finished;
    this.post({ type: "complete", progress: this.progress, whole, damaged: this.damaged });
  }
}

/** The buffers of a message, to be transferred instead of copied. */
export function buffersOf(message: Message): ArrayBuffer[] {
  if (message.type !== "update") return [];
  const arrays = message.edits.flatMap((edit) => Object.values(edit) as unknown[]);
  return arrays
    .filter((value): value is ArrayBufferView<ArrayBuffer> => ArrayBuffer.isView(value))
    .map((a) => a.buffer);
}
