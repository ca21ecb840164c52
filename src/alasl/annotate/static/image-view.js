// One image, large, and the labels asked of it.

import { $, stamp } from "./dom.js";
import { guide, name } from "./guide.js";
import { NAMES } from "./labels.js";
import { ABSENT, PRESENT, inWords } from "./values.js";
import { number, t } from "./words.js";
import { drawStage } from "./zoom.js";

const MANY = 40; // labels that are known, above which drawing them takes longer than a frame
let later = 0;

export const imageView = {
  size: () => "large", // of the pictures
  columns: 1,
  list: $("asked"),

  /** Draw a step; `on.answer(value, place)` and `on.point(place)` hear of clicks and the focus. */
  draw(step, on) {
    const [task] = step.tasks;
    drawStage($("stage"), task);
    $("find").hidden = true;
    $("asked").replaceChildren(
      ...step.items.map((item, place) => {
        const row = stamp("row");
        const about = row.querySelector(".about"),
          { key } = guide.of(item.label);
        about.replaceChildren(name(item.label));
        about.addEventListener("click", () => on.point(place));
        row.querySelector(".chance").textContent = chanceOf(step, item);
        if (key) about.after(hint(key));
        for (const button of row.querySelectorAll(".choices button"))
          button.addEventListener("click", () => on.answer(Number(button.dataset.value), place));
        row.firstElementChild.addEventListener("focusin", () => on.point(place));
        return row;
      }),
    );
    drawKnown(task.known, on.open);
  },

  /** Draw what stands for an item: `value`, of which the person said `said`. */
  mark(step, place, value, said) {
    const group = $("asked").children[place].firstElementChild;
    group.dataset.by = said === undefined && value !== undefined ? "model" : "person";
    for (const button of group.querySelectorAll(".choices button"))
      button.setAttribute("aria-pressed", String(value) === button.dataset.value);
    const chance = chanceOf(step, step.items[place]);
    const parts = [
      this.name(step, place),
      value === undefined ? "" : inWords(value),
      chance.endsWith("%") ? t("image.expected", { chance }) : chance,
      t("image.place", { place: place + 1, all: step.items.length }),
    ];
    group.setAttribute("aria-label", parts.filter(Boolean).join(", "));
  },

  point() {},
  arrange() {},
  keyed: () => -1,

  name: (step, place) => NAMES[step.items[place].label],
};

function chanceOf(step, { probability, known, unasked }) {
  if (step.shown && probability !== null) return `${number(Math.round(100 * probability))} %`;
  if (known !== undefined) return t("image.is-known");
  return unasked ? t("image.not-asked") : "";
}

/** The key that a label has of its own. */
function hint(key) {
  const element = document.createElement("kbd");
  element.textContent = key.toUpperCase();
  element.ariaHidden = "true";
  return element;
}

/** Draw what is known; where that is much, once the image is painted, which nobody is to wait for. */
function drawKnown(known, open) {
  $("known").replaceChildren();
  cancelAnimationFrame(later);
  if (known.length <= MANY) return fillKnown(known, open);
  later = requestAnimationFrame(() => {
    later = requestAnimationFrame(() => fillKnown(known, open));
  });
}

function fillKnown(known, open) {
  const parts = [];
  for (const value of [PRESENT, ABSENT]) {
    const labels = known.filter(([, stands]) => stands === value).map(([label]) => label);
    if (!labels.length) continue;
    const term = document.createElement("dt");
    term.textContent = t(`button.${value}`);
    parts.push(
      term,
      ...labels.map((label) => {
        const one = document.createElement("dd");
        const button = document.createElement("button");
        button.type = "button";
        button.title = t("image.correct");
        button.addEventListener("click", () => open(label));
        button.append(name(label));
        one.append(button);
        return one;
      }),
    );
  }
  if (!parts.length) {
    const none = document.createElement("dd");
    none.textContent = t("image.nothing-known");
    parts.push(none);
  }
  $("known").replaceChildren(...parts);
}
