// One image, large, and the labels asked of it.

import { $, stamp } from "./dom.js";
import { NAMES } from "./labels.js";
import { ABSENT, PRESENT, WORDS } from "./words.js";
import { drawStage } from "./zoom.js";

export const imageView = {
  size: () => "large", // of the pictures
  columns: 1,
  list: $("asked"),

  /** Draw a step; `on.answer(value, place)` and `on.point(place)` hear of clicks and the focus. */
  draw(step, on) {
    const [task] = step.tasks;
    drawStage($("stage"), task);
    $("find").hidden = true;
    $("asked").replaceChildren(...step.items.map((item, place) => {
      const row = stamp("row");
      row.querySelector("bdi").textContent = NAMES[item.label];
      const chance = step.shown && item.probability !== null ? `${Math.round(100 * item.probability)} %`
        : item.known !== undefined ? "known" : item.unasked ? "not asked" : "";
      row.querySelector(".chance").textContent = chance;
      for (const button of row.querySelectorAll("button"))
        button.addEventListener("click", () => on.answer(Number(button.dataset.value), place));
      row.firstElementChild.addEventListener("focusin", () => on.point(place));
      return row;
    }));
    drawKnown(task.known, on.open);
  },

  /** Draw what stands for an item: `value`, of which the person said `said`. */
  mark(step, place, value, said) {
    const group = $("asked").children[place].firstElementChild;
    group.dataset.by = said === undefined && value !== undefined ? "model" : "person";
    for (const button of group.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(value) === button.dataset.value);
    const chance = group.querySelector(".chance").textContent;
    const parts = [this.name(step, place), WORDS.get(value), chance.endsWith("%") ? `expected ${chance}` : chance, `${place + 1} of ${step.items.length}`];
    group.setAttribute("aria-label", parts.filter(Boolean).join(", "));
  },

  point() {},
  arrange() {},
  keyed: () => -1,

  name: (step, place) => NAMES[step.items[place].label],
};

function drawKnown(known, open) {
  const parts = [];
  for (const [value, word] of [[PRESENT, "Present"], [ABSENT, "Absent"]]) {
    const labels = known.filter(([, stands]) => stands === value).map(([label]) => label);
    if (!labels.length) continue;
    const term = document.createElement("dt");
    term.textContent = word;
    parts.push(term, ...labels.map((label) => {
      const one = document.createElement("dd");
      const button = document.createElement("button");
      const isolated = document.createElement("bdi");
      isolated.textContent = NAMES[label];
      button.type = "button";
      button.title = "Correct it";
      button.addEventListener("click", () => open(label));
      button.append(isolated);
      one.append(button);
      return one;
    }));
  }
  if (!parts.length) {
    const none = document.createElement("dd");
    none.textContent = "Nothing yet";
    parts.push(none);
  }
  $("known").replaceChildren(...parts);
}
