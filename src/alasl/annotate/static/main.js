// The page where people answer. The server draws the page once; from then on these modules show
// tasks and send steps. Text from outside is put in by textContent only, never as markup.
//
// Modules, each above those that it imports: main, finder, keys, session (the step that is answered), the
// views of an image and of a grid, waiting, tasks (fetched before they are needed), progress, outbox; and
// pulse, which holds on to them.

import { clock } from "./clock.js";
import { $, alarm, arrive, closeDialogs, openDialog } from "./dom.js";
import { showFinder } from "./finder.js";
import { guide } from "./guide.js";
import { showGuide, showMeaning } from "./guide-view.js";
import { listenToKeys } from "./keys.js";
import { change, settings } from "./kept.js";
import { fillList } from "./labels.js";
import { showMine } from "./mine.js";
import { askNote } from "./note.js";
import { outbox } from "./outbox.js";
import { showLeft, showSaved, showSent } from "./progress.js";
import { beat } from "./pulse.js";
import { line } from "./server.js";
import {
  answer,
  askName,
  comeBack,
  enter,
  fit,
  focusCursor,
  larger,
  leave,
  lookAgain,
  nextLabel,
  rest,
  restart,
  retell,
  session,
  setMode,
  skip,
  undo,
} from "./session.js";
import { tasks } from "./tasks.js";
import { wait, waitForTasks, waiting } from "./waiting.js";
import { swipe } from "./touch.js";
import { ABSENT, PRESENT, UNSURE } from "./values.js";
import { t } from "./words.js";
import { drag, toggleZoom, unzoom } from "./zoom.js";

const COMMANDS = {
  rest,
  skip,
  undo,
  zoom() {
    if (session.current?.kind === "image") toggleZoom();
    else if (session.current) larger();
  },
  find: showFinder,
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
  guide: () => instead(showGuide),
  mine: () => settings.person && instead(showMine),
  meaning: () => session.current && showMeaning(marked().label),
  note: () => session.current && askNote(taskOf(marked()), marked().label),
  unclear() {
    const label = Number($("guide").dataset.label);
    instead(() => askNote(session.current ? taskOf(marked()) : null, label, true));
  },
  unsure: () => answer(UNSURE),
  mode: () => setMode(settings.mode === "grid" ? "image" : "grid"),
  "next-label": nextLabel,
  "mode-image": () => setMode("image"),
  "mode-grid": () => setMode("grid"),
};

const marked = () => session.current.items[session.current.cursor];
const taskOf = (item) => session.current.tasks.find(({ image }) => image === item.image);

/** One dialog in the place of another. */
function instead(show) {
  closeDialogs();
  show();
}

/** The server does not take this name, or this label. */
function beginAgain(why) {
  alarm(why);
  change({ person: "", label: null, mode: "image", chosen: null });
  askName();
}

/** The lists to choose a label from, in the guide's groups. */
function fillLists() {
  for (const list of [$("label"), $("mine-label")]) fillList(list, guide.parent);
}

function connect() {
  outbox.onchange = showSaved;
  guide.onchange = () => {
    fillLists();
    showLeft();
    retell();
  };
  outbox.onstatus = showSent;
  outbox.onrefused = (why) => alarm(t("saved.refused", { why }));
  line.onchange = () => {
    showSaved();
    if (waiting.why === "loading") waitForTasks();
    if (!line.trouble) tasks.fetch();
  };
  tasks.ontrouble = (error) => {
    if (error.refused) beginAgain(error.message);
    else if (waiting.why && waiting.why !== "undoing") wait("offline", line.trouble);
  };
}

function listen() {
  listenToKeys(COMMANDS);
  document.addEventListener("click", (event) => {
    const value = event.target.closest("[data-answer]")?.dataset.answer;
    if (value !== undefined) return answer(Number(value));
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
  for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", () => closed(dialog));
  drag($("stage"));
  // In a large picture as well as in one of a grid.
  for (const stage of [$("stage"), $("larger-stage")])
    swipe(stage, { right: () => answer(PRESENT), left: () => answer(ABSENT) });
  $("language").addEventListener("change", () => {
    document.cookie = `alasl-language=${$("language").value}; path=${new URL(".", document.baseURI).pathname}; max-age=31536000; samesite=strict`;
    leave();
    location.reload();
  });
  addEventListener("scroll", lookAgain, { passive: true });
  addEventListener("resize", () => {
    unzoom();
    fit();
  });
  addEventListener("online", () => {
    line.hurry();
    outbox.send();
    tasks.fetch();
  });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  addEventListener("beforeunload", (event) => {
    if (outbox.items.length && !outbox.kept) event.preventDefault();
  });
  beat(hold);
}

function closed(dialog) {
  if (openDialog()) return; // another one came in its place
  // The time that reading takes is no time of the answer.
  if (dialog !== $("larger")) clock.lap();
  arrive(document.activeElement, comeBack);
}

/** Keep what the person was given. What others got while the page stood still is not shown on. */
async function hold(still) {
  if (!settings.person || !(session.current || tasks.ahead.length)) return;
  const lost = await tasks.renew();
  if (still && lost) restart();
}

fillLists();
connect();
listen();
if (outbox.items.length) outbox.send();
if (settings.person) enter(settings.person);
else askName();
