/** Speeds of lines as people write them. */

const UNITS: Partial<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 };

/** Bytes a second of "1mbit", "500kbit"; null for "" and what is no speed: as fast as it comes. */
export function parseRate(text: string | null): number | null {
  const found = /^\s*(\d+(?:\.\d+)?)\s*([kmg]?bit)(?:\/s)?\s*$/i.exec(text ?? "");
  const bits = Number(found?.[1]) * (UNITS[found?.[2].toLowerCase() ?? ""] ?? NaN);
  return bits > 0 ? bits / 8 : null;
}

/** Bytes a second as people read them. */
export function rateText(bytesPerSecond: number | null): string {
  if (bytesPerSecond === null) return "unlimited";
  const kbit = (8 * bytesPerSecond) / 1000;
  return kbit < 1000 ? `${Number(kbit.toPrecision(3))} kbit/s` : `${Number((kbit / 1000).toPrecision(3))} Mbit/s`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(bytes < 1e4 ? 1 : 0)} KB` : `${(bytes / 1e6).toFixed(2)} MB`;
}
