// What is shown where nothing can be answered, and why.

import { $, openDialog, view } from "./dom.js";
import { inWords, progress } from "./progress.js";
import { line } from "./server.js";
import { tasks } from "./tasks.js";
import { count, duration, number } from "./words.js";

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
  if (why === "offline") return ["No connection", `${detail} Your answers are kept in this browser, and sent as soon as it is back. Please leave this page open.`];
  if (why === "undoing") return ["Taking back", "Your last step comes back from the server."];
  if (why === "loading") return ["Loading", "The next images are on their way."];
  if (status.left > 0) return ["Nothing for you right now", "Other people have the rest, or you skipped it. What comes free is shown here by itself."];
  const more = {
    training: "New questions come by themselves, usually within a minute or two.",
    idle: "New questions come after the next training.",
    failed: "The last training failed; whoever started the server can see why.",
    off: "Whoever started the server can ask for more with `alasl suggest`.",
  }[status.training];
  if (status.queued === 0 && status.training !== "training") return ["No questions yet", more];
  const title = status.training === "training" ? "The model is learning" : "All answered. Thank you!";
  return [title, [reached(status), more].filter(Boolean).join(" ")];
}

/** What has come of all answers, in sentences. */
function reached({ round, queued, answers, mine, seconds, worth }) {
  const said = [];
  if (queued) said.push(`Round ${round} is done: ${count(queued, "answer")}, ${number(answers)} in all.`);
  if (mine) said.push(`You gave ${count(mine, "answer")} in ${duration(seconds)}.`);
  if (worth) said.push(`The model before it: ${inWords(worth)}.`);
  return said.join(" ");
}
