// How many images a grid has, and how large they are: as many as the screen holds at a size at which
// they can be judged, and where there are fewer, larger. Labels with few images each share a screen.

import { $ } from "./dom.js";

const FEWEST = 6, // a label with fewer images shares a screen
  MOST = 60;
const WIDTH = 200,
  HEIGHT = 165; // px that a tile should have at least
const SHARED = 132; // px of height that it should have where labels share a screen
const TITLE = matchMedia("(pointer: coarse)").matches ? 48 : 32; // px that a label's name takes there
const LOWEST = 112; // px of height that it has even where there is less room
const NARROW = 640; // px; below it tiles stand in two columns and the page scrolls,
const NARROW_MOST = 12, // over two screens at most,
  NARROW_ROWS = 3, // of so many rows each,
  LOW = 120, // as long as these are not lower, nor higher
  TALL = 176;
const AROUND = 184; // px that the page has above and below a grid, beside its header
const UNDER = 76; // px that it has above and below a large image
const SHARE = 0.64; // of the window's width, that a large image has beside its labels
// [size, px] of pictures, from small to large, but for the one for zooming in.
const SIDES = Object.entries(JSON.parse($("sides").textContent)).sort(([, a], [, b]) => a - b);

let header = 0; // px of height, which only the window changes

addEventListener("resize", () => {
  header = 0;
});

/** Asked at each key it would have the browser lay out the page before what is new is in it. */
function headerHeight() {
  header ||= document.querySelector("header").offsetHeight;
  return header;
}

function room() {
  return [innerWidth - 26, Math.max(HEIGHT, innerHeight - headerHeight() - AROUND)];
}

/** Images that a grid takes. */
export function capacity() {
  if (innerWidth < NARROW) return NARROW_MOST;
  const [width, height] = room();
  const fit = Math.max(2, Math.floor(width / WIDTH)) * Math.max(3, Math.floor(height / HEIGHT));
  return Math.min(MOST, Math.max(FEWEST, fit));
}

/**
 * How many of the tasks that come first stand on one screen; `labels`: of each task. A label with
 * many images has one of its own, of short ones as many as fit share one.
 */
export function screenful(labels) {
  const most = capacity(),
    counts = [];
  for (const count of runs(labels)) {
    const together = [...counts, count];
    if (counts.length && (count >= FEWEST || sum(together) > most || isCrowded(together))) break;
    counts.push(count);
    if (count >= FEWEST) break;
  }
  return Math.min(most, sum(counts));
}

/** Whether tiles would be too low; where the page scrolls they are as high however many there are. */
const isCrowded = (counts) => innerWidth >= NARROW && arrange(counts).height < SHARED;

/** How long each run of one label is. */
export function runs(labels) {
  const starts = labels.flatMap((label, i) => (label === labels[i - 1] ? [] : [i]));
  return starts.map((start, i) => (starts[i + 1] ?? labels.length) - start);
}

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

/** Columns, and the height of a tile, at which so many images of each label are as large as there is room. */
export function arrange(counts) {
  const [width, height] = room();
  if (innerWidth < NARROW) return { columns: 2, height: Math.min(TALL, Math.max(LOW, height / NARROW_ROWS - 8)) };
  let best = { columns: 1, side: 0 };
  for (let columns = 1; columns <= sum(counts); columns += 1) {
    const { rows, titles } = stack(counts, columns);
    const tall = (height - TITLE * titles) / rows;
    const side = Math.min(width / columns, 1.35 * tall);
    if (side > best.side) best = { columns, side, height: Math.max(LOWEST, tall - 8) };
  }
  return best;
}

/** The rows of images, and of labels' names, where labels stand side by side as far as there are columns. */
function stack(counts, columns) {
  let rows = 0,
    titles = 0,
    free = 0;
  for (const count of counts) {
    const wide = Math.min(count, columns);
    if (wide > free) {
      rows += Math.ceil(count / columns);
      titles += counts.length > 1 ? 1 : 0;
      free = columns;
    }
    free -= wide;
  }
  return { rows, titles };
}

/** The size of pictures that is sharp in a grid of so many of each label. */
export function pictureSize(counts) {
  const { columns, height } = arrange(counts);
  return sharp(room()[0] / columns, height);
}

/** The size of a picture that is sharp beside its labels. */
export function stageSize() {
  if (innerWidth < NARROW) return sharp(innerWidth, innerHeight / 2);
  return sharp(SHARE * innerWidth, innerHeight - headerHeight() - UNDER);
}

/** The smallest size that is sharp in a box of so many px; no picture needs more than the largest. */
function sharp(width, height) {
  const pixels = devicePixelRatio * Math.max(width, height);
  return (SIDES.find(([, side]) => side >= pixels) ?? SIDES.at(-1))[0];
}
