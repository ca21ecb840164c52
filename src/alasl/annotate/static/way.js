// Image by image or by label: whichever the queue says takes less time, unless the person chose the
// other one.

import { $ } from "./dom.js";
import { change, settings } from "./kept.js";
import { progress } from "./progress.js";

const quicker = () => (progress.status?.way === "label" ? "grid" : "image");

/** Go by what the queue says; whether that changes anything. */
export function follow() {
  if (!progress.status) return false;
  const mode = settings.chosen ?? quicker();
  const changed = mode !== settings.mode;
  change({ mode });
  press();
  return changed;
}

/** What the person wants, until they want what the queue says again. */
export function choose(mode) {
  change({ mode, chosen: mode === quicker() ? null : mode });
}

/** Show which one it is. */
export function press() {
  for (const mode of ["image", "grid"]) $(`mode-${mode}`).setAttribute("aria-pressed", settings.mode === mode);
}
