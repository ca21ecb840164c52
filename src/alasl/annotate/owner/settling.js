// What is to be settled, with the image in front of one: what people disagree on, what rules forbid,
// and given entries that may be wrong.

import { ask, tried } from "./asking.js";
import { $, stamp } from "./dom.js";
import { fill, picture } from "./parts.js";
import { inWords } from "./values.js";
import { number, t, tenths } from "./words.js";

const LOOKING = 2_000; // ms between two looks whether suspects were found
const CALM = 400; // ms in which what moved up is not settled: a second tap was meant for the one before

export const person = () => $("person").value.trim() || "owner";

/** An entry with its image, and buttons that settle it. */
function entry({ image, name, label, called, said }) {
  const item = stamp("entry");
  item.querySelector(".picture").append(picture(image, name));
  item.querySelector("bdi").textContent = called;
  item.querySelector(".name").textContent = name;
  item.querySelector(".said").textContent = said;
  for (const button of item.querySelectorAll("button")) {
    button.addEventListener("click", () => settle(item, { image, label, value: Number(button.dataset.value) }));
  }
  return item;
}

async function settle(item, said) {
  const list = item.parentElement,
    place = [...list.children].indexOf(item);
  list.inert = true;
  const done = await tried(() => ask("api/settle", { person: person(), ...said }));
  if (done !== undefined) {
    item.remove();
    await Promise.all([open(), suspects()]);
  }
  await new Promise((on) => setTimeout(on, CALM));
  list.inert = false;
  // To the one in its place.
  const next = list.children[Math.min(place, list.children.length - 1)];
  next?.querySelector("button").focus({ preventScroll: true });
}

let drawn = ""; // what is open now, so that nothing moves under a finger where nothing is new

export async function open() {
  const found = await tried(() => ask("api/disagreements"));
  if (!found || JSON.stringify(found) === drawn) return;
  drawn = JSON.stringify(found);
  const { entries, all } = found;
  $("settle-count").textContent = all ? number(all) : "";
  $("settle-none").hidden = all > 0;
  $("settle-more").hidden = entries.length === all;
  $("settle-more").textContent = t("owner.shown", { n: entries.length, all });
  fill("settle", entries, (one) => entry({ ...one, said: one.rule ? broken(one) : told(one) }));
}

const told = ({ said }) =>
  Object.entries(said)
    .map(([who, value]) => `${who}: ${inWords(value)}`)
    .join(", ");

const broken = ({ said, rule, other, first }) =>
  t(`owner.rule.${rule}.${first ? "this" : "other"}`, { value: inWords(said[""]), other });

export async function suspects() {
  const found = await tried(() => ask("api/suspects"));
  if (!found) return;
  const { state, all, why } = found;
  const said = { looking: "looking", failed: "failed", found: all ? "found" : "none" }[state];
  $("suspects-state").textContent = said ? t(`owner.suspects.${said}`, { n: found.suspects.length, all, why }) : "";
  $("look").disabled = state === "looking";
  $("rates").textContent = Object.entries(found.rates)
    .filter(([, rate]) => rate.checked)
    .map(([what, rate]) => t(`owner.rates.${what}`, inPercent(rate)))
    .join(" ");
  fill("suspects", found.suspects, (one) => {
    const values = { given: inWords(one.given), chance: tenths(100 * one.probability) };
    return entry({
      image: one.number,
      name: one.image,
      label: one.column,
      called: one.label,
      said: t("owner.suspect", values),
    });
  });
  if (state === "looking") setTimeout(suspects, LOOKING);
}

const inPercent = ({ checked, wrong, low, high }) => ({
  n: checked,
  wrong,
  low: number(Math.round(100 * low)),
  high: number(Math.round(100 * high)),
});

export async function look() {
  await tried(() => ask("api/suspects", {}));
  suspects();
}
