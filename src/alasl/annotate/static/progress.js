// Where things stand, as the server last said, and whether all is saved.

import { $ } from "./dom.js";
import { guide } from "./guide.js";
import { settings } from "./kept.js";
import { NAMES } from "./labels.js";
import { outbox } from "./outbox.js";
import { line, post } from "./server.js";
import { duration, t, tenths } from "./words.js";

const ENOUGH = 5; // answers that tell how fast a person is
const COUNTED = 1_200; // ms after which the server counts anew
let later = 0;

export const progress = {
  status: null,
  begun: null, // the status when the page was opened

  isBegun: () => false, // whether something was answered that is in no step yet
  onpause() {}, // the server says that nothing is to be asked now
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
  $("counts").textContent = t("counts", { n: answers, mine });
  $("round").textContent = queued ? t("round", { round, left, queued }) : "";
  $("pace").textContent = pace(status);
  [$("worth").textContent, $("brought").textContent] = worth ? inWords(worth) : ["", ""];
  // Where there is no room for all of it.
  $("progress").title = ["round", "pace", "worth", "brought", "counts"]
    .flatMap((id) => $(id).textContent || [])
    .join("; ");
  guide.fetch(status.guide);
  showLeft();
  if (status.paused) progress.onpause();
}

/** What came back with a step may have been counted before it: asked again, once nobody answers. */
export function showSent(status) {
  showStatus(status);
  clearTimeout(later);
  later = setTimeout(async () => {
    try {
      showStatus(await post("api/status", { person: settings.person }));
    } catch {
      // The line says when the server is gone; the next step tells the counts.
    }
  }, COUNTED);
}

/** How many are left of each label, in the list of labels; of a thousand, few change at once. */
export function showLeft() {
  for (const option of $("label").options) {
    const left = progress.status?.labels[option.value] ?? 0;
    if (option.dataset.left === String(left)) continue;
    option.dataset.left = left;
    option.textContent = t("grid.left", { name: NAMES[option.value], n: left });
    option.disabled = left === 0;
  }
}

/** How fast this person answers now, and how long the rest takes at that pace. */
function pace({ left, mine, seconds }) {
  const { begun } = progress;
  const now = mine - begun.mine >= ENOUGH;
  const [answers, took] = now ? [mine - begun.mine, seconds - begun.seconds] : [mine, seconds];
  if (!left || answers < ENOUGH || took <= 0) return "";
  const each = took / answers;
  return t("pace", { rate: Math.round(60 / each), time: duration(left * each, "pace") });
}

/** What a model is worth: "mAP 61.2 % (58.9 to 63.4)" and "+1.2 (+0.1 to +2.3) per 100 answers". */
export function inWords({ map, low, high, brought }) {
  const values = { map: tenths(map), low: low === null ? "" : tenths(low), high: high === null ? "" : tenths(high) };
  const worth = t(low === null ? "worth" : "worth.interval", values);
  if (brought === null) return [worth, ""];
  const [gain, least, most] = brought.map((value) => `${value < 0 ? "\u2212" : "+"}${tenths(Math.abs(value))}`);
  return [worth, t("worth.brought", { gain, low: least, high: most })];
}

export function showSaved() {
  const many = outbox.count() + (line.trouble && progress.isBegun() ? 1 : 0);
  let text = t("saved"),
    state = "saved";
  if (many && line.trouble) {
    text = t("saved.trouble", { n: many, why: line.trouble });
    state = "trouble";
  } else if (many > 2) {
    text = t("saved.saving", { n: many });
    state = "saving";
  }
  if (!many && line.trouble) {
    text = t("saved.gone", { why: line.trouble });
    state = "trouble";
  }
  if (many && !outbox.kept) {
    text = t("saved.full", { n: many });
    state = "trouble";
  }
  if ($("saved").textContent !== text) $("saved").textContent = text;
  $("saved").title = text;
  $("saved").dataset.state = state;
}
