// The document: its elements, what is said to screen readers, and where the focus goes.

const ARRIVAL = 300; // ms in which a screen reader sees where the focus went

export const $ = (id) => document.getElementById(id);

/** A new element from a template; of this document, as images of another one do not load. */
export const stamp = (id) => document.importNode($(id).content, true).firstElementChild;

/** Say it to those who do not see it. */
export const say = (text) => {
  $("said").textContent = text;
};

export function alarm(text) {
  $("alert").textContent = text;
  $("alert").hidden = false;
}

/** Show one part of the page and hide the others. */
export function view(name) {
  document.body.dataset.state = name;
  delete document.body.dataset.ready;
  delete document.body.dataset.unseen;
  for (const part of document.querySelectorAll("[data-view]")) part.hidden = part.dataset.view !== name;
  // Where the grid before ended nobody has looked at this one.
  if (name === "grid") scrollTo(0, 0);
}

export const openDialog = () => document.querySelector("dialog[open]");

export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

let arrival = null;

/**
 * Focus a place, and go on from there in a moment, unless somebody was faster. Screen readers say
 * nothing where what has the focus is replaced: they have to see it move.
 */
export function arrive(place, goOn) {
  place.focus({ preventScroll: true });
  clearTimeout(arrival);
  arrival = setTimeout(() => document.activeElement === place && goOn(), ARRIVAL);
}
