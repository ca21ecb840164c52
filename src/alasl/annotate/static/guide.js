// What people are told before they answer: instructions, and what each label means. What a person
// has read is kept in the browser, and shown again once it says something else.

import { $, arrive, say } from "./dom.js";
import { settings, storage } from "./kept.js";
import { HERE, NAMES, fillList, groups } from "./labels.js";
import { thumbnail } from "./pictures.js";
import { get, post } from "./server.js";
import { t } from "./words.js";

const NOTHING = { about: "", colour: "", key: "", parents: [], examples: [], counter_examples: [] };

export const guide = {
  event: -1, // the change that it is of
  instructions: "",
  labels: [],

  of: (label) => guide.labels[label] ?? NOTHING,

  /** The label that a label is part of, else null. */
  parent: (label) => guide.of(label).parents.find((parent) => HERE.includes(parent)) ?? null,

  onchange() {},

  /** Ask for it, unless it is the one of this change already. */
  async fetch(event) {
    if (event === guide.event) return;
    guide.event = event;
    try {
      Object.assign(guide, await (await get("api/guide")).json());
    } catch {
      guide.event = -1; // with the next status
      return;
    }
    fillList($("label"), guide.parent);
    fillList($("mine-label"), guide.parent);
    guide.onchange();
  },
};

/** A short mark of a text, to tell whether it is another one. */
function mark(text) {
  let hash = 2166136261;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  return hash >>> 0;
}

const key = () => `read:${settings.person}`;

/** What is told of a label, as one text; "" where nobody wrote or chose anything. */
function told(label) {
  const { about, examples, counter_examples } = guide.of(label);
  return about || examples.length || counter_examples.length ? JSON.stringify([about, examples, counter_examples]) : "";
}

/** Of the labels, those of which this person has not read what is told of them. */
function unread(labels) {
  const read = storage.get(key(), {});
  return labels.filter((label) => told(label) && read[label] !== mark(told(label)));
}

function noteRead(labels) {
  const read = storage.get(key(), {});
  for (const label of labels) read[label] = mark(told(label));
  if (guide.instructions) read.instructions = mark(guide.instructions);
  storage.set(key(), read);
}

/** Tell what this person must know before answering these labels; nothing where they know it. */
export function before(labels) {
  const first = guide.instructions && storage.get(key(), {}).instructions !== mark(guide.instructions);
  const fresh = unread([...new Set(labels)]);
  if (!first && !fresh.length) return;
  noteRead(fresh);
  const parts = first ? [paragraphs(guide.instructions)] : [];
  show(
    first ? t("guide.begin") : t("guide.new", { n: fresh.length }),
    [...parts, ...fresh.map((label) => section(label))],
    t("guide.start"),
  );
}

/** Tell what a label means. */
export function showMeaning(label) {
  $("guide").dataset.label = label;
  show(name(label), [section(label, false)], t("do.close"), true);
}

/** Tell everything. */
export function showGuide() {
  const text = guide.instructions ? paragraphs(guide.instructions) : soft(t("guide.none"));
  const found = groups(guide.parent);
  const parts = found.flatMap(([parent, labels]) => {
    const list = document.createElement("dl");
    list.append(...labels.flatMap(entry));
    if (found.length === 1) return [list];
    const title = document.createElement("h3");
    title.textContent = parent === null ? t("guide.others") : NAMES[parent];
    return [title, list];
  });
  show(t("guide.title"), [text, ...parts], t("do.close"));
}

function show(title, parts, close, one = false) {
  $("guide-title").replaceChildren(title);
  $("guide-text").replaceChildren(...parts);
  $("guide-close").textContent = close;
  $("guide-unclear").hidden = !one;
  if (!$("guide").open) $("guide").showModal();
  say($("guide-title").textContent);
  arrive($("guide"), () => $("guide-close").focus());
}

function entry(label) {
  const term = document.createElement("dt"),
    about = document.createElement("dd");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "about";
  button.append(name(label));
  button.addEventListener("click", () => showMeaning(label));
  term.append(button);
  about.append(paragraphs(guide.of(label).about));
  return [term, about];
}

/** A label's name with its colour. */
export function name(label) {
  const whole = document.createElement("span"),
    text = document.createElement("bdi");
  text.textContent = NAMES[label];
  whole.append(text);
  paint(whole, label);
  return whole;
}

/** Mark an element with the label's colour, where it has one. */
function paint(element, label) {
  const { colour } = guide.of(label);
  element.classList.toggle("coloured", Boolean(colour));
  if (colour) element.style.setProperty("--colour", colour);
}

/** One label: its text, and images that have it and that have not. */
function section(label, titled = true) {
  const part = document.createElement("section"),
    title = document.createElement("h3");
  const { about } = guide.of(label),
    parent = guide.parent(label);
  title.append(name(label));
  if (titled) part.append(title);
  if (parent !== null) part.append(soft(t("guide.group", { name: NAMES[parent] })));
  part.append(about ? paragraphs(about) : soft(t("guide.no-meaning")));
  const shown = document.createElement("div");
  part.append(shown);
  post("api/meaning", { label }).then(
    ({ examples, counter_examples }) => {
      if (!examples.length && !counter_examples.length) return shown.append(soft(t("guide.no-examples")));
      if (examples.length) shown.append(...row("guide.examples", examples));
      if (counter_examples.length) shown.append(...row("guide.counter", counter_examples));
    },
    () => {},
  );
  return part;
}

function row(title, images) {
  const heading = document.createElement("h4"),
    list = document.createElement("div");
  heading.textContent = t(title);
  list.className = "examples";
  list.append(...images.map((image) => thumbnail(image, t(title))));
  return [heading, list];
}

/** Text as it is written in Markdown: a blank line ends a paragraph, a dash begins a line. */
function paragraphs(text) {
  const whole = document.createElement("div");
  whole.className = "told";
  whole.append(
    ...text.split(/\n\s*\n/).map((part) => {
      const one = document.createElement("p");
      one.textContent = part.replace(/\n(?!\s*[-*\d])/g, " ");
      return one;
    }),
  );
  return whole;
}

function soft(text) {
  const one = document.createElement("p");
  one.className = "soft";
  one.textContent = text;
  return one;
}
