// The labels by their number.

import { $ } from "./dom.js";

export const NAMES = [...$("label").options].map((option) => option.textContent);

/** The numbers of labels that there are now, in order. */
export const HERE = [...$("label").options].flatMap((option, label) => (option.hidden ? [] : [label]));

/** The place of the name that fits a text best: equal, or begun by it, or with it inside. */
export function find(text, names) {
  const wanted = text.trim().toLowerCase();
  const small = names.map((name) => name.toLowerCase());
  return [(n) => n === wanted, (n) => n.startsWith(wanted), (n) => n.includes(wanted)]
    .map((fits) => small.findIndex(fits)).find((i) => i >= 0);
}
