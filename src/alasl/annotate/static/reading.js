// What a person has read of the guide. It is kept in the browser, and shown again once it says
// something else.

import { guide } from "./guide.js";
import { settings, storage } from "./kept.js";
import { showBefore } from "./guide-view.js";

/** A short mark of a text, to tell whether it is another one. */
function mark(text) {
  let hash = 2166136261;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  return hash >>> 0;
}

const key = () => `read:${settings.person}`;

/** What is told of a label, as one text; "" where nobody wrote or chose anything. */
function told(label) {
  const { about, examples, counter_examples } = guide.of(label);
  return about || examples.length || counter_examples.length ? JSON.stringify([about, examples, counter_examples]) : "";
}

/** Of the labels, those of which this person has not read what is told of them. */
function unread(labels) {
  const read = storage.get(key(), {});
  return labels.filter((label) => told(label) && read[label] !== mark(told(label)));
}

function noteRead(labels) {
  const read = storage.get(key(), {});
  for (const label of labels) read[label] = mark(told(label));
  if (guide.instructions) read.instructions = mark(guide.instructions);
  storage.set(key(), read);
}

/** Tell what this person must know before answering these labels; nothing where they know it. */
export function before(labels) {
  const first = guide.instructions && storage.get(key(), {}).instructions !== mark(guide.instructions);
  const fresh = unread([...new Set(labels)]);
  if (!first && !fresh.length) return;
  noteRead(fresh);
  showBefore(fresh, first);
}
