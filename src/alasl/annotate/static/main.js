// The page where people answer. The server draws the page once; from then on these modules show
// tasks and send steps. Text from outside is put in by textContent only, never as markup.
//
// Modules, each above those that it imports: main, keys, session (the step that is answered), the
// views of an image and of a grid, waiting, tasks (fetched before they are needed), progress, outbox.

import { clock } from "./clock.js";
import { $, alarm, arrive, closeDialogs, say } from "./dom.js";
import { act, listenToKeys } from "./keys.js";
import { change, settings } from "./kept.js";
import { HERE, NAMES, find } from "./labels.js";
import { outbox } from "./outbox.js";
import { showSaved, showStatus } from "./progress.js";
import { line } from "./server.js";
import {
  answer, askName, comeBack, enter, fit, focusCursor, larger, leave, nextLabel, openLabel, rest, restart, session, setMode, skip,
  undo,
} from "./session.js";
import { tasks } from "./tasks.js";
import { wait, waitForTasks, waiting } from "./waiting.js";
import { UNSURE } from "./words.js";
import { drag, toggleZoom, unzoom } from "./zoom.js";

const HEARTBEAT = 40_000;

const COMMANDS = {
  rest,
  skip,
  undo,
  zoom() {
    if (session.current?.kind === "image") toggleZoom();
    else if (session.current) larger();
  },
  find() {
    if (session.current?.kind !== "image") return;
    $("find").hidden = false;
    $("find-label").value = "";
    $("find-label").focus();
  },
  help() {
    const dialog = $("help");
    if (dialog.open) return closeDialogs();
    $("keys").checked = settings.keys;
    $("shown").checked = settings.shown;
    $("rename").value = settings.person;
    dialog.showModal();
    arrive(dialog, () => $("help-title").focus());
  },
  close: closeDialogs,
  unsure: () => answer(UNSURE),
  mode: () => setMode(settings.mode === "grid" ? "image" : "grid"),
  "next-label": nextLabel,
  "mode-image": () => setMode("image"),
  "mode-grid": () => setMode("grid"),
};

function found() {
  const text = $("find-label").value.trim();
  // What is asked comes first, then any other label.
  const asked = session.current.items.map((item) => item.label);
  const labels = [...asked, ...HERE.filter((label) => !asked.includes(label))];
  const place = text ? find(text, labels.map((label) => NAMES[label])) : undefined;
  $("find").hidden = true;
  if (place !== undefined) return openLabel(labels[place]);
  if (text) say(`There is no label ${text}.`);
  focusCursor();
}

/** The server does not take this name, or this label. */
function beginAgain(why) {
  alarm(why);
  change({ person: "", label: null, mode: "image" });
  askName();
}

function connect() {
  outbox.onchange = showSaved;
  outbox.onstatus = showStatus;
  outbox.onrefused = (why) => alarm(`The server refused a step: ${why}`);
  line.onchange = () => {
    showSaved();
    if (waiting.why === "loading") waitForTasks();
    if (!line.trouble) tasks.fetch();
  };
  tasks.ontrouble = (error) => {
    if (error.refused) beginAgain(error.message);
    else if (waiting.why && waiting.why !== "undoing") wait("offline", error.message);
  };
}

function listen() {
  listenToKeys(COMMANDS);
  document.addEventListener("click", (event) => {
    const command = event.target.closest("[data-do]")?.dataset.do;
    if (!command) return;
    COMMANDS[command]();
    // So that the next key, Enter among them, is about the image again.
    if (command !== "find") focusCursor();
  });
  document.addEventListener("visibilitychange", () => clock.seen());
  $("start").addEventListener("submit", (event) => {
    event.preventDefault();
    const person = $("person").value.trim();
    if (person) enter(person);
  });
  // Until here the browser itself would have sent the form away, and the name with it.
  for (const field of $("start").elements) field.disabled = false;
  $("find").addEventListener("submit", (event) => act(event, found));
  $("find-label").addEventListener("keydown", (event) => {
    if (event.key === "Escape") act(event, () => { $("find").hidden = true; focusCursor(); });
  });
  $("label").addEventListener("change", () => {
    change({ label: Number($("label").value) });
    $("label").blur();
    restart();
  });
  $("keys").addEventListener("change", () => change({ keys: $("keys").checked }));
  $("shown").addEventListener("change", () => change({ shown: $("shown").checked }));
  $("help").addEventListener("close", () => {
    const person = $("rename").value.trim();
    if (person && person !== settings.person) enter(person);
  });
  for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", () => arrive(document.activeElement, comeBack));
  drag($("stage"));
  addEventListener("resize", () => { unzoom(); fit(); });
  addEventListener("online", () => { line.hurry(); outbox.send(); tasks.fetch(); });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  addEventListener("beforeunload", (event) => { if (outbox.items.length && !outbox.kept) event.preventDefault(); });
  setInterval(heartbeat, HEARTBEAT);
}

function heartbeat() {
  // The outbox says when the server is gone.
  if (settings.person && (session.current || tasks.ahead.length)) tasks.renew().catch(() => {});
}

$("find-labels").replaceChildren(...HERE.map((label) => {
  const option = document.createElement("option");
  option.value = NAMES[label];
  return option;
}));
connect();
listen();
if (outbox.items.length) outbox.send();
if (settings.person) enter(settings.person);
else askName();
