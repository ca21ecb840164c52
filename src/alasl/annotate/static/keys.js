// Keys: which command each one is, and when it is none.

import { $, closeDialogs, openDialog } from "./dom.js";
import { guide } from "./guide.js";
import { settings } from "./kept.js";
import { HERE } from "./labels.js";
import { answer, moveTo, nextLabel, openLabel, rest, session, tick } from "./session.js";
import { ABSENT, PRESENT, UNSURE } from "./values.js";
import { zoomBy } from "./zoom.js";

const zoomed = (factor) => session.current?.kind === "image" && zoomBy(factor);

/** Listen to keys, which are about what is shown, or about `commands` by their names. */
export function listenToKeys(commands) {
  const { skip, undo, zoom, find, help, mode, meaning, note, mine, guide: wholeGuide } = commands;
  const keys = {
    j: () => answer(PRESENT),
    k: () => answer(ABSENT),
    l: () => answer(UNSURE),
    ";": rest,
    Enter: rest,
    u: undo,
    Backspace: undo,
    p: skip,
    o: zoom,
    "+": () => zoomed(1.5),
    "=": () => zoomed(1.5),
    "-": () => zoomed(1 / 1.5),
    0: () => zoomed(0),
    m: mode,
    n: nextLabel,
    h: help,
    "?": help,
    "/": find,
    i: meaning,
    t: note,
    y: mine,
    g: wholeGuide,
  };

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || writes(event.target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key === "z" && !event.altKey && !event.shiftKey) act(event, undo);
      return;
    }
    const key = letter(event);
    if (key.startsWith("Arrow")) return onArrow(event, key);
    // A key held down must not answer what nobody has looked at.
    if (event.repeat && key !== "+" && key !== "-") return;
    if (key.length === 1 && !settings.keys) return;
    const dialog = openDialog();
    if (dialog && dialog !== $("larger")) {
      // The key that opened it closes it.
      if (key.length === 1 && dialog.dataset.key?.includes(key)) act(event, closeDialogs);
      return;
    }
    if (dialog && !"jklo".includes(key)) return;
    if (key === "Enter" && event.target.matches("button:not(.cell), a, summary, input")) return;
    const place = session.current ? session.view.keyed(session.current, key) : -1;
    const own = session.current?.kind === "image" ? HERE.find((label) => guide.of(label).key === key) : undefined;
    if (place >= 0) act(event, () => tick(place));
    else if (own !== undefined)
      act(event, () => {
        openLabel(own);
        answer(PRESENT);
      });
    else if (Object.hasOwn(keys, key)) act(event, keys[key]);
  });
}

export function act(event, command) {
  event.preventDefault();
  command();
}

/** The key's letter or digit; on a keyboard that has others there, the one at its place. */
export function letter(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // A French keyboard has digits above these only.
  if (event.code.startsWith("Digit") && !event.shiftKey && !"+-=/?".includes(key)) return event.code.slice(5);
  if (key.length > 1 || key.charCodeAt(0) < 128) return key;
  if (event.code.startsWith("Key")) return event.code.slice(3).toLowerCase();
  return { Semicolon: ";", Slash: "/" }[event.code] ?? key;
}

function writes(element) {
  return element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox])");
}

function onArrow(event, key) {
  const { current } = session;
  if (!current || (openDialog() && !$("larger").open)) return;
  const sideways = { ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0;
  const down = { ArrowUp: -1, ArrowDown: 1 }[key] ?? 0;
  if (event.shiftKey) return act(event, () => $("stage").scrollBy(sideways * 90, down * 90));
  if (current.kind === "image" && !down) return;
  // What comes next stands to the left where people read from the right.
  const ahead = getComputedStyle(document.body).direction === "rtl" ? -sideways : sideways;
  const place = down ? session.view.beside(current.cursor, down) : current.cursor + ahead;
  act(event, () => {
    if (place >= 0 && place < current.items.length) moveTo(place);
  });
}
