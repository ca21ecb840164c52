// mAP of each training against answers.

import { $ } from "./dom.js";
import { number, t, tenths } from "./words.js";

const WIDTH = 640, // at most; on a narrow screen less, so that what it says stays as large
  HEIGHT = 240,
  LEFT = 40,
  BASE = 210;

function draw(name, values, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(values)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** With intervals where there are any; the line breaks where trainings cannot be compared. */
export function drawCurve(trainings, breaks) {
  const cuts = new Set(breaks.map(({ training }) => training));
  const points = trainings
    .map((training, place) => ({ ...training, cut: cuts.has(place) }))
    .filter(({ map }) => map !== null)
    .map(({ answers, map, ground, cut }) => ({
      cut,
      x: answers,
      y: map,
      low: ground?.map?.[0] ?? map,
      high: ground?.map?.[1] ?? map,
    }));
  const several = points.length > 1 && points.at(-1).x > points[0].x;
  $("curve").hidden = !several;
  $("curve").querySelector("svg")?.remove();
  if (!several) return;
  const width = Math.min(WIDTH, $("curve").clientWidth);
  const most = points.at(-1).x,
    least = points[0].x;
  const low = Math.floor(Math.min(...points.map((p) => p.low)) / 5) * 5;
  const high = Math.ceil(Math.max(...points.map((p) => p.high)) / 5) * 5;
  const x = (value) => LEFT + ((width - LEFT - 10) * (value - least)) / (most - least);
  const y = (value) => BASE - ((BASE - 10) * (value - low)) / (high - low || 1);
  const stretches = [];
  for (const point of points) {
    if (point.cut || !stretches.length) stretches.push([]);
    stretches.at(-1).push(point);
  }
  const line = (key, of) => of.map((p) => `${x(p.x).toFixed(1)},${y(p[key]).toFixed(1)}`).join(" ");
  const values = { from: tenths(points[0].y), to: tenths(points.at(-1).y) };
  const svg = draw("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    role: "img",
    direction: "ltr", // it counts from the left in any language
    "aria-label": t("owner.curve.from-to", values),
  });
  svg.append(
    draw("line", { class: "axis", x1: LEFT, y1: BASE, x2: width, y2: BASE }),
    ...stretches.map((of) =>
      draw("polygon", { class: "band", points: `${line("high", of)} ${line("low", [...of].reverse())}` }),
    ),
    ...stretches.map((of) => draw("polyline", { class: "line", points: line("y", of) })),
    // Of one that stands alone there is no band.
    ...points.map((p) => draw("line", { class: "range", x1: x(p.x), y1: y(p.low), x2: x(p.x), y2: y(p.high) })),
    ...points.map((p) => draw("circle", { cx: x(p.x), cy: y(p.y), r: 3 })),
    ...[low, high].map((value) => draw("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, `${value} %`)),
    draw("text", { x: LEFT, y: BASE + 18 }, number(least)),
    draw("text", { x: width - 10, y: BASE + 18, "text-anchor": "end" }, t("owner.answers", { n: most })),
  );
  $("curve").prepend(svg);
}
