// The guide on the screen: instructions, and what each label means.

import { $, arrive, say } from "./dom.js";
import { guide } from "./guide.js";
import { name } from "./label-name.js";
import { NAMES, groups } from "./labels.js";
import { thumbnail } from "./pictures.js";
import { post } from "./server.js";
import { t } from "./words.js";

/** What these labels mean, for somebody who is about to answer them; `first`: with the instructions. */
export function showBefore(labels, first) {
  const parts = first ? [paragraphs(guide.instructions)] : [];
  show(
    first ? t("guide.begin") : t("guide.new", { n: labels.length }),
    [...parts, ...labels.map((label) => section(label))],
    t("guide.start"),
  );
}

/** What a label means. */
export function showMeaning(label) {
  $("guide").dataset.label = label;
  show(name(label), [section(label, false)], t("do.close"), true);
}

/** The whole guide. */
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
