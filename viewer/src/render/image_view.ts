/** Which part of an image is seen, and how large. */

/** Pixel (x, y) of the image is at (left + scale x, top + scale y) of the canvas. */
export interface ImageView {
  scale: number;
  left: number;
  top: number;
}

interface Size {
  width: number;
  height: number;
}

/** Largest magnification, in pixels of the canvas for one of the image. */
const LARGEST_SCALE = 64;

/** All of the image, as large as it can be, in the middle. */
export function fitImage(image: Size, canvas: Size): ImageView {
  const scale = Math.min(canvas.width / image.width, canvas.height / image.height);
  return {
    scale,
    left: (canvas.width - scale * image.width) / 2,
    top: (canvas.height - scale * image.height) / 2,
  };
}

/** Larger by a factor around a place of the canvas, within limits. */
export function zoomImage(view: ImageView, image: Size, canvas: Size, factor: number, x: number, y: number): ImageView {
  const least = Math.min(1, fitImage(image, canvas).scale) / 2;
  const scale = Math.min(Math.max(view.scale * factor, least), Math.max(LARGEST_SCALE, view.scale));
  const by = scale / view.scale;
  return panImage({ scale, left: x + (view.left - x) * by, top: y + (view.top - y) * by }, image, canvas, 0, 0);
}

/** Moved by so many pixels of the canvas; the middle of the canvas stays inside the image. */
export function panImage(view: ImageView, image: Size, canvas: Size, dx: number, dy: number): ImageView {
  const inside = (at: number, size: number, side: number) => Math.min(Math.max(at, side / 2 - size), side / 2);
  const { scale } = view;
  return {
    scale,
    left: inside(view.left + dx, scale * image.width, canvas.width),
    top: inside(view.top + dy, scale * image.height, canvas.height),
  };
}
