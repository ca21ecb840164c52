// How the project stands: the line above, what comes next, people, labels, and what to take away.

import { tried, ask } from "./asking.js";
import { drawCurve } from "./curve.js";
import { $ } from "./dom.js";
import { drawNotes } from "./notes.js";
import { make, table } from "./parts.js";
import { duration, number, t, tenths } from "./words.js";

const tenth = (value) => (value === null ? "" : tenths(value));
const hundredth = (value) => (value === null ? "" : hundredths.format(value));
const percent = (share) => (share === null ? "" : `${number(Math.round(100 * share))} %`);
const hundredths = new Intl.NumberFormat(document.documentElement.lang, {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const signed = (value) => `${value < 0 ? "−" : "+"}${hundredths.format(Math.abs(value))}`;

let paused = false;

export async function stands() {
  const state = await tried(() => ask("api/overview"));
  if (!state) return;
  paused = state.paused;
  $("pause").textContent = t(paused ? "owner.go-on" : "owner.pause");
  $("pause").setAttribute("aria-pressed", paused);
  const [size, left] = state.queue;
  const now = paused ? "paused" : state.training;
  $("stands").textContent = [
    t("owner.answered", { n: state.answers }),
    t("round", { round: state.round, left, queued: size }),
    state.again ? t("owner.again", { n: state.again }) : "",
    state.others ? t("owner.others", { n: state.others }) : "",
    t("owner.unknown", { n: state.unknown }),
    state.seconds ? t("owner.spent", { time: duration(state.seconds, "pace") }) : "",
    worth(state.trainings.at(-1)),
    now === "idle" ? "" : t(`owner.now.${now}`),
  ]
    .filter(Boolean)
    .join(" · ");
  $("next").textContent = next(state);
  $("advice").textContent = advice(state.advice);
  $("more").replaceChildren(
    ...state.troubles.map((why) => make("li", t("owner.trouble", { why }))),
    ...state.doubts.map((one) => make("li", t("owner.doubt", { why: doubt(one) }))),
  );
  drawCurve(state.trainings, state.breaks);
  drawPeople(state);
  drawLabels(state.labels);
  drawNotes(state.notes, state.notes_all, stands);
  if (!$("exports").children.length) drawExports(state.exports);
}

/** Why a figure may be wrong; shares have one digit after the sign. */
function doubt({ kind, values: { share, low, high, ...values } }) {
  const shares = share === undefined ? {} : { share: tenths(share), low: tenths(low), high: tenths(high) };
  return t(`owner.doubt.${kind}`, { ...values, ...shares });
}

/** Ask people for nothing for a while, or go on. */
export async function pause() {
  await tried(() => ask("api/pause", { paused: !paused }));
  stands();
}

/** What the last model is worth; nothing before there is one. */
function worth(training) {
  if (!training) return "";
  const { map, ground } = training;
  if (map === null) return t("owner.unjudged");
  const [low, high] = ground?.map ?? [];
  if (low === undefined) return t("worth", { map: tenths(map) });
  return t("worth.interval", { map: tenths(map), low: tenths(low), high: tenths(high) });
}

function next({ trainings, queue: [size, left], unknown, others }) {
  if (!trainings.length && !size) return t("owner.next.first");
  if (left && left === others) return t("owner.next.others", { n: left });
  if (left) return t("owner.next.asked", { n: left });
  return t(unknown ? "owner.next.empty" : "owner.next.known");
}

/** What the next answers are expected to bring, and whether that is worth them. */
function advice({ batch, gain, low, high, stop_below: least, chance, verdict }) {
  if (gain === null) return t("owner.advice.early", { n: batch });
  const says = t("owner.advice", { n: batch, gain: signed(gain), low: signed(low), high: signed(high) });
  if (least === null) return says;
  const values = { least: hundredth(least), chance: percent(Math.min(Math.max(chance ?? 0, 0.01), 0.99)) };
  return `${says} ${t(verdict === "stop" ? "owner.advice.stop" : "owner.advice.go-on", values)}`;
}

function drawPeople({ people, alpha }) {
  const values = { n: alpha.entries, value: hundredth(alpha.value) };
  $("agreement").textContent = t(alpha.value === null ? "owner.agreement.none" : "owner.agreement", values);
  const heads = ["person", "answers", "skipped", "minutes", "rate", "gold", "alpha", "misses", "false-alarms"];
  table(
    "people",
    heads.map((name) => `owner.head.${name}`),
    people.map((one) => [
      one.name,
      number(one.answers),
      number(one.skips),
      one.seconds ? tenth(one.seconds / 60) : "",
      one.timed ? tenth((60 * one.timed) / one.seconds) : "",
      one.checked ? t("owner.of", { n: one.right, all: one.checked }) : "",
      hundredth(one.alpha),
      percent(one.miss),
      percent(one.false_alarm),
    ]),
  );
}

function drawLabels(labels) {
  const heads = ["label", "given", "answered", "automatic", "unknown", "present", "ap", "interval", "alpha"];
  table(
    "labels",
    heads.map((name) => `owner.head.${name}`),
    labels.map((one) => [
      one.name,
      ...[one.given, one.answered, one.automatic, one.unknown, one.present].map(number),
      one.ap === null ? t(`owner.lacks.${one.no_ap.kind}`, one.no_ap) : tenth(one.ap),
      one.interval ? t("owner.from-to", { low: tenths(one.interval[0]), high: tenths(one.interval[1]) }) : "",
      hundredth(one.alpha),
    ]),
  );
}

function drawExports(formats) {
  const link = (what, to) => {
    const element = make("a", t(`owner.export.${what}`, { to }));
    element.className = "button";
    element.href = `api/export/${what}/${to}`;
    return element;
  };
  const ofAnswers = formats.filter((to) => to !== "coco" && to !== "csv-wide");
  $("exports").append(...formats.map((to) => link("table", to)), ...ofAnswers.map((to) => link("answers", to)));
}
