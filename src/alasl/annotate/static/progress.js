// Where things stand, as the server last said, and whether all is saved.

import { $ } from "./dom.js";
import { NAMES } from "./labels.js";
import { outbox } from "./outbox.js";
import { line } from "./server.js";
import { number } from "./words.js";

export const progress = { status: null };

export function showStatus(status) {
  // A label was added: the page begins anew, with its name. What is not saved yet is kept.
  if (status.labels.length > NAMES.length) return location.reload();
  progress.status = status;
  const { queued, left, mine } = status;
  $("bar").max = Math.max(1, queued);
  $("bar").value = queued - left;
  $("counts").textContent = `${number(queued - left)} of ${number(queued)} answered, ${number(mine)} by you`;
  [...$("label").options].forEach((option, label) => {
    option.textContent = `${NAMES[label]} (${status.labels[label]} left)`;
    option.disabled = status.labels[label] === 0;
  });
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
