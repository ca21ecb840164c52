// Many images of which a label is asked; or several labels with few images each, one after the other.

import { $, stamp } from "./dom.js";
import { guide } from "./guide.js";
import { name } from "./label-name.js";
import { NAMES } from "./labels.js";
import { arrange, pictureSize } from "./layout.js";
import { tile } from "./pictures.js";
import { counts } from "./step.js";
import { hold } from "./touch.js";
import { ABSENT, PRESENT, SKIPPED, UNSURE, inWords } from "./values.js";
import { t } from "./words.js";

const KEYS = "qwerasdfzxcv"; // for as many images, those around the marked one
const MARKS = { [PRESENT]: "✓", [UNSURE]: "?", [SKIPPED]: "–" };

export const gridView = {
  list: $("cells"),
  rows: () => [...$("cells").querySelectorAll("li")],

  picture: (image, step, label) => tile(image, pictureSize(counts(step)), label),

  /** The place whose image shows a key; none is -1. */
  keyed(step, key) {
    const at = key.length === 1 ? KEYS.indexOf(key) : -1;
    const place = KEYS.length * Math.floor(step.cursor / KEYS.length) + at;
    return at >= 0 && place < step.items.length ? place : -1;
  },

  /** Keys stand on the images that they tick. */
  point(step) {
    this.rows().forEach((cell, place) => {
      const near = Math.floor(place / KEYS.length) === Math.floor(step.cursor / KEYS.length);
      cell.querySelector("kbd").textContent = near ? KEYS[place % KEYS.length].toUpperCase() : "";
    });
    $("label").value = step.items[step.cursor].label;
  },

  /** The place of the image above or below a place, else -1: rows may be of several labels. */
  beside(place, down) {
    const boxes = this.rows().map((cell) => cell.getBoundingClientRect());
    const from = boxes[place];
    const ahead = ({ top }) => down * (top - from.top) > 1;
    const far = (box) => Math.abs(box.top - from.top) * innerWidth + Math.abs(box.left - from.left);
    const near = boxes.filter(ahead).sort((a, b) => far(a) - far(b))[0];
    return boxes.indexOf(near);
  },

  /** Make the images as large as there is room. */
  arrange(step) {
    const many = counts(step);
    const { columns, height } = arrange(many);
    $("cells").style.setProperty("--columns", columns);
    $("cells").style.setProperty("--height", `${height}px`);
    [...$("cells").children].forEach((part, i) => part.style.setProperty("--wide", Math.min(columns, many[i])));
  },

  /** Draw a step; `on.tick(place)`, `on.point(place)` and `on.larger()` hear of what a person does. */
  draw(step, on) {
    const many = counts(step),
      { label } = step.items[0];
    $("tick").hidden = many.length > 1;
    $("ticks").hidden = many.length === 1;
    $("tick-label").replaceChildren(name(label));
    tell($("tick-about"), many.length > 1 ? null : label);
    const cells = step.items.map((item, place) => this.cell(step, item, place, on));
    $("cells").replaceChildren(
      ...many.map((count) => {
        const first = step.items.length - cells.length;
        return part(step.items[first].label, cells.splice(0, count), many.length > 1, () => on.point(first));
      }),
    );
    this.arrange(step);
  },

  cell(step, item, place, on) {
    const cell = stamp("cell");
    const button = cell.querySelector("button");
    const element = this.picture(item.image, step, item.label);
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
  },

  /** Draw what stands for an item. */
  mark(step, place, value) {
    const button = this.rows()[place].firstElementChild;
    button.dataset.value = value ?? ABSENT;
    button.setAttribute("aria-checked", value === PRESENT ? "true" : value === UNSURE ? "mixed" : "false");
    button.querySelector(".mark").textContent = MARKS[value] ?? "";
    const state = value === UNSURE || value === SKIPPED ? `, ${inWords(value)}` : "";
    button.querySelector(".unseen").textContent =
      `${asked(step, place, t("grid.cell", { place: place + 1, all: step.items.length }))}${state}`;
  },

  name: (step, place) => asked(step, place, t("grid.name", { place: place + 1 })),
};

/** What is said of an image; where several labels are asked, of which one it is. */
const asked = (step, place, text) => (counts(step).length > 1 ? `${NAMES[step.items[place].label]}, ${text}` : text);

/** The images of one label; where there are several, below its name and what it means. */
function part(label, cells, titled, pointed) {
  const whole = stamp("part"),
    title = whole.querySelector("h3");
  whole.ariaLabel = NAMES[label];
  title.hidden = !titled;
  title.querySelector("button").replaceChildren(name(label));
  title.querySelector("button").addEventListener("click", pointed);
  tell(title.querySelector(".soft"), label);
  whole.querySelector("ol").replaceChildren(...cells);
  return whole;
}

/** What a label means, on one line, of which the rest is in a title. */
function tell(element, label) {
  const about = label === null ? "" : guide.of(label).about;
  element.textContent = about;
  element.title = about;
}
