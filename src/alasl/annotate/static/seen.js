// Which images of a grid were on the screen. Where it is lower than the grid, as on a phone, what lies
// further down was not: nobody answers for that.

import { $ } from "./dom.js";

/** Note what can be seen now of a grid's `cells`; the button that saves then says whether there is more. */
export function look(step, cells) {
  if (!step.ready || step.kind !== "grid") return;
  const end = Math.min(innerHeight, document.querySelector('[data-view="grid"] .actions').getBoundingClientRect().top);
  cells.forEach((cell, place) => {
    const { top, bottom, height } = cell.getBoundingClientRect();
    const middle = (top + bottom) / 2;
    if (height && middle > 0 && middle < end) step.seen.add(place);
  });
  $("save").classList.toggle("more", below(step) >= 0);
}

/** The first place of a grid that nobody saw, and nothing was said of; else -1. */
export const below = ({ kind, values, seen }) =>
  kind === "grid" ? values.findIndex((value, place) => value === undefined && !seen.has(place)) : -1;
