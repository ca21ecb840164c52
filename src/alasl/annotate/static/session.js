// What is shown and answered now.
//
// Both ways of working are the same underneath: a list of items, each an image and a label. Image by
// image they are the labels of one image, in a grid the images of one label.

import { clock } from "./clock.js";
import { $, arrive, openDialog, say, view } from "./dom.js";
import { gridView } from "./grid-view.js";
import { imageView } from "./image-view.js";
import { change, settings } from "./kept.js";
import { drawLarger, showLarger } from "./larger.js";
import { outbox } from "./outbox.js";
import { progress, showSaved } from "./progress.js";
import { before } from "./reading.js";
import { below, look } from "./seen.js";
import { correct, send } from "./sending.js";
import { cellsOf, corrections, make, openPlaces, standing } from "./step.js";
import { chooseLabel, tasks } from "./tasks.js";
import { stopWaiting, wait, waitForTasks, waiting } from "./waiting.js";
import { ABSENT, PRESENT, SKIPPED, inWords } from "./values.js";
import { choose, follow, press } from "./way.js";
import { t } from "./words.js";

const STEPS = 200; // steps that can be taken back here; the server knows all older ones
const VIEWS = { image: imageView, grid: gridView };
const history = [];

export const session = {
  current: null, // a step

  get view() {
    return VIEWS[this.current.kind];
  },
};

const nameOf = (place) => session.view.name(session.current, place);
const mark = (place) => session.view.mark(session.current, place, stands(place), session.current.values[place]);
const stands = (place) => standing(session.current, place);
const open = () => openPlaces(session.current);

// ---------------------------------------------------------------- one step after the other

function next() {
  if (follow()) {
    session.current = null;
    return restart();
  }
  const found = tasks.take();
  if (found.length) show(make(settings.mode, found));
  else {
    session.current = null;
    waitForTasks();
  }
  setTimeout(() => tasks.fetch()); // once the step is painted
}

function show(step) {
  session.current = step;
  if (step.kind === "grid") change({ label: step.items[0].label });
  stopWaiting();
  $("larger").close();
  view(step.kind);
  draw();
  comeBack();
  before(step.items.map((item) => item.label));
  // Nobody answers what they cannot see yet: until then keys that answer do nothing.
  const drawn = step.tasks.map(({ image, asked }) => session.view.picture(image, step, asked[0]?.label));
  if (drawn.every((element) => element.drawn)) begin(step, drawn);
  else Promise.all(drawn.map((element) => element.ready)).then(() => session.current === step && begin(step, drawn));
}

function draw() {
  const { current } = session;
  session.view.draw(current, { answer, tick, point, larger, open: openLabel });
  current.items.forEach((_, place) => mark(place));
  point(current.cursor);
}

/** Let it be answered; `pictures`: of each task, as far as they could be shown. */
function begin(step, pictures) {
  step.ready = true;
  // A step that was taken back: what could not be shown then may be now.
  for (const place of step.unseen) {
    step.unseen.delete(place);
    if (step.values[place] === SKIPPED) step.values[place] = undefined;
    mark(place);
  }
  const unseen = new Set(step.tasks.flatMap((task, i) => (pictures[i].drawn ? [] : [task.image])));
  // By image a person skips them on purpose.
  const held = step.kind === "grid" ? step.tasks.filter((_, i) => pictures[i].held) : [];
  step.held = new Set(held.map((task) => task.image));
  step.items.forEach(({ image }, place) => {
    if (!unseen.has(image)) return;
    step.unseen.add(place);
    // Nobody answers for a picture that was not shown: in a grid a broken one goes to others.
    if (step.kind === "grid") step.values[place] = SKIPPED;
    else document.body.dataset.unseen = "yes";
    mark(place);
  });
  document.body.dataset.ready = "yes";
  lookAgain();
  clock.lap();
}

function finish() {
  send(session.current);
  history.push(session.current);
  if (history.length > STEPS) history.shift();
  next();
}

/** Whether something was said; not of pictures of a grid that could not be shown. */
const isBegun = (step) => step?.values.some((value) => value !== undefined && value !== SKIPPED) ?? false;

/** Answers to a part of an image, or ticks in a grid, are answers, too. */
function saveUnfinished() {
  const step = session.current;
  if (!isBegun(step)) return;
  send(step);
  history.push(step);
}

/** The guide is another one: draw what it colours, and tell what is new of it. */
export function retell() {
  if (!session.current) return;
  if (!session.current.actions.length) draw();
  before(session.current.items.map((item) => item.label));
}

/** Steps of before are taken back by the server alone. */
export function forgetSteps() {
  history.length = 0;
}

// ---------------------------------------------------------------- what a person does

export function answer(value, place = session.current?.cursor) {
  const step = session.current;
  if (!step?.ready || isUnseen(place)) return;
  const took = clock.lap();
  step.actions.push([[place, step.values[place]]]);
  step.values[place] = value;
  step.seconds[place] += took;
  mark(place);
  say(t("said.answer", { name: nameOf(place), value: inWords(value) }));
  moveOn(place);
}

/** Whether a picture cannot be shown, which is then said. */
function isUnseen(place) {
  const unseen = session.current.unseen.has(place);
  if (unseen) say(t("image.only-skipped"));
  return unseen;
}

function moveOn(place) {
  const { kind, values } = session.current;
  if (kind === "grid") return moveTo(Math.min(place + 1, values.length - 1));
  const free = open();
  const after = free.find((i) => i > place) ?? free[0];
  if (after === undefined) finish();
  else moveTo(after);
}

/** Let a label be answered, asked or not; one that is known is corrected by it. */
export function openLabel(label) {
  const step = session.current;
  const there = step.items.findIndex((item) => item.label === label);
  if (there >= 0) return moveTo(there);
  const [{ image, known }] = step.tasks;
  const value = known.find(([one]) => one === label)?.[1];
  step.items.push({ image, label, probability: null, model: "", unasked: true, known: value });
  step.values.push(undefined);
  step.seconds.push(0);
  // Of a picture that cannot be shown no label can be told, what is known of it neither.
  if (step.unseen.size) step.unseen.add(step.items.length - 1);
  draw();
  moveTo(step.items.length - 1);
}

export function tick(place) {
  const step = session.current;
  if (!step?.ready || place >= step.items.length || isUnseen(place)) return;
  const value = stands(place) === PRESENT ? ABSENT : PRESENT;
  step.actions.push([[place, step.values[place]]]);
  step.values[place] = value;
  step.seconds[place] += clock.lap();
  mark(place);
  say(t(value === PRESENT ? "said.ticked" : "said.unticked", { name: nameOf(place) }));
  moveTo(place);
}

/** What is not answered stands as it was ticked beforehand, or is absent. */
export function rest() {
  const step = session.current;
  if (!step?.ready) return;
  if (step.kind === "image" && isUnseen(step.cursor)) return;
  if (below(step) >= 0) return goDown(below(step));
  const free = open();
  const took = clock.lap() / Math.max(1, free.length);
  step.actions.push(free.map((place) => [place, undefined]));
  for (const place of free) {
    step.values[place] = stands(place) ?? ABSENT;
    step.seconds[place] += took;
  }
  const present = step.values.flatMap((value, place) => (value === PRESENT ? [nameOf(place)] : []));
  say(
    step.kind === "grid"
      ? t("said.grid", { present: present.length, all: step.items.length })
      : t("said.image", { names: present.join(", ") || t("said.none") }),
  );
  finish();
}

/** Note which images of a grid are on the screen. */
export const lookAgain = () => session.current && look(session.current, session.view.rows());

function goDown(place) {
  moveTo(place);
  session.view.rows()[place].scrollIntoView({ block: "start" });
  lookAgain();
}

export function skip() {
  const step = session.current;
  if (!step) return;
  if (step.kind === "grid") return answer(SKIPPED);
  const free = open();
  step.actions.push(free.map((place) => [place, undefined]));
  for (const place of free) step.values[place] = SKIPPED;
  say(t("said.skipped"));
  finish();
}

export function undo() {
  if (waiting.why === "undoing") return;
  const { current } = session;
  if (current?.actions.length) return takeBack();
  if (current) tasks.ahead.unshift(...current.tasks);
  const step = history.pop();
  if (!step) return undoOnServer();
  const one = outbox.begin();
  for (const { item } of corrections(step)) correct(item, item.known, one);
  for (let i = 0; i < step.requests; i += 1) outbox.put("api/undo", {}, undefined, one);
  show(step);
  takeBack();
  pause();
}

/** Take back the last thing done to what is shown. */
function takeBack() {
  const action = session.current.actions.pop();
  for (const [place, before] of action) {
    session.current.values[place] = before;
    mark(place);
  }
  if (action.length) moveTo(action[0][0]);
  say(t("said.undone"));
}

/** Steps from before the page was loaded are known to the server alone. */
function undoOnServer() {
  const mine = tasks.generation;
  session.current = null;
  wait("undoing");
  outbox.put("api/undo", {}, (undone) => {
    if (mine !== tasks.generation) return;
    waiting.why = "loading";
    if (!undone || undone.kind === "nothing") {
      say(t("said.nothing-to-undo"));
      return next();
    }
    const images = new Set(undone.tasks.map((task) => task.image));
    tasks.ahead = tasks.ahead.filter((task) => !images.has(task.image));
    const step = images.size > 1 ? make("grid", cellsOf(undone)) : make("image", undone.tasks);
    // As they were answered, but for the last one, which is asked again.
    const said = undone.answers.slice(0, -1);
    step.items.forEach((item, place) => {
      step.values[place] = said.find((a) => a.image === item.image && a.label === item.label)?.value;
    });
    step.cursor = Math.max(0, step.values.indexOf(undefined));
    show(step);
    say(t("said.undone"));
    pause();
  });
}

/** See the marked image of a grid in full, or no more. */
export const larger = () => showLarger(session.current);

/** Fit what is shown to a window of another size. */
export function fit() {
  if (session.current) session.view.arrange(session.current);
  focusCursor();
  lookAgain();
}

// ---------------------------------------------------------------- where keys go

/** Which item keys are about. */
function point(place) {
  session.current.cursor = place;
  session.view.rows().forEach((row, i) => {
    row.classList.toggle("here", i === place);
    // One stop for the tab key, not three for each of eighty labels.
    for (const button of row.querySelectorAll("button")) button.tabIndex = i === place ? 0 : -1;
  });
  session.view.point(session.current);
}

export function moveTo(place) {
  point(place);
  showSaved(); // this step, too, is one that is not saved yet
  drawLarger(session.current);
  focusCursor();
}

export function focusCursor() {
  if (!session.current || openDialog()) return;
  const target = session.view.rows()[session.current.cursor]?.firstElementChild;
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: "nearest" });
}

/** From elsewhere to the item that keys are about. */
export function comeBack() {
  if (session.current) arrive(session.view.list.parentElement, focusCursor);
}

// ---------------------------------------------------------------- begin and end

/** Begin anew: another person, another way of working, another label. */
export function restart() {
  saveUnfinished();
  tasks.forget();
  session.current = null;
  $("larger").close();
  press();
  waitForTasks();
  tasks.fetch();
}

/** While the project is paused nothing is asked; what was answered is kept. */
function pause() {
  if (progress.status?.paused && (session.current || tasks.ahead.length)) restart();
}

export function enter(person) {
  $("alert").hidden = true;
  leave();
  session.current = null;
  history.length = 0;
  change({ person });
  restart();
}

/** Nobody's turn: ask for a name. */
export function askName() {
  session.current = null;
  stopWaiting();
  view("start");
  $("person").focus();
}

/** Save what was begun, and give back what others may have. */
export function leave() {
  saveUnfinished();
  const images = tasks.images();
  if (!images.length || outbox.items.length) return;
  const body = JSON.stringify({ person: settings.person, images });
  fetch("api/release", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
    keepalive: true,
  }).catch(() => {});
}

export function setMode(mode) {
  if (mode === settings.mode) return;
  choose(mode);
  restart();
}

export function nextLabel() {
  if (settings.mode !== "grid" || !progress.status) return;
  chooseLabel();
  restart();
}

progress.onpause = pause;
progress.isBegun = () => isBegun(session.current);
tasks.shown = () => session.current?.tasks ?? [];
tasks.onfetched = (came) => {
  if (session.current || waiting.why === "undoing") return;
  if (came) next();
  // What is still to be sent counts as left until the server has it.
  else if (outbox.items.length) outbox.send().then(() => tasks.fetch());
  else wait("empty");
};
