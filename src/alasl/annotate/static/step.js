// A step: what is shown and answered at once, as a list of items, each an image and a label.

import { settings } from "./kept.js";
import { runs } from "./layout.js";
import { PRESENT } from "./values.js";

export function make(kind, of) {
  const items = of.flatMap((task) =>
    task.asked.map(({ label, probability }) => ({ image: task.image, label, probability, model: task.model })),
  );
  return {
    kind,
    tasks: of,
    items,
    values: items.map(() => undefined),
    seconds: items.map(() => 0),
    actions: [], // each a list of [place, value before]
    cursor: 0,
    shown: settings.shown,
    seen: new Set(), // places of a grid that were on the screen
    unseen: new Set(), // places whose picture cannot be shown
    held: new Set(), // images of a grid that something on the way keeps back
    ready: false,
    requests: 0, // that were sent for it
  };
}

/** How many images in a grid are asked of each label, in turn. */
export const counts = ({ items }) => runs(items.map(({ label }) => label));

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

/** The cells of a grid that comes back: each a task of one label, in turn. */
export function cellsOf({ tasks: of, answers }) {
  const labels = [...new Set(answers.map(({ label }) => label))];
  return labels.flatMap((label) =>
    of.flatMap((task) => {
      const asked = task.asked.filter((one) => one.label === label);
      const said = answers.some((one) => one.image === task.image && one.label === label);
      return said ? [{ ...task, asked }] : [];
    }),
  );
}
