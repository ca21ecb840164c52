// How many images a grid has, and how large they are: as many as the screen holds at a size at which
// they can be judged, and where there are fewer, larger.

import { $ } from "./dom.js";

const FEWEST = 6,
  MOST = 60;
const WIDTH = 200,
  HEIGHT = 165; // px that a tile should have at least
const NARROW = 640; // px; below it tiles stand in two columns and the page scrolls
const AROUND = 184; // px that the page has above and below a grid, beside its header
const UNDER = 76; // px that it has above and below a large image
const SHARE = 0.64; // of the window's width, that a large image has beside its labels
// [size, px] of pictures, from small to large, but for the one for zooming in.
const SIDES = Object.entries(JSON.parse($("sides").textContent)).sort(([, a], [, b]) => a - b);

function room() {
  const { offsetHeight } = document.querySelector("header");
  return [innerWidth - 26, Math.max(HEIGHT, innerHeight - offsetHeight - AROUND)];
}

/** Images that a grid takes. */
export function capacity() {
  const [width, height] = room();
  const fit = Math.max(2, Math.floor(width / WIDTH)) * Math.max(3, Math.floor(height / HEIGHT));
  return Math.min(MOST, Math.max(FEWEST, fit));
}

/** Columns, and the height of a tile, at which `count` images are as large as there is room. */
export function arrange(count) {
  const [width, height] = room();
  if (innerWidth < NARROW) return { columns: 2, height: 176 };
  let best = { columns: 1, side: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const tall = height / Math.ceil(count / columns);
    const side = Math.min(width / columns, 1.35 * tall);
    if (side > best.side) best = { columns, side, height: Math.max(112, tall - 8) };
  }
  return best;
}

/** The size of pictures that is sharp in a grid of `count`. */
export function pictureSize(count) {
  const { columns, height } = arrange(count);
  return sharp(room()[0] / columns, height);
}

/** The size of a picture that is sharp beside its labels. */
export function stageSize() {
  if (innerWidth < NARROW) return sharp(innerWidth, innerHeight / 2);
  const { offsetHeight } = document.querySelector("header");
  return sharp(SHARE * innerWidth, innerHeight - offsetHeight - UNDER);
}

/** The smallest size that is sharp in a box of so many px; no picture needs more than the largest. */
function sharp(width, height) {
  const pixels = devicePixelRatio * Math.max(width, height);
  return (SIDES.find(([, side]) => side >= pixels) ?? SIDES.at(-1))[0];
}
