// What a person said so far, to look through and to change.

import { $, arrive, say, stamp } from "./dom.js";
import { settings } from "./kept.js";
import { NAMES } from "./labels.js";
import { outbox } from "./outbox.js";
import { thumbnail } from "./pictures.js";
import { post } from "./server.js";
import { forgetSteps } from "./session.js";
import { inWords } from "./values.js";
import { moment, t } from "./words.js";

let last = null; // the event of the last answer that is shown

/** Show one's answers, the newest first. */
export async function showMine() {
  if (!$("mine").open) $("mine").showModal();
  arrive($("mine"), () => $("mine-title").focus());
  // What is still on its way is among them.
  if (outbox.items.length) await outbox.send();
  begin();
}

function begin() {
  last = null;
  $("mine-answers").replaceChildren();
  more();
}

const chosen = (id) => ($(id).value === "" ? null : Number($(id).value));

function since() {
  const days = chosen("mine-since");
  if (days === null) return 0;
  const day = new Date();
  day.setHours(0, 0, 0, 0);
  day.setDate(day.getDate() - (days - 1));
  return day.getTime() / 1000;
}

async function more() {
  const filter = { since: since(), value: chosen("mine-value"), label: chosen("mine-label") };
  $("mine-more").hidden = true;
  let found;
  try {
    found = await post("api/mine", { person: settings.person, before: last, ...filter });
  } catch (error) {
    $("mine-none").textContent = error.message;
    $("mine-none").hidden = false;
    return;
  }
  last = found.answers.at(-1)?.event ?? last;
  $("mine-answers").append(...found.answers.map(draw));
  $("mine-none").textContent = t("mine.none");
  $("mine-none").hidden = $("mine-answers").children.length > 0;
  $("mine-more").hidden = !found.more;
}

function draw(said) {
  const item = stamp("said-row");
  item.querySelector(".picture").append(thumbnail(said.image, t("image.alt", { name: said.name })));
  item.querySelector("bdi").textContent = NAMES[said.label];
  item.querySelector("time").textContent = moment(said.at);
  const buttons = [...item.querySelectorAll("button")];
  const press = () =>
    buttons.forEach((one) => one.setAttribute("aria-pressed", one.dataset.value === String(said.value)));
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const value = Number(button.dataset.value);
      if (value === said.value) return;
      said.value = value;
      press();
      say(t("said.changed", { name: NAMES[said.label], value: inWords(value) }));
      // The server's last step is this one now, so it is the first that can be taken back.
      forgetSteps();
      outbox.put("api/answers", { answers: [{ image: said.image, label: said.label, value, seconds: 0 }] });
    });
  }
  press();
  return item;
}

for (const id of ["mine-since", "mine-value", "mine-label"]) $(id).addEventListener("change", begin);
$("mine-more").addEventListener("click", more);
