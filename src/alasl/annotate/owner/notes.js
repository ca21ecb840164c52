// What people noted of images, and which labels are unclear to them.

import { ask, tried } from "./asking.js";
import { $ } from "./dom.js";
import { fill, make, picture } from "./parts.js";
import { person } from "./settling.js";
import { moment, number, t } from "./words.js";

/** Draw the first of `all` notes; `again`: once one was taken as read. */
export function drawNotes(notes, all, again) {
  $("notes-count").textContent = all ? number(all) : "";
  $("notes-none").hidden = all > 0;
  $("notes-more").hidden = notes.length === all;
  $("notes-more").textContent = t("owner.shown", { n: notes.length, all });
  fill("notes", notes, (one) => drawn(one, again));
}

function drawn({ id, at, person: who, image, number: place, label, text }, again) {
  const title = [label === null ? "" : t("owner.unclear", { label }), image ?? ""].filter(Boolean).join(" · ");
  const told = make("div", null, make("strong", title), make("p", text), make("p", `${who}, ${moment(at)}`));
  told.lastChild.className = "soft";
  const button = make("button", t("owner.done"));
  button.type = "button";
  button.addEventListener("click", async () => {
    await tried(() => ask("api/note", { person: person(), note: id }));
    again();
  });
  return make("li", null, place === null ? make("span") : picture(place, image), told, button);
}
