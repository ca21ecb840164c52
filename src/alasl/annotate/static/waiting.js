// What is shown where nothing can be answered, and why.

import { $, openDialog, view } from "./dom.js";
import { inWords, progress } from "./progress.js";
import { line } from "./server.js";
import { tasks } from "./tasks.js";
import { duration, t } from "./words.js";

export const waiting = { why: "" }; // "", "loading", "empty", "offline", "undoing"

let poll = null;

export function stopWaiting() {
  waiting.why = "";
  clearTimeout(poll);
}

export function wait(why, detail = "") {
  const before = waiting.why;
  waiting.why = why;
  clearTimeout(poll);
  if (["empty", "offline"].includes(why)) poll = setTimeout(() => tasks.fetch(), why === "empty" ? 3000 : 2000);
  const [title, text] = explain(why, detail);
  if (document.body.dataset.state !== "wait" || before !== why) view("wait");
  if ($("wait-title").textContent !== title) $("wait-title").textContent = title;
  if ($("wait-text").textContent !== text) $("wait-text").textContent = text;
  document.body.dataset.wait = why;
  if (before !== why && !openDialog()) $("wait-title").focus();
}

/** Until tasks come, which they do not while the server is in trouble. */
export function waitForTasks() {
  wait(line.trouble ? "offline" : "loading", line.trouble);
}

function explain(why, detail) {
  const { status } = progress;
  if (why === "offline") return [t("wait.offline"), t("wait.offline.text", { why: detail })];
  if (why !== "empty") return [t(`wait.${why}`), t(`wait.${why}.text`)];
  if (status.paused) return [t("wait.paused"), t("wait.paused.text")];
  if (status.left > 0) {
    // The rest is for others: for this person it goes on after the training.
    const learns = status.training === "training";
    const text = t(learns ? "wait.training" : "wait.nothing.text");
    return [t(learns ? "wait.learning" : "wait.nothing"), [text, ...mine(status)].join(" ")];
  }
  const more = t(`wait.${status.training}`);
  if (status.queued === 0 && status.training !== "training") return [t("wait.none"), more];
  const title = t(status.training === "training" ? "wait.learning" : "wait.done");
  return [title, [reached(status), more].filter(Boolean).join(" ")];
}

/** What has come of all answers, in sentences. */
function reached({ round, queued, answers, worth, ...own }) {
  const all = queued ? [t("done.round", { round, n: queued, all: answers })] : [];
  const model = worth ? [t("done.worth", { worth: inWords(worth).filter(Boolean).join(", ") })] : [];
  return [...all, ...mine(own), ...model].join(" ");
}

const mine = ({ mine: n, seconds }) => (n ? [t("done.mine", { n, time: duration(seconds) })] : []);
