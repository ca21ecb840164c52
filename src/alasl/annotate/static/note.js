// A note on an image, or that a label is unclear, for whoever runs the project.

import { $, arrive, say } from "./dom.js";
import { NAMES } from "./labels.js";
import { outbox } from "./outbox.js";
import { act } from "./keys.js";
import { t } from "./words.js";

let about = {};

/** Ask for a note: on a task's image, on a label, or both. */
export function askNote(task, label, unclear = false) {
  about = { image: task?.image ?? null, label };
  $("note-image").textContent = task ? t("note.image", { name: task.name }) : "";
  $("note-about").hidden = label === null;
  $("note-label").textContent = label === null ? "" : NAMES[label];
  $("note-unclear").checked = unclear;
  $("note-text").value = "";
  require();
  $("note").showModal();
  arrive($("note"), () => $("note-text").focus());
}

/** That a label is unclear needs no words. */
function require() {
  $("note-text").required = !$("note-unclear").checked;
}

function send() {
  const text = $("note-text").value.trim(),
    unclear = $("note-unclear").checked;
  if (text || unclear) {
    outbox.put("api/note", { image: about.image, label: unclear ? about.label : null, text });
    say(t("said.noted"));
  }
  $("note").close();
}

$("note-unclear").addEventListener("change", require);
$("note-form").addEventListener("submit", (event) => act(event, send));
