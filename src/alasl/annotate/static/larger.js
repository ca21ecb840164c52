// The marked image of a grid in full.

import { $ } from "./dom.js";
import { large } from "./pictures.js";
import { drawStage } from "./zoom.js";

/** Show it, or no more. */
export function showLarger(step) {
  if ($("larger").open) return $("larger").close();
  $("larger").showModal();
  drawLarger(step);
}

/** Where it is shown: another one was marked. */
export function drawLarger(step) {
  if (!$("larger").open) return;
  const { image } = step.items[step.cursor];
  // Whatever lies below it.
  step.seen.add(step.cursor);
  drawStage(
    $("larger-stage"),
    step.tasks.find((task) => task.image === image),
    large(image, "screen"),
  );
}
