// Find a label as one types, in a list by the labels that they are part of. Each that is shown then has
// a key that says "present", so that with "/" and its first letter three keys answer any.

import { $, say } from "./dom.js";
import { guide } from "./guide.js";
import { name } from "./label-name.js";
import { act, letter } from "./keys.js";
import { settings } from "./kept.js";
import { HERE, NAMES, find, groups } from "./labels.js";
import { answer, focusCursor, openLabel, session } from "./session.js";
import { PRESENT } from "./values.js";
import { t } from "./words.js";

const KEYS = "1234567890qwertyuiopasdfghjklzxcvbnm";

let marked = null; // an entry of the list
let picks = new Map(); // key -> the label that it says is present

export function showFinder() {
  if (session.current?.kind !== "image") return;
  draw();
  $("find").hidden = false;
  $("find-label").value = "";
  narrow();
  $("find-label").focus({ preventScroll: true });
  $("find").scrollIntoView({ block: "nearest" });
}

function hide() {
  $("find").hidden = true;
  focusCursor();
}

const entries = () => [...$("find-list").querySelectorAll('[role="option"]')];

function draw() {
  const found = groups(guide.parent);
  const parts = found.map(([parent, labels]) => {
    const group = make("group"),
      title = document.createElement("h4");
    title.textContent = parent === null ? t("guide.others") : NAMES[parent];
    title.ariaHidden = "true"; // it names the group
    group.ariaLabel = title.textContent;
    title.hidden = found.length === 1;
    group.append(title, ...labels.map(entry));
    return group;
  });
  $("find-list").replaceChildren(...parts);
}

function entry(label) {
  const one = make("option");
  one.id = `find-${label}`;
  one.dataset.label = label;
  const key = document.createElement("kbd");
  key.ariaHidden = "true";
  one.append(name(label), key);
  // The focus stays where one types.
  one.addEventListener("pointerdown", (event) => event.preventDefault());
  one.addEventListener("click", () => open(label));
  return one;
}

function make(role) {
  const element = document.createElement("div");
  element.role = role;
  return element;
}

/** Show the labels that have in them what was typed; a single letter begins a word of theirs. */
function narrow() {
  const wanted = $("find-label").value.trim().toLowerCase();
  const small = (one) => NAMES[one.dataset.label].toLowerCase();
  const begins = (one) => wanted.length === 1 && ` ${small(one)}`.includes(` ${wanted}`);
  const fits = entries().some(begins) ? begins : (one) => small(one).includes(wanted);
  for (const one of entries()) one.hidden = !fits(one);
  for (const group of $("find-list").children) group.hidden = !group.querySelector('[role="option"]:not([hidden])');
  const shown = entries().filter((one) => !one.hidden);
  const some = shown.length > 0;
  give(wanted, shown);
  $("find-list").hidden = !some;
  $("find-label").ariaExpanded = String(some);
  mark(null);
}

/** Give keys to what is shown: those with which no name goes on. */
function give(typed, shown) {
  const goesOn = (key) => HERE.some((label) => NAMES[label].toLowerCase().includes(typed + key));
  const free = typed && settings.keys ? [...KEYS].filter((key) => !goesOn(key)) : [];
  picks = new Map(free.slice(0, shown.length).map((key, i) => [key, Number(shown[i].dataset.label)]));
  shown.forEach((one, i) => {
    one.querySelector("kbd").textContent = (free[i] ?? "").toUpperCase();
    one.ariaKeyShortcuts = free[i] ?? null;
  });
}

function mark(one) {
  marked?.removeAttribute("aria-selected");
  marked = one;
  if (!one) return $("find-label").removeAttribute("aria-activedescendant");
  one.setAttribute("aria-selected", "true");
  $("find-label").setAttribute("aria-activedescendant", one.id);
  one.scrollIntoView({ block: "nearest" });
}

/** Mark the entry so many after the one that is marked. */
function move(by) {
  const shown = entries().filter((one) => !one.hidden);
  const place = marked ? shown.indexOf(marked) + by : by > 0 ? 0 : -1;
  mark(shown.at(place % (shown.length || 1)) ?? null);
}

function open(label) {
  $("find").hidden = true;
  openLabel(label);
}

/** The label that is marked, else the one that fits best what was typed. */
function choose() {
  if (marked) return open(Number(marked.dataset.label));
  const text = $("find-label").value.trim();
  // What is asked comes first, then any other label.
  const asked = session.current.items.map((item) => item.label);
  const labels = [...asked, ...HERE.filter((label) => !asked.includes(label))];
  const names = labels.map((label) => NAMES[label]);
  const place = text ? find(text, names) : undefined;
  if (place !== undefined) return open(labels[place]);
  if (text) say(t("said.no-label", { name: text }));
  hide();
}

$("find").addEventListener("submit", (event) => act(event, choose));
$("find-label").addEventListener("input", narrow);
$("find-label").addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const does = { Escape: hide, ArrowDown: () => move(1), ArrowUp: () => move(-1) }[event.key];
  if (does) return act(event, does);
  const label = event.repeat ? undefined : picks.get(letter(event));
  if (label === undefined) return;
  act(event, () => {
    open(label);
    answer(PRESENT);
  });
});
