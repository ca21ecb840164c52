// A step: what is shown and answered at once, as a list of items, each an image and a label.

import { settings } from "./kept.js";
import { PRESENT } from "./values.js";

export function make(kind, of) {
  const items = of.flatMap((task) =>
    task.asked.map(({ label, probability }) => ({ image: task.image, label, probability, model: task.model })),
  );
  const chosen = kind === "grid" ? items.filter((item) => item.label === items[0].label) : items;
  return {
    kind,
    tasks: of,
    items: chosen,
    values: chosen.map(() => undefined),
    seconds: chosen.map(() => 0),
    actions: [], // each a list of [place, value before]
    cursor: 0,
    shown: settings.shown,
    unseen: new Set(), // places whose picture cannot be shown
    held: new Set(), // images of a grid that something on the way keeps back
    ready: false,
    requests: 0, // that were sent for it
  };
}

/** What stands for an item: what the person said, or what is known, or was ticked beforehand. */
export function standing({ values, items, shown }, place) {
  const expected = shown && items[place].probability >= 0.5 ? PRESENT : undefined;
  return values[place] ?? items[place].known ?? expected;
}

/** The places that are asked, and nothing was said of. */
export const openPlaces = ({ values, items }) =>
  values.flatMap((value, place) => (value === undefined && !items[place].unasked ? [place] : []));

/** What is known otherwise than the person says. */
export const corrections = ({ values, items }) =>
  items
    .map((item, place) => ({ item, value: values[place] }))
    .filter(({ item, value }) => item.known !== undefined && value !== undefined && value !== item.known);
