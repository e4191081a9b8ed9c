/** Colours as pages write them. */

/** Red, green and blue, 0..1, behind the picture; null for nothing: what is below the canvas shows through. */
export type Background = readonly [number, number, number] | null;

/** What a CSS colour means; null for "transparent", and for what is no colour or not opaque. */
export function parseColour(text: string): Background {
  const brush = document.createElement("canvas").getContext("2d");
  if (!brush || !CSS.supports("color", text)) return null;
  brush.fillStyle = text;
  // Browsers that resist fingerprinting put noise into what is read back: most colours need not be.
  const parts = /^#(..)(..)(..)$/.exec(brush.fillStyle);
  if (parts) return [1, 2, 3].map((i) => parseInt(parts[i], 16) / 255) as [number, number, number];
  brush.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
  return a === 255 ? [r / 255, g / 255, b / 255] : null;
}
