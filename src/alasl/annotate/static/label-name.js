// A label's name as it is drawn.

import { guide } from "./guide.js";
import { NAMES } from "./labels.js";

/** A label's name with its colour, where it has one. */
export function name(label) {
  const whole = document.createElement("span"),
    text = document.createElement("bdi"),
    { colour } = guide.of(label);
  text.textContent = NAMES[label];
  whole.append(text);
  whole.classList.toggle("coloured", Boolean(colour));
  if (colour) whole.style.setProperty("--colour", colour);
  return whole;
}
