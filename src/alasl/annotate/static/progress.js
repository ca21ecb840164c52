// Where things stand, as the server last said, and whether all is saved.

import { $ } from "./dom.js";
import { NAMES } from "./labels.js";
import { outbox } from "./outbox.js";
import { line } from "./server.js";
import { count, duration, number } from "./words.js";

const ENOUGH = 5; // answers that tell how fast a person is

export const progress = {
  status: null,
  begun: null, // the status when the page was opened
};

export function showStatus(status) {
  // A label was added: the page begins anew, with its name. What is not saved yet is kept.
  if (status.labels.length > NAMES.length) return location.reload();
  // Of two that were on their way at once the older one may come last.
  if (progress.status?.event > status.event) return;
  progress.status = status;
  progress.begun ??= status;
  const { round, queued, left, answers, mine, worth } = status;
  $("bar").max = Math.max(1, queued);
  $("bar").value = queued - left;
  $("counts").textContent = `${count(answers, "answer")}, ${number(mine)} by you`;
  $("pace").textContent = queued ? `round ${round}: ${number(left)} of ${number(queued)} left${pace(status)}` : "";
  $("worth").textContent = worth ? inWords(worth) : "";
  [...$("label").options].forEach((option, label) => {
    option.textContent = `${NAMES[label]} (${status.labels[label]} left)`;
    option.disabled = status.labels[label] === 0;
  });
}

/** How fast this person answers now, and how long the rest takes at that pace. */
function pace({ left, mine, seconds }) {
  const { begun } = progress;
  const now = mine - begun.mine >= ENOUGH;
  const [answers, took] = now ? [mine - begun.mine, seconds - begun.seconds] : [mine, seconds];
  if (answers < ENOUGH || took <= 0) return "";
  const each = took / answers;
  return `, ${number(Math.round(60 / each))} a minute, ${duration(left * each)}`;
}

/** What a model is worth: "mAP 61.2 % (58.9 to 63.4), +1.2 by the last 100 answers". */
export function inWords({ map, low, high, brought }) {
  const interval = low === null ? "" : ` (${low.toFixed(1)} to ${high.toFixed(1)})`;
  const gain = brought === null ? "" : `, ${brought < 0 ? "\u2212" : "+"}${Math.abs(brought).toFixed(1)} by the last 100 answers`;
  return `mAP ${map.toFixed(1)} %${interval}${gain}`;
}

export function showSaved() {
  const many = outbox.items.length;
  const steps = many === 1 ? "1 step" : `${many} steps`;
  let text = "All saved", state = "saved";
  if (many && line.trouble) {
    text = `Not saved yet: ${steps}, kept in this browser. ${line.trouble} Trying again.`;
    state = "trouble";
  } else if (many > 2) {
    text = `Saving ${steps}`;
    state = "saving";
  }
  if (!many && line.trouble) {
    text = `${line.trouble} Trying again.`;
    state = "trouble";
  }
  if (many && !outbox.kept) {
    text = `Not saved yet: ${steps}, and this browser cannot keep them. Leave this page open.`;
    state = "trouble";
  }
  if ($("saved").textContent !== text) $("saved").textContent = text;
  $("saved").dataset.state = state;
}
