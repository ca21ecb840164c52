// One label, and many images of which it is asked.

import { $, stamp } from "./dom.js";
import { name } from "./guide.js";
import { arrange, pictureSize } from "./layout.js";
import { tile } from "./pictures.js";
import { hold } from "./touch.js";
import { ABSENT, PRESENT, SKIPPED, UNSURE, inWords } from "./values.js";
import { t } from "./words.js";

const KEYS = "qwerasdfzxcv"; // for as many images, those around the marked one
const MARKS = { [PRESENT]: "✓", [UNSURE]: "?", [SKIPPED]: "–" };

export const gridView = {
  list: $("cells"),
  columns: 1,

  picture: (image, step) => tile(image, pictureSize(step.items.length)),

  /** The place whose image shows a key; none is -1. */
  keyed(step, key) {
    const at = key.length === 1 ? KEYS.indexOf(key) : -1;
    const place = KEYS.length * Math.floor(step.cursor / KEYS.length) + at;
    return at >= 0 && place < step.items.length ? place : -1;
  },

  /** Keys stand on the images that they tick. */
  point(step) {
    [...this.list.children].forEach((cell, place) => {
      const near = Math.floor(place / KEYS.length) === Math.floor(step.cursor / KEYS.length);
      cell.querySelector("kbd").textContent = near ? KEYS[place % KEYS.length].toUpperCase() : "";
    });
  },

  /** Make the images as large as there is room. */
  arrange(step) {
    const { columns, height } = arrange(step.items.length);
    this.columns = columns;
    $("cells").style.setProperty("--columns", columns);
    $("cells").style.setProperty("--height", `${height}px`);
  },

  /** Draw a step; `on.tick(place)`, `on.point(place)` and `on.larger()` hear of what a person does. */
  draw(step, on) {
    const label = step.items[0].label;
    $("tick-label").replaceChildren(name(label));
    $("label").value = label;
    this.arrange(step);
    $("cells").replaceChildren(
      ...step.items.map((item, place) => {
        const cell = stamp("cell");
        const button = cell.querySelector("button");
        const element = this.picture(item.image, step);
        element.alt = "";
        cell.querySelector(".picture").append(element);
        element.ready.then((why) => {
          if (!why) return;
          const text = document.createElement("span");
          text.textContent = t("grid.broken", { why });
          element.replaceWith(text);
        });
        button.addEventListener("click", () => on.tick(place));
        hold(button, () => {
          on.point(place);
          on.larger();
        });
        button.addEventListener("focus", () => on.point(place));
        return cell;
      }),
    );
  },

  /** Draw what stands for an item. */
  mark(step, place, value) {
    const button = $("cells").children[place].firstElementChild;
    button.dataset.value = value ?? ABSENT;
    button.setAttribute("aria-checked", value === PRESENT ? "true" : value === UNSURE ? "mixed" : "false");
    button.querySelector(".mark").textContent = MARKS[value] ?? "";
    const state = value === UNSURE || value === SKIPPED ? `, ${inWords(value)}` : "";
    button.querySelector(".unseen").textContent =
      `${t("grid.cell", { place: place + 1, all: step.items.length })}${state}`;
  },

  name: (_, place) => t("grid.name", { place: place + 1 }),
};
