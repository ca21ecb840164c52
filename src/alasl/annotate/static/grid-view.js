// One label, and many images of which it is asked.

import { $, stamp } from "./dom.js";
import { NAMES } from "./labels.js";
import { picture } from "./pictures.js";
import { ABSENT, PRESENT, SKIPPED, UNSURE, WORDS } from "./words.js";

export const CELL_KEYS = "qwerasdfzxcv";
const MARKS = { [PRESENT]: "✓", [UNSURE]: "?", [SKIPPED]: "–" };

export const gridView = {
  size: "small", // of the pictures
  get columns() {
    return getComputedStyle($("cells")).gridTemplateColumns.split(" ").length;
  },
  list: $("cells"),

  /** Draw a step; `on.tick(place)` and `on.point(place)` hear of clicks and the focus. */
  draw(step, on) {
    const label = step.items[0].label;
    $("tick-label").textContent = NAMES[label];
    $("label").value = label;
    $("cells").replaceChildren(...step.items.map((item, place) => {
      const cell = stamp("cell");
      const button = cell.querySelector("button");
      const element = picture(item.image, this.size);
      element.alt = "";
      cell.querySelector(".picture").append(element);
      cell.querySelector("kbd").textContent = (CELL_KEYS[place] ?? "").toUpperCase();
      element.ready.then((why) => {
        if (!why) return;
        const text = document.createElement("span");
        text.textContent = `Cannot be shown: ${why}`;
        element.replaceWith(text);
      });
      button.addEventListener("click", () => on.tick(place));
      button.addEventListener("focus", () => on.point(place));
      return cell;
    }));
  },

  /** Draw what stands for an item. */
  mark(step, place, value) {
    const button = $("cells").children[place].firstElementChild;
    button.dataset.value = value ?? ABSENT;
    button.setAttribute("aria-checked", value === PRESENT ? "true" : value === UNSURE ? "mixed" : "false");
    button.querySelector(".mark").textContent = MARKS[value] ?? "";
    const state = value === UNSURE || value === SKIPPED ? `, ${WORDS.get(value)}` : "";
    button.querySelector(".unseen").textContent = `Image ${place + 1} of ${step.items.length}${state}`;
  },

  name: (_, place) => `Image ${place + 1}`,
};
