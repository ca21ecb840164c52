// Tasks, fetched before they are needed.

import { change, settings } from "./kept.js";
import { capacity, pictureSize, runs, screenful, stageSize } from "./layout.js";
import { outbox } from "./outbox.js";
import { large, tile } from "./pictures.js";
import { progress, showStatus } from "./progress.js";
import { post } from "./server.js";
import { follow } from "./way.js";

const AHEAD = 6; // images fetched before they are needed
const MOST_ROWS = 640,
  MOST_IMAGES = 64; // that a request may name, and ask for

export const tasks = {
  ahead: [],
  fresh: true, // nothing was fetched yet in this way of working
  asking: false,
  generation: 0,
  label: null, // that a grid asks next

  shown: () => [], // the tasks that are answered now
  onfetched() {}, // whether any came
  ontrouble() {}, // an error

  /** The images that are shown, or will be next. */
  images() {
    return [...this.shown(), ...this.ahead].map((task) => task.image);
  },

  /** What is not to be asked again: what is shown, or will be next, or is still to be sent. */
  taken() {
    const sent = outbox.items.flatMap(
      ({ body }) => body.answers?.map((a) => name(a.image, a.label)) ?? body.image ?? [],
    );
    const here = [...this.shown(), ...this.ahead];
    return new Set([...sent, ...here.flatMap((task) => task.asked.map(({ label }) => name(task.image, label)))]);
  },

  /** The next ones. */
  take() {
    return this.ahead.splice(0, settings.mode === "image" ? 1 : screenful(labels(this.ahead)));
  },

  /** Begin anew: another person, another way of working, another label. */
  forget() {
    this.generation += 1;
    this.ahead = [];
    this.fresh = true;
    this.label = settings.label;
  },

  /** How many images are to be fetched now. */
  wanted() {
    return (settings.mode === "grid" ? 2 * capacity() : AHEAD) - this.ahead.length;
  },

  async fetch() {
    if (this.asking || this.wanted() <= 0 || !settings.person) return;
    this.asking = true;
    // Unsent answers first: the server would ask them again.
    if (this.fresh && outbox.items.length) await outbox.send();
    const mine = this.generation;
    try {
      if (!progress.status) {
        // How to ask is told by the queue.
        showStatus(await post("api/status", { person: settings.person }));
        if (mine === this.generation) follow();
      }
      const came = await ask(this.wanted(), mine);
      this.asking = false;
      if (mine !== this.generation) this.fetch();
      else this.onfetched(came);
    } catch (error) {
      this.asking = false;
      this.ontrouble(error);
    }
  },

  /** Hold on to what is ours; whether others were given some of what is shown. */
  async renew() {
    const mine = this.generation;
    const { held, paused } = await post("api/renew", { person: settings.person });
    if (paused) showStatus(await post("api/status", { person: settings.person }));
    if (mine !== this.generation) return false;
    const ours = new Set(held.map(([image, label]) => `${image}/${label}`));
    const left = ({ image, asked }) => asked.filter(({ label }) => ours.has(`${image}/${label}`));
    // After a long sleep others may have been given what was ours.
    this.ahead = this.ahead.map((task) => ({ ...task, asked: left(task) })).filter(({ asked }) => asked.length);
    this.fetch();
    return this.shown().some((task) => left(task).length < task.asked.length);
  },
};

const labels = (found) => found.map(({ asked }) => asked[0].label);

/** A question, which is a whole image, or one label of it. */
const name = (image, label) => (settings.mode === "grid" ? `${image}/${label}` : image);

async function ask(wanted, mine) {
  if (settings.mode === "grid" && settings.label === null) {
    showStatus(await post("api/status", { person: settings.person }));
    // The person may have chosen one meanwhile.
    if (settings.label === null) chooseLabel();
  }
  tasks.label ??= settings.label;
  const label = settings.mode === "grid" ? tasks.label : null;
  const have = [...new Set([...tasks.images(), ...outbox.images()])].slice(0, MOST_ROWS);
  const images = Math.min(wanted, MOST_IMAGES);
  const body = { person: settings.person, images, label, fresh: tasks.fresh, have };
  const answer = await post("api/tasks", body);
  showStatus(answer.status);
  if (mine !== tasks.generation) return true;
  tasks.fresh = false;
  const taken = tasks.taken();
  const found = answer.tasks.filter(
    ({ image, asked }) => !taken.has(image) && !taken.has(name(image, asked[0]?.label)),
  );
  tasks.ahead.push(...found);
  if (label === null) for (const { image } of found) large(image, stageSize());
  else prepare();
  // There may be more of the label that came last.
  if (label !== null && found.length) tasks.label = found.at(-1).asked[0].label;
  return found.length > 0;
}

/** Fetch the pictures of grids, at the size that they will have. */
function prepare() {
  for (let from = 0, many; from < tasks.ahead.length; from += many) {
    const rest = tasks.ahead.slice(from);
    many = screenful(labels(rest));
    const size = pictureSize(runs(labels(rest.slice(0, many))));
    for (const { image, asked } of rest.slice(0, many)) tile(image, size, asked[0].label);
  }
}

/** The label with most left to answer, but for the one that is shown now. */
export function chooseLabel() {
  const others = progress.status.labels.map((left, label) => (label === settings.label ? 0 : left));
  const most = Math.max(...others);
  if (most > 0 || settings.label === null) change({ label: others.indexOf(most) });
}
