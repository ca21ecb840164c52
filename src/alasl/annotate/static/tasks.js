// Tasks, fetched before they are needed.

import { change, settings } from "./kept.js";
import { outbox } from "./outbox.js";
import { picture } from "./pictures.js";
import { progress, showStatus } from "./progress.js";
import { post } from "./server.js";

export const GRID = 12; // images in a grid
const AHEAD = 6; // images fetched before they are needed
const MOST_ROWS = 640; // images that a request may name

export const tasks = {
  ahead: [],
  fresh: true, // nothing was fetched yet in this way of working
  asking: false,
  generation: 0,

  shown: () => [], // the tasks that are answered now
  onfetched() {}, // whether any came
  ontrouble() {}, // an error

  /** The images that are shown, or will be next. */
  images() {
    return [...this.shown(), ...this.ahead].map((task) => task.image);
  },

  /** Those, and the images that steps still to be sent are about: none of them is to be asked again. */
  taken() {
    return new Set([...this.images(), ...outbox.images()]);
  },

  /** The next ones. */
  take() {
    return this.ahead.splice(0, settings.mode === "grid" ? GRID : 1);
  },

  /** Begin anew: another person, another way of working, another label. */
  forget() {
    this.generation += 1;
    this.ahead = [];
    this.fresh = true;
  },

  async fetch() {
    const wanted = (settings.mode === "grid" ? 2 * GRID : AHEAD) - this.ahead.length;
    if (this.asking || wanted <= 0 || !settings.person) return;
    this.asking = true;
    // Unsent answers first: the server would ask them again.
    if (this.fresh && outbox.items.length) await outbox.send();
    const mine = this.generation;
    try {
      const came = await ask(wanted, mine);
      this.asking = false;
      if (mine !== this.generation) this.fetch();
      else this.onfetched(came);
    } catch (error) {
      this.asking = false;
      this.ontrouble(error);
    }
  },

  /** Keep what the server has for us, and hold on to it. */
  async renew() {
    const mine = this.generation;
    const { held } = await post("api/renew", { person: settings.person });
    // After a long sleep others may have been given what was ours.
    if (mine === this.generation) this.ahead = this.ahead.filter((task) => held.includes(task.image));
    this.fetch();
  },
};

async function ask(wanted, mine) {
  if (settings.mode === "grid" && settings.label === null) {
    showStatus(await post("api/status", { person: settings.person }));
    // The person may have chosen one meanwhile.
    if (settings.label === null) chooseLabel();
  }
  const label = settings.mode === "grid" ? settings.label : null;
  const have = [...tasks.taken()].slice(0, MOST_ROWS);
  const body = { person: settings.person, images: wanted, label, fresh: tasks.fresh, have };
  const answer = await post("api/tasks", body);
  showStatus(answer.status);
  if (mine !== tasks.generation) return true;
  tasks.fresh = false;
  const taken = tasks.taken();
  const found = answer.tasks.filter((task) => !taken.has(task.image));
  for (const task of found) picture(task.image, settings.mode === "grid" ? "small" : "large");
  tasks.ahead.push(...found);
  return found.length > 0;
}

/** The label with most left to answer, but for the one that is shown now. */
export function chooseLabel() {
  const others = progress.status.labels.map((left, label) => (label === settings.label ? 0 : left));
  const most = Math.max(...others);
  if (most > 0 || settings.label === null) change({ label: others.indexOf(most) });
}
