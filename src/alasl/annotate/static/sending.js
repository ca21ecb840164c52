// A step on its way into the outbox.

import { outbox } from "./outbox.js";
import { corrections } from "./step.js";
import { SKIPPED } from "./values.js";

/** Put a step's answers, and the images it skips, into the outbox. */
export function send(step) {
  const answers = step.items.flatMap((item, place) => {
    const value = step.values[place];
    if (value === undefined || value === SKIPPED || item.known !== undefined) return [];
    const seconds = Math.round(step.seconds[place] * 1000) / 1000;
    const { image, label, probability, model } = item;
    return [{ image, label, probability, model, value, seconds, shown: step.shown }];
  });
  const one = outbox.begin();
  for (const { item, value } of corrections(step)) correct(item, value, one);
  const skipped = step.items.filter((_, place) => step.values[place] === SKIPPED).map((item) => item.image);
  // One that is held back is asked again once nothing else is left.
  const images = [...new Set(skipped)].filter((image) => !step.held.has(image));
  const sent = (saved) => {
    if (!saved) step.requests -= 1;
  };
  if (answers.length) outbox.put("api/answers", { answers }, sent, one);
  for (const image of images) outbox.put("api/skip", { image }, sent, one);
  step.requests = (answers.length ? 1 : 0) + images.length;
}

/** Say otherwise of what is known. */
export const correct = ({ image, label }, value, one) =>
  outbox.put("api/correct", { image, label, value }, undefined, one);
