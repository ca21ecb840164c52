// One image, large, and the labels asked of it.

import { $, stamp } from "./dom.js";
import { guide } from "./guide.js";
import { name } from "./label-name.js";
import { NAMES } from "./labels.js";
import { stageSize } from "./layout.js";
import { large } from "./pictures.js";
import { ABSENT, PRESENT, inWords } from "./values.js";
import { number, t } from "./words.js";
import { drawStage } from "./zoom.js";

const MANY = 40; // labels that are known and shown at once, which drawing is done within a frame

export const imageView = {
  picture: (image) => large(image, stageSize()),
  list: $("asked"),
  rows: () => [...$("asked").children],

  /** Draw a step; `on.answer(value, place)` and `on.point(place)` hear of clicks and the focus. */
  draw(step, on) {
    const [task] = step.tasks;
    drawStage($("stage"), task, this.picture(task.image));
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
    const group = this.rows()[place].firstElementChild;
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
  beside: (place, down) => place + down,
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

/** Draw what is known: the first of many, or all. */
function drawKnown(known, open, all = false) {
  const having = (value) => known.filter(([, stands]) => stands === value).map(([label]) => label);
  const parts = [];
  let room = all ? known.length : MANY;
  for (const value of [PRESENT, ABSENT]) {
    const labels = having(value).slice(0, room);
    room -= labels.length;
    if (labels.length) parts.push(make("dt", t(`button.${value}`)), ...labels.map((label) => entry(label, open)));
  }
  if (!parts.length) parts.push(make("dd", t("image.nothing-known")));
  const left = all ? 0 : known.length - MANY;
  if (left > 0)
    parts.push(
      make(
        "dd",
        button(t("image.known-more", { n: left }), () => showAll(known, open)),
      ),
    );
  $("known").replaceChildren(...parts);
}

function showAll(known, open) {
  drawKnown(known, open, true);
  $("known").querySelectorAll("button")[MANY].focus();
}

function entry(label, open) {
  const one = button(name(label), () => open(label));
  one.title = t("image.correct");
  return make("dd", one);
}

function button(content, pressed) {
  const element = make("button", content);
  element.type = "button";
  element.addEventListener("click", pressed);
  return element;
}

function make(tag, content) {
  const element = document.createElement(tag);
  element.append(content);
  return element;
}
