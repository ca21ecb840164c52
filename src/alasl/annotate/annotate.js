"use strict";

// The page where people answer. The server draws the page once; from then on this script shows tasks
// and sends steps. Text from outside is put in by textContent only, never as markup.
//
// A step never waits for the network: it is put into the outbox (localStorage, under a request id)
// and the next image, fetched before, is shown at once. The outbox is sent in order, again and
// again until the server says that a step is on its disk; the same request counts once there.

const AHEAD = 6; // images fetched before they are needed
const GRID = 12; // images in a grid
const CELL_KEYS = "qwerasdfzxcv";
const STEPS = 200; // steps that can be taken back here; the server knows all older ones
const IDLE = 120_000; // ms after which a person is taken to have left
const HEARTBEAT = 40_000;
const SOON = 1000; // ms until a step that could not be sent is sent again
const ARRIVAL = 300; // ms in which a screen reader sees where the focus went
const MOST_ROWS = 640; // images that a request may name
const ZOOMED = 2.5;

const PRESENT = 1, ABSENT = 0, UNSURE = -1, SKIPPED = "skipped";
const WORDS = new Map([[PRESENT, "present"], [ABSENT, "absent"], [UNSURE, "cannot tell"], [SKIPPED, "skipped"]]);

const $ = (id) => document.getElementById(id);
const NAMES = [...$("label").options].map((option) => option.textContent);

// ---------------------------------------------------------------- what the browser keeps

const storage = {
  prefix: `alasl:${document.body.dataset.project}:`,
  get(key, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(this.prefix + key)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(this.prefix + key, JSON.stringify(value));
      return true;
    } catch {
      return false; // full, or forbidden
    }
  },
  remove(key) {
    try {
      localStorage.removeItem(this.prefix + key);
    } catch {
      // It was never kept.
    }
  },
  keys(start) {
    try {
      return Object.keys(localStorage)
        .filter((key) => key.startsWith(this.prefix + start))
        .map((key) => key.slice(this.prefix.length))
        .sort();
    } catch {
      return [];
    }
  },
};

const settings = { person: "", mode: "image", label: null, keys: true, shown: false, ...storage.get("settings", {}) };

function change(values) {
  Object.assign(settings, values);
  storage.set("settings", settings);
}

// ---------------------------------------------------------------- talking to the server

class Trouble extends Error {
  constructor(message, refused) {
    super(message);
    this.refused = refused; // sending the same again would not help
  }
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
  } catch {
    throw new Trouble("The server cannot be reached.", false);
  }
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({ error: answer.statusText }));
  if (answer.ok) return said;
  throw new Trouble(said.error, [400, 404, 413, 415, 422].includes(answer.status));
}

// ---------------------------------------------------------------- the outbox

const outbox = {
  items: storage.keys("out:").map((key) => ({ key, ...storage.get(key) })).filter((item) => item.path),
  last: 0,
  sending: false,
  delay: SOON,
  timer: null,
  trouble: "",
  kept: true, // whether the browser could store everything

  /** Keep a step and send it; `then` hears the server's answer, if this page still stands. */
  put(path, body, then) {
    this.last = Math.max(Date.now(), this.last + 1);
    const request = crypto.randomUUID ? crypto.randomUUID() : randomId();
    const item = { key: `out:${this.last}-${request}`, path, body: { person: settings.person, request, ...body } };
    this.kept = storage.set(item.key, { path, body: item.body }) && this.kept;
    this.items.push({ ...item, then });
    this.send();
  },

  async send() {
    if (this.sending) return;
    this.sending = true;
    clearTimeout(this.timer);
    while (this.items.length) {
      const item = this.items[0];
      showSaved();
      try {
        const answer = await post(item.path, item.body);
        this.trouble = "";
        this.delay = SOON;
        showStatus(answer.status);
        this.drop(item);
        item.then?.(answer);
      } catch (error) {
        if (!error.refused) {
          this.trouble = error.message;
          break;
        }
        // Kept, so that nobody's work is lost without a trace.
        storage.set(`refused:${item.key}`, { path: item.path, body: item.body, why: error.message });
        this.drop(item);
        alarm(`The server refused a step: ${error.message}`);
        item.then?.(null);
      }
    }
    this.sending = false;
    if (this.items.length) {
      // Longer each time that it tried by itself, not with each step of a person.
      this.timer = setTimeout(() => {
        this.delay = Math.min(15_000, 2 * this.delay);
        this.send();
      }, this.delay);
    } else {
      this.kept = true;
    }
    showSaved();
  },

  drop(item) {
    this.items.shift();
    storage.remove(item.key);
  },

  /** The images that steps still to be sent are about. */
  images() {
    return this.items.flatMap(({ body }) => body.answers?.map((a) => a.image) ?? body.image ?? []);
  },
};

// Over plain http from another machine, browsers have no randomUUID.
function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ---------------------------------------------------------------- images

const pictures = new Map(); // "image/size" -> a loading or loaded <img>; the last 60

function picture(image, size) {
  const key = `${image}/${size}`;
  let element = pictures.get(key);
  if (!element || element.dataset.failed) {
    element = new Image();
    element.draggable = false;
    element.ready = load(element, `/images/${key}`);
  }
  pictures.delete(key);
  pictures.set(key, element);
  if (pictures.size > 60) pictures.delete(pictures.keys().next().value);
  return element;
}

/** Resolves to "" once the image can be painted at once, else to why it cannot be shown. */
async function load(element, url) {
  for (;;) {
    element.src = url;
    try {
      await element.decode();
      return "";
    } catch {
      const why = await reason(url);
      if (why) {
        element.dataset.failed = "1";
        return why;
      }
      await new Promise((again) => setTimeout(again, 2000));
    }
  }
}

/** Why the server does not give an image; "" where it does not answer at all. */
async function reason(url) {
  try {
    const answer = await fetch(url);
    return answer.ok ? "the browser cannot read it" : (await answer.json()).error;
  } catch {
    return "";
  }
}

// ---------------------------------------------------------------- tasks fetched before they are needed

let ahead = [];
let fresh = true; // nothing was fetched yet in this way of working
let asking = false;
let generation = 0;
let status = null; // what the server last said
let waiting = ""; // why there is nothing to show: "", "loading", "empty", "offline", "undoing"
let poll = null;

/** The images that are shown, or will be next. */
const imagesHere = () => [...(current?.tasks ?? []), ...ahead].map((task) => task.image);

/** Those, and the images that steps still to be sent are about: none of them is to be asked again. */
const imagesTaken = () => new Set([...imagesHere(), ...outbox.images()]);

async function fetchAhead() {
  const wanted = (settings.mode === "grid" ? 2 * GRID : AHEAD) - ahead.length;
  if (asking || wanted <= 0 || !settings.person) return;
  // Unsent answers first: the server would ask them again.
  if (fresh && outbox.items.length) await outbox.send();
  asking = true;
  const mine = generation;
  let empty = false;
  try {
    if (settings.mode === "grid" && settings.label === null) {
      showStatus(await post("/api/status", { person: settings.person }));
      // The person may have chosen one meanwhile.
      if (settings.label === null) chooseLabel();
    }
    const label = settings.mode === "grid" ? settings.label : null;
    const have = [...imagesTaken()].slice(0, MOST_ROWS);
    const body = { person: settings.person, images: wanted, label, fresh, have };
    const answer = await post("/api/tasks", body);
    showStatus(answer.status);
    if (mine === generation) {
      fresh = false;
      const taken = imagesTaken();
      const tasks = answer.tasks.filter((task) => !taken.has(task.image));
      for (const task of tasks) picture(task.image, settings.mode === "grid" ? "small" : "large");
      ahead.push(...tasks);
      empty = !tasks.length;
      if (waiting === "offline") waiting = "loading";
    }
  } catch (error) {
    asking = false;
    if (error.refused) return beginAgain(error.message);
    if (waiting && waiting !== "undoing") wait("offline", error.message);
  }
  asking = false;
  if (mine !== generation) fetchAhead();
  else if (!current && waiting !== "undoing") empty ? wait("empty") : next();
}

/** The server does not take this name, or this label. */
function beginAgain(why) {
  alarm(why);
  change({ person: "", label: null, mode: "image" });
  current = null;
  waiting = "";
  view("start");
  $("person").focus();
}

/** Begin anew: another person, another way of working, another label. */
function restart() {
  saveUnfinished();
  generation += 1;
  ahead = [];
  fresh = true;
  current = null;
  wait("loading");
  fetchAhead();
}

/** The label with most left to answer, but for the one that is shown now. */
function chooseLabel() {
  const others = status.labels.map((left, label) => (label === settings.label ? 0 : left));
  const most = Math.max(...others);
  if (most > 0 || settings.label === null) change({ label: others.indexOf(most) });
}

// ---------------------------------------------------------------- the clock

const clock = {
  since: performance.now(),
  active: 0,
  /** Seconds since the last lap in which the page could be seen. */
  lap() {
    const took = Math.min(IDLE, this.active + (document.hidden ? 0 : performance.now() - this.since));
    this.active = 0;
    this.since = performance.now();
    return took / 1000;
  },
  seen() {
    if (document.hidden) this.active += performance.now() - this.since;
    else this.since = performance.now();
  },
};

// ---------------------------------------------------------------- what is shown and answered now
//
// Both ways of working are the same underneath: a list of items, each an image and a label. Image by
// image they are the labels of one image, in a grid the images of one label.

let current = null;
let arrival = null;
const history = [];

function make(kind, tasks) {
  const items = tasks.flatMap((task) =>
    task.asked.map(({ label, probability }) => ({ image: task.image, label, probability, model: task.model })));
  const chosen = kind === "grid" ? items.filter((item) => item.label === items[0].label) : items;
  return {
    kind,
    tasks,
    items: chosen,
    values: chosen.map(() => undefined),
    seconds: chosen.map(() => 0),
    actions: [], // each a list of [place, value before]
    cursor: 0,
    shown: settings.shown,
    ready: false,
    requests: 0, // that were sent for it
  };
}

/** What stands for an item: what the person said, or what was ticked beforehand. */
function stands(place) {
  const { values, items, shown } = current;
  const expected = shown && items[place].probability >= 0.5 ? PRESENT : undefined;
  return values[place] ?? expected;
}

function next() {
  const many = settings.mode === "grid" ? GRID : 1;
  const tasks = ahead.splice(0, many);
  if (tasks.length) show(make(settings.mode, tasks));
  else {
    current = null;
    wait(outbox.trouble ? "offline" : "loading", outbox.trouble);
  }
  fetchAhead();
}

function show(step) {
  current = step;
  waiting = "";
  clearTimeout(poll);
  $("larger").close();
  view(step.kind);
  if (step.kind === "image") drawImage();
  else drawGrid();
  comeBack();
  // Nobody answers what they cannot see yet: until then keys that answer do nothing.
  const size = step.kind === "image" ? "large" : "small";
  const drawn = step.tasks.map((task) => picture(task.image, size));
  if (drawn.every((element) => element.complete && element.naturalWidth)) begin(step);
  else Promise.all(drawn.map((element) => element.ready)).then(() => current === step && begin(step));
}

function begin(step) {
  step.ready = true;
  document.body.dataset.ready = "yes";
  clock.lap();
}

function answer(value, place = current.cursor) {
  if (!current?.ready) return;
  const took = clock.lap();
  current.actions.push([[place, current.values[place]]]);
  current.values[place] = value;
  current.seconds[place] += took;
  mark(place);
  say(`${nameOf(place)}: ${WORDS.get(value)}.`);
  moveOn(place);
}

function moveOn(place) {
  const { kind, values } = current;
  if (kind === "grid") return moveTo(Math.min(place + 1, values.length - 1));
  const order = values.map((_, i) => (place + 1 + i) % values.length);
  const open = order.find((i) => values[i] === undefined);
  if (open === undefined) finish();
  else moveTo(open);
}

/** What is not answered stands as it was ticked beforehand, or is absent. */
function rest() {
  if (!current?.ready) return;
  const open = current.values.flatMap((value, place) => (value === undefined ? [place] : []));
  const took = clock.lap() / Math.max(1, open.length);
  current.actions.push(open.map((place) => [place, undefined]));
  for (const place of open) {
    current.values[place] = stands(place) ?? ABSENT;
    current.seconds[place] += took;
  }
  const present = current.values.flatMap((value, place) => (value === PRESENT ? [nameOf(place)] : []));
  say(current.kind === "grid" ? `${present.length} of ${current.items.length} ticked.` : `Present: ${present.join(", ") || "none"}.`);
  finish();
}

function finish() {
  send(current);
  history.push(current);
  if (history.length > STEPS) history.shift();
  next();
}

/** Put a step's answers, and the images it skips, into the outbox. */
function send(step) {
  const answers = step.items.flatMap((item, place) => {
    const value = step.values[place];
    if (value === undefined || value === SKIPPED) return [];
    const seconds = Math.round(step.seconds[place] * 1000) / 1000;
    return [{ ...item, value, seconds, shown: step.shown }];
  });
  const skipped = step.items.filter((_, place) => step.values[place] === SKIPPED).map((item) => item.image);
  const images = [...new Set(skipped)];
  const sent = (saved) => { if (!saved) step.requests -= 1; };
  if (answers.length) outbox.put("/api/answers", { answers }, sent);
  for (const image of images) outbox.put("/api/skip", { image }, sent);
  step.requests = (answers.length ? 1 : 0) + images.length;
}

function skip() {
  if (!current) return;
  if (current.kind === "grid") return answer(SKIPPED);
  const open = current.values.flatMap((value, place) => (value === undefined ? [place] : []));
  current.actions.push(open.map((place) => [place, undefined]));
  for (const place of open) current.values[place] = SKIPPED;
  say("Skipped.");
  finish();
}

/** Answers to a part of an image are answers, too. */
function saveUnfinished() {
  if (current?.kind === "image" && current.values.some((value) => value !== undefined)) {
    send(current);
    history.push(current);
  }
}

function undo() {
  if (waiting === "undoing") return;
  if (current?.actions.length) return takeBack();
  if (current) ahead.unshift(...current.tasks);
  const step = history.pop();
  if (!step) return undoOnServer();
  for (let i = 0; i < step.requests; i += 1) outbox.put("/api/undo", {});
  show(step);
  takeBack();
}

/** Take back the last thing done to what is shown. */
function takeBack() {
  const action = current.actions.pop();
  for (const [place, before] of action) {
    current.values[place] = before;
    mark(place);
  }
  if (action.length) moveTo(action[0][0]);
  say("Taken back.");
}

/** Steps from before the page was loaded are known to the server alone. */
function undoOnServer() {
  const mine = generation;
  current = null;
  wait("undoing");
  outbox.put("/api/undo", {}, (undone) => {
    if (mine !== generation) return;
    waiting = "loading";
    if (!undone || undone.kind === "nothing") {
      say("There is nothing to take back.");
      return next();
    }
    const images = new Set(undone.tasks.map((task) => task.image));
    ahead = ahead.filter((task) => !images.has(task.image));
    const step = make(images.size > 1 ? "grid" : "image", undone.tasks);
    // As they were answered, but for the last one, which is asked again.
    const said = undone.answers.slice(0, -1);
    step.items.forEach((item, place) => {
      step.values[place] = said.find((a) => a.image === item.image && a.label === item.label)?.value;
    });
    step.cursor = Math.max(0, step.values.indexOf(undefined));
    show(step);
    say("Taken back.");
  });
}

const nameOf = (place) =>
  current.kind === "image" ? NAMES[current.items[place].label] : `Image ${place + 1}`;

// ---------------------------------------------------------------- drawing

function view(name) {
  document.body.dataset.state = name;
  delete document.body.dataset.ready;
  for (const part of document.querySelectorAll("[data-view]")) part.hidden = part.dataset.view !== name;
  $("mode-image").setAttribute("aria-pressed", settings.mode === "image");
  $("mode-grid").setAttribute("aria-pressed", settings.mode === "grid");
}

/** A new element from a template; of this document, as images of another one do not load. */
const stamp = (id) => document.importNode($(id).content, true).firstElementChild;

function drawImage() {
  const [task] = current.tasks;
  drawStage($("stage"), task);
  $("find").hidden = true;
  $("asked").replaceChildren(...current.items.map((item, place) => {
    const row = stamp("row");
    const group = row.firstElementChild;
    row.querySelector("bdi").textContent = NAMES[item.label];
    const chance = current.shown && item.probability !== null ? `${Math.round(100 * item.probability)} %` : "";
    row.querySelector(".chance").textContent = chance;
    for (const button of row.querySelectorAll("button"))
      button.addEventListener("click", () => answer(Number(button.dataset.value), place));
    group.addEventListener("focusin", () => point(place));
    return row;
  }));
  $("find-labels").replaceChildren(...current.items.map((item) => {
    const option = document.createElement("option");
    option.value = NAMES[item.label];
    return option;
  }));
  drawKnown(task.known);
  current.items.forEach((_, place) => mark(place));
  point(current.cursor);
}

function drawKnown(known) {
  const parts = [];
  for (const [value, word] of [[PRESENT, "Present"], [ABSENT, "Absent"]]) {
    const names = known.filter(([, stands]) => stands === value).map(([label]) => NAMES[label]);
    if (!names.length) continue;
    const term = document.createElement("dt");
    term.textContent = word;
    parts.push(term, ...names.map((name) => {
      const one = document.createElement("dd");
      const isolated = document.createElement("bdi");
      isolated.textContent = name;
      one.append(isolated);
      return one;
    }));
  }
  if (!parts.length) {
    const none = document.createElement("dd");
    none.textContent = "Nothing yet";
    parts.push(none);
  }
  $("known").replaceChildren(...parts);
}

function drawStage(stage, task) {
  const element = picture(task.image, "large");
  element.alt = `Image ${task.name}`;
  unzoom(stage);
  stage.replaceChildren(element);
  element.ready.then((why) => {
    if (!why || !stage.contains(element)) return;
    const text = document.createElement("p");
    text.textContent = `This image cannot be shown: ${why}. You can skip it.`;
    stage.replaceChildren(text);
  });
}

function drawGrid() {
  const label = current.items[0].label;
  $("tick-label").textContent = NAMES[label];
  $("label").value = label;
  $("cells").replaceChildren(...current.items.map((item, place) => {
    const cell = stamp("cell");
    const button = cell.querySelector("button");
    const element = picture(item.image, "small");
    element.alt = "";
    cell.querySelector(".picture").append(element);
    cell.querySelector("kbd").textContent = (CELL_KEYS[place] ?? "").toUpperCase();
    element.ready.then((why) => {
      if (!why) return;
      const text = document.createElement("span");
      text.textContent = `Cannot be shown: ${why}`;
      element.replaceWith(text);
    });
    button.addEventListener("click", () => tick(place));
    button.addEventListener("focus", () => point(place));
    return cell;
  }));
  current.items.forEach((_, place) => mark(place));
  point(current.cursor);
}

/** Draw what stands for an item. */
function mark(place) {
  const value = stands(place);
  if (current.kind === "image") {
    const group = $("asked").children[place].firstElementChild;
    group.dataset.by = current.values[place] === undefined && value !== undefined ? "model" : "person";
    for (const button of group.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(value) === button.dataset.value);
    const chance = group.querySelector(".chance").textContent;
    const parts = [nameOf(place), WORDS.get(value), chance && `expected ${chance}`, `${place + 1} of ${current.items.length}`];
    group.setAttribute("aria-label", parts.filter(Boolean).join(", "));
    return;
  }
  const button = $("cells").children[place].firstElementChild;
  button.dataset.value = value ?? ABSENT;
  button.setAttribute("aria-checked", value === PRESENT ? "true" : value === UNSURE ? "mixed" : "false");
  button.querySelector(".mark").textContent = { [PRESENT]: "✓", [UNSURE]: "?", [SKIPPED]: "–" }[value] ?? "";
  const state = value === UNSURE || value === SKIPPED ? `, ${WORDS.get(value)}` : "";
  button.querySelector(".unseen").textContent = `Image ${place + 1} of ${current.items.length}${state}`;
}

const itemList = () => $(current.kind === "image" ? "asked" : "cells");

/** Which item keys are about. */
function point(place) {
  current.cursor = place;
  [...itemList().children].forEach((row, i) => {
    row.classList.toggle("here", i === place);
    // One stop for the tab key, not three for each of eighty labels.
    for (const button of row.querySelectorAll("button")) button.tabIndex = i === place ? 0 : -1;
  });
}

function moveTo(place) {
  point(place);
  focusCursor();
}

function focusCursor() {
  if (!current || document.querySelector("dialog[open]")) return;
  const target = itemList().children[current.cursor]?.firstElementChild;
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: "nearest" });
}

/**
 * Focus a place, and go on from there in a moment, unless somebody was faster. Screen readers say
 * nothing where what has the focus is replaced: they have to see it move.
 */
function arrive(place, goOn) {
  place.focus({ preventScroll: true });
  clearTimeout(arrival);
  arrival = setTimeout(() => document.activeElement === place && goOn(), ARRIVAL);
}

/** From elsewhere to the item that keys are about. */
function comeBack() {
  if (current) arrive(itemList().parentElement, focusCursor);
}

function tick(place) {
  if (!current?.ready || place >= current.items.length) return;
  const value = stands(place) === PRESENT ? ABSENT : PRESENT;
  current.actions.push([[place, current.values[place]]]);
  current.values[place] = value;
  current.seconds[place] += clock.lap();
  mark(place);
  say(`${nameOf(place)}: ${value === PRESENT ? "ticked" : "not ticked"}.`);
  moveTo(place);
}

// ---------------------------------------------------------------- zoom

let scale = 1;

function unzoom(stage = $("stage")) {
  scale = 1;
  const element = stage.querySelector("img");
  if (element) for (const side of ["width", "height"]) element.style.removeProperty(side);
  stage.classList.remove("zoomed");
  document.querySelector('[data-view="image"] [data-do="zoom"]').setAttribute("aria-pressed", "false");
}

function zoomTo(wanted) {
  const stage = $("stage"), element = stage.querySelector("img");
  if (!element || current?.kind !== "image") return;
  const target = Math.min(8, Math.max(1, wanted));
  const middle = [
    (stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth,
    (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight,
  ];
  unzoom();
  if (target === 1) return;
  const { width, height } = element.getBoundingClientRect();
  scale = target;
  stage.classList.add("zoomed");
  element.style.width = `${width * scale}px`;
  element.style.height = `${height * scale}px`;
  stage.scrollLeft = middle[0] * stage.scrollWidth - stage.clientWidth / 2;
  stage.scrollTop = middle[1] * stage.scrollHeight - stage.clientHeight / 2;
  document.querySelector('[data-view="image"] [data-do="zoom"]').setAttribute("aria-pressed", "true");
  sharpen(element);
}

/** More pixels for an image that was scaled down for the screen. */
function sharpen(element) {
  if (Math.max(element.naturalWidth, element.naturalHeight) < 1600 || element.dataset.sharp) return;
  element.dataset.sharp = "1";
  const huge = new Image();
  huge.src = `/images/${current.tasks[0].image}/huge`;
  huge.decode().then(() => { element.src = huge.src; }, () => {});
}

function zoom() {
  if (current?.kind === "image") return zoomTo(scale > 1 ? 1 : ZOOMED);
  if (!current) return;
  if ($("larger").open) return close();
  drawStage($("larger-stage"), current.tasks.find((task) => task.image === current.items[current.cursor].image));
  $("larger").showModal();
}

function drag(stage) {
  let from = null;
  stage.addEventListener("pointerdown", (event) => {
    if (scale === 1 || event.button !== 0 || event.pointerType === "touch") return;
    from = [event.clientX + stage.scrollLeft, event.clientY + stage.scrollTop];
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    if (from) stage.scrollTo(from[0] - event.clientX, from[1] - event.clientY);
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { from = null; });
  stage.addEventListener("dblclick", zoom);
}

// ---------------------------------------------------------------- where things stand

function showStatus(said) {
  // A label was added: the page begins anew, with its name. What is not saved yet is kept.
  if (said.labels.length > NAMES.length) return location.reload();
  status = said;
  const { queued, left, mine } = said;
  $("bar").max = Math.max(1, queued);
  $("bar").value = queued - left;
  const number = (value) => value.toLocaleString("en").replaceAll(",", "\u202f");
  $("counts").textContent = `${number(queued - left)} of ${number(queued)} answered, ${number(mine)} by you`;
  [...$("label").options].forEach((option, label) => {
    option.textContent = `${NAMES[label]} (${said.labels[label]} left)`;
    option.disabled = said.labels[label] === 0;
  });
}

function showSaved() {
  const many = outbox.items.length;
  const steps = many === 1 ? "1 step" : `${many} steps`;
  let text = "All saved", state = "saved";
  if (many && outbox.trouble) {
    text = `Not saved yet: ${steps}, kept in this browser. ${outbox.trouble} Trying again.`;
    state = "trouble";
  } else if (many > 2) {
    text = `Saving ${steps}`;
    state = "saving";
  }
  if (many && !outbox.kept) {
    text = `Not saved yet: ${steps}, and this browser cannot keep them. Leave this page open.`;
    state = "trouble";
  }
  if ($("saved").textContent !== text) $("saved").textContent = text;
  $("saved").dataset.state = state;
}

function wait(why, detail = "") {
  const before = waiting;
  waiting = why;
  clearTimeout(poll);
  if (["empty", "offline"].includes(why)) poll = setTimeout(fetchAhead, why === "empty" ? 3000 : 2000);
  const [title, text] = explain(why, detail);
  if (document.body.dataset.state !== "wait" || before !== why) view("wait");
  if ($("wait-title").textContent !== title) $("wait-title").textContent = title;
  if ($("wait-text").textContent !== text) $("wait-text").textContent = text;
  $("wait-next").hidden = !(why === "empty" && settings.mode === "grid" && status?.left > 0);
  document.body.dataset.wait = why;
  if (before !== why && !document.querySelector("dialog[open]")) $("wait-title").focus();
}

function explain(why, detail) {
  if (why === "offline") return ["No connection", `${detail} Your answers are kept in this browser, and sent as soon as it is back. Please leave this page open.`];
  if (why === "undoing") return ["Taking back", "Your last step comes back from the server."];
  if (why === "loading") return ["Loading", "The next images are on their way."];
  const learning = status.training === "training";
  if (settings.mode === "grid" && status.left > 0 && settings.label !== null)
    return [`Nothing left to ask of ${NAMES[settings.label]}`, "Other labels have questions left."];
  if (status.left > 0) return ["Nothing for you right now", "Other people have the rest, or you skipped it. What comes free is shown here by itself."];
  if (learning) return ["The model is learning", "It learns from the answers so far. New questions come by themselves, usually within a minute or two."];
  const mine = status.mine ? ` You gave ${status.mine} ${status.mine === 1 ? "answer" : "answers"} in ${duration(status.seconds)}.` : "";
  const more = {
    idle: "New questions come after the next training.",
    failed: "The last training failed; whoever started the server can see why.",
    off: "Whoever started the server can ask for more with `alasl suggest`.",
  }[status.training];
  if (status.queued === 0) return ["No questions yet", more];
  return ["All answered. Thank you!", `${more}${mine}`];
}

function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return "less than a minute";
  if (minutes < 120) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  return `${Math.round(minutes / 60)} hours`;
}

const say = (text) => { $("said").textContent = text; };

function alarm(text) {
  $("alert").textContent = text;
  $("alert").hidden = false;
}

// ---------------------------------------------------------------- commands and keys

function setMode(mode) {
  if (mode === settings.mode) return;
  change({ mode });
  restart();
}

function nextLabel() {
  if (settings.mode !== "grid" || !status) return;
  chooseLabel();
  restart();
}

function find() {
  if (current?.kind !== "image") return;
  $("find").hidden = false;
  $("find-label").value = "";
  $("find-label").focus();
}

function found() {
  const text = $("find-label").value.trim().toLowerCase();
  const names = current.items.map((item) => NAMES[item.label].toLowerCase());
  const place = [(n) => n === text, (n) => n.startsWith(text), (n) => n.includes(text)]
    .map((fits) => names.findIndex(fits)).find((i) => i >= 0);
  $("find").hidden = true;
  if (text && place !== undefined) moveTo(place);
  else {
    if (text) say(`${text} is not asked here.`);
    focusCursor();
  }
}

function help() {
  const dialog = $("help");
  if (dialog.open) return close();
  $("keys").checked = settings.keys;
  $("shown").checked = settings.shown;
  $("rename").value = settings.person;
  dialog.showModal();
  arrive(dialog, () => $("help-title").focus());
}

function close() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

const COMMANDS = {
  rest,
  skip,
  undo,
  zoom,
  find,
  help,
  close,
  unsure: () => current && answer(UNSURE),
  "next-label": nextLabel,
  "mode-image": () => setMode("image"),
  "mode-grid": () => setMode("grid"),
};

const KEYS = {
  j: () => current && answer(PRESENT),
  k: () => current && answer(ABSENT),
  l: () => current && answer(UNSURE),
  ";": rest,
  Enter: () => (waiting === "empty" && !$("wait-next").hidden ? nextLabel() : rest()),
  u: undo,
  Backspace: undo,
  p: skip,
  o: zoom,
  "+": () => zoomTo(scale * 1.5),
  "=": () => zoomTo(scale * 1.5),
  "-": () => zoomTo(scale / 1.5),
  0: () => zoomTo(1),
  m: () => setMode(settings.mode === "grid" ? "image" : "grid"),
  n: nextLabel,
  h: help,
  "?": help,
  "/": find,
};

/** The key's letter; on a keyboard of another script, the one at its place. */
function letter(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key.length > 1 || key.charCodeAt(0) < 128) return key;
  if (event.code.startsWith("Key")) return event.code.slice(3).toLowerCase();
  return { Semicolon: ";", Slash: "/" }[event.code] ?? key;
}

function writes(element) {
  return element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox])");
}

function onKey(event) {
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
  if ($("help").open) {
    if (key === "h" || key === "?") act(event, close);
    return;
  }
  if ($("larger").open && !"jklo".includes(key)) return;
  if (key === "Enter" && event.target.matches("button:not(.cell), a, summary, input")) return;
  const place = current?.kind === "grid" ? CELL_KEYS.indexOf(key) : -1;
  if (place >= 0 && key.length === 1) act(event, () => tick(place));
  else if (Object.hasOwn(KEYS, key)) act(event, KEYS[key]);
}

function act(event, command) {
  event.preventDefault();
  command();
}

function onArrow(event, key) {
  if (!current || document.querySelector("dialog[open]")) return;
  const sideways = { ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0;
  const down = { ArrowUp: -1, ArrowDown: 1 }[key] ?? 0;
  if (event.shiftKey) return act(event, () => $("stage").scrollBy(sideways * 90, down * 90));
  if (current.kind === "image" && !down) return;
  const columns = current.kind === "grid" ? getComputedStyle($("cells")).gridTemplateColumns.split(" ").length : 1;
  const place = current.cursor + sideways + down * columns;
  act(event, () => { if (place >= 0 && place < current.items.length) moveTo(place); });
}

// ---------------------------------------------------------------- begin

function enter(person) {
  $("alert").hidden = true;
  leave();
  current = null;
  history.length = 0;
  change({ person });
  restart();
}

function listen() {
  document.addEventListener("keydown", onKey);
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
  addEventListener("resize", () => { unzoom(); focusCursor(); });
  addEventListener("online", () => { outbox.send(); fetchAhead(); });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  addEventListener("beforeunload", (event) => { if (outbox.items.length && !outbox.kept) event.preventDefault(); });
  setInterval(heartbeat, HEARTBEAT);
}

async function heartbeat() {
  if (!settings.person || !(current || ahead.length)) return;
  const mine = generation;
  try {
    const { held } = await post("/api/renew", { person: settings.person });
    // After a long sleep others may have been given what was ours.
    if (mine === generation) ahead = ahead.filter((task) => held.includes(task.image));
    fetchAhead();
  } catch {
    // The outbox says when the server is gone.
  }
}

/** Save what was begun, and give back what others may have. */
function leave() {
  saveUnfinished();
  const images = imagesHere();
  if (!images.length || outbox.items.length) return;
  const body = JSON.stringify({ person: settings.person, images });
  fetch("/api/release", { method: "POST", headers: { "content-type": "application/json" }, body, keepalive: true }).catch(() => {});
}

listen();
if (outbox.items.length) outbox.send();
if (settings.person) enter(settings.person);
else {
  view("start");
  $("person").focus();
}
