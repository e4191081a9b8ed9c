/** How much of a file may be used: budgets as people write them, as in sfumato.container.budget. */

import { FormatError } from "./errors";
import type { Prefix } from "./types";

// KB and MB are decimal as on a phone bill (IEC 80000-13), KiB and MiB binary.
const BYTES: Partial<Record<string, number>> = {
  "": 1,
  b: 1,
  byte: 1,
  bytes: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};

/** Which of the prefixes of a file keeps a budget; `whole`: bytes of the whole file; `before`: the next shorter prefix. */
export type Budget = (prefix: Prefix, whole: number, before?: Prefix) => boolean;

/** A budget such as "5%", "30KB", "64KiB", "2000" (bytes), "2000 splats" or "level 2"; BudgetError for all else. */
export function parseBudget(text: string): Budget {
  const plain = text.trim().toLowerCase();
  const level = /^level\s*(\d{1,3})$/.exec(plain);
  if (level) return (_prefix, _whole, before) => !before || before.levels <= Number(level[1]);
  const found = /^(\d{1,15}(?:\.\d{1,9})?)\s*([a-z%]*)$/.exec(plain);
  const amount = Number(found?.[1]);
  const unit = found?.[2];
  if (found && amount > 0) {
    if (unit === "%" && amount <= 100) return (prefix, whole) => prefix.bytes * 100 <= amount * whole;
    if (unit === "splat" || unit === "splats") return (prefix) => prefix.splats <= amount;
    const bytes = BYTES[unit ?? "?"];
    if (bytes !== undefined) return (prefix) => prefix.bytes <= amount * bytes;
  }
  throw new FormatError(
    "BudgetError",
    `cannot understand the budget '${text}': write it like '5%', '30KB', '64KiB', '20000 splats' or 'level 2'`,
  );
}

/** Bytes of the longest prefix that keeps the budget; of the shortest if none does. */
export function budgetBytes(prefixes: readonly Prefix[], budget: Budget): number {
  const whole = prefixes[prefixes.length - 1].bytes;
  let bytes = prefixes[0].bytes;
  prefixes.forEach((prefix, i) => {
    if (budget(prefix, whole, prefixes[i - 1])) bytes = Math.max(bytes, prefix.bytes);
  });
  return bytes;
}
