// The labels by their number.

import { $ } from "./dom.js";
import { t } from "./words.js";

const all = JSON.parse($("labels").textContent);

export const NAMES = all.map(([name]) => name);

/** The numbers of labels that there are now, in order. */
export const HERE = all.flatMap(([, here], label) => (here ? [label] : []));

/** The place of the name that fits a text best: equal, or begun by it, or with it inside. */
export function find(text, names) {
  const wanted = text.trim().toLowerCase();
  const small = names.map((name) => name.toLowerCase());
  return [(n) => n === wanted, (n) => n.startsWith(wanted), (n) => n.includes(wanted)]
    .map((fits) => small.findIndex(fits))
    .find((i) => i >= 0);
}

/** Labels by the label that they are part of: [parent, labels], those of none last, under null. */
export function groups(parentOf) {
  const found = new Map();
  const parents = new Set(HERE.map(parentOf).filter((parent) => parent !== null));
  for (const label of HERE) {
    // A parent heads its own group.
    const group = parents.has(label) ? label : parentOf(label);
    const same = found.get(group) ?? [];
    found.set(group, group === label ? [label, ...same] : [...same, label]);
  }
  const others = found.get(null);
  found.delete(null);
  return [...found, ...(others ? [[null, others]] : [])];
}

/** Fill a list to choose a label from, in groups where there are any. */
export function fillList(list, parentOf) {
  const option = (label) => new Option(NAMES[label], label);
  const chosen = list.value;
  const first = [...list.options].filter(({ value }) => value === "");
  const found = groups(parentOf);
  const parts = found.map(([parent, labels]) => {
    if (found.length === 1) return labels.map(option);
    const group = document.createElement("optgroup");
    group.label = parent === null ? t("guide.others") : NAMES[parent];
    group.append(...labels.map(option));
    return [group];
  });
  list.replaceChildren(...first, ...parts.flat());
  if (chosen) list.value = chosen;
}
