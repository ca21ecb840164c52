// What is shown where nothing can be answered, and why.

import { $, openDialog, view } from "./dom.js";
import { settings } from "./kept.js";
import { NAMES } from "./labels.js";
import { progress } from "./progress.js";
import { line } from "./server.js";
import { tasks } from "./tasks.js";
import { duration } from "./words.js";

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
  $("wait-next").hidden = !(why === "empty" && settings.mode === "grid" && progress.status?.left > 0);
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
