// The page of whoever runs a project: how it stands, what is to be settled, and what may be wrong.
// Text from outside is put in by textContent only, never as markup.

const AGAIN = 15_000; // ms between two looks at how it stands
const SUSPECTS = 2_000; // ms between two looks whether suspects were found
const WORDS = { 1: "present", 0: "absent", [-1]: "cannot tell" };
const $ = (id) => document.getElementById(id);

const whole = (value) => value.toLocaleString("en").replaceAll(",", "\u202f");
const percent = (share) => (share === null ? "" : `${(100 * share).toFixed(0)} %`);
const tenth = (value) => (value === null ? "" : value.toFixed(1));

function make(kind, text, ...children) {
  const element = document.createElement(kind);
  if (text !== undefined && text !== null) element.textContent = text;
  element.append(...children);
  return element;
}

async function ask(path, body) {
  const options =
    body === undefined
      ? {}
      : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The server cannot be reached.");
  }
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? answer.statusText);
  return answer.status === 204 ? null : answer.json();
}

/** Do something and say what went wrong. */
async function tried(what) {
  try {
    const found = await what();
    $("alert").hidden = true;
    return found;
  } catch (error) {
    $("alert").textContent = error.message;
    $("alert").hidden = false;
    return undefined;
  }
}

function picture(image, alt) {
  const element = new Image();
  element.loading = "lazy";
  element.src = `images/${image}/medium`;
  element.alt = alt;
  return element;
}

// ---------------------------------------------------------------- how it stands

let paused = false;

async function stands() {
  const state = await tried(() => ask("api/overview"));
  if (!state) return;
  paused = state.paused;
  $("pause").textContent = paused ? "Go on" : "Pause";
  $("pause").setAttribute("aria-pressed", paused);
  const [size, left] = state.queue;
  const now = paused
    ? "paused"
    : { training: "a training runs", failed: "the last training failed", off: "no training", idle: "" }[state.training];
  $("stands").textContent = [
    `${whole(state.answers)} answered`,
    `round ${state.round}: ${whole(left)} of ${whole(size)} left`,
    `${whole(state.unknown)} unknown`,
    `${(state.seconds / 3600).toFixed(1)} hours`,
    now,
  ]
    .filter(Boolean)
    .join(" · ");
  $("next").textContent = state.next;
  $("advice").textContent = state.advice.says;
  $("more").replaceChildren(...state.troubles.map((text) => make("li", `Not as it should be: ${text}`)));
  drawCurve(state.trainings, state.breaks);
  drawPeople(state);
  drawLabels(state.labels);
  drawNotes(state.notes);
  if (!$("exports").children.length)
    $("exports").append(
      ...["table", "answers"].flatMap((what) =>
        state.exports
          .filter((to) => what === "table" || (to !== "coco" && to !== "csv-wide"))
          .map((to) => {
            const link = make("a", `${what === "table" ? "Table" : "Answers"}, ${to}`);
            link.className = "button";
            link.href = `api/export/${what}/${to}`;
            return link;
          }),
      ),
    );
}

function drawPeople({ people, alpha }) {
  $("agreement").textContent =
    alpha.value !== null
      ? `Agreement (Krippendorff's alpha): ${alpha.value.toFixed(2)} over ${whole(alpha.entries)} entries.`
      : "Too few entries were answered by several people to say how far they agree.";
  table(
    "people",
    ["Person", "Answers", "Skipped", "Minutes", "A minute", "Gold right", "Agreement", "Misses", "False alarms"],
    people.map((one) => [
      one.name,
      whole(one.answers),
      whole(one.skips),
      tenth(one.seconds / 60),
      one.seconds ? tenth((60 * one.answers) / one.seconds) : "",
      one.checked ? `${one.right} of ${one.checked}` : "",
      one.alpha === null ? "" : one.alpha.toFixed(2),
      percent(one.miss),
      percent(one.false_alarm),
    ]),
  );
}

function drawLabels(labels) {
  table(
    "labels",
    ["Label", "Given", "Answered", "Automatic", "Unknown", "Present", "AP", "95 % interval", "Agreement"],
    labels.map((one) => [
      one.name,
      ...[one.given, one.answered, one.automatic, one.unknown, one.present].map(whole),
      tenth(one.ap),
      one.interval ? `${tenth(one.interval[0])} to ${tenth(one.interval[1])}` : "",
      one.alpha === null ? "" : one.alpha.toFixed(2),
    ]),
  );
}

function table(id, heads, rows) {
  const head = make(
    "thead",
    null,
    make(
      "tr",
      null,
      ...heads.map((text) => {
        const cell = make("th", text);
        cell.scope = "col";
        return cell;
      }),
    ),
  );
  const body = make(
    "tbody",
    null,
    ...rows.map((row) =>
      make(
        "tr",
        null,
        ...row.map((text, place) => {
          const cell = place ? make("td", text) : make("th", null, make("bdi", text));
          if (!place) cell.scope = "row";
          return cell;
        }),
      ),
    ),
  );
  $(id).replaceChildren(head, body);
}

/**
 * mAP of each training against answers, with intervals where there are any. The line breaks where
 * trainings cannot be compared.
 */
function drawCurve(trainings, breaks) {
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
  const [width, height, left, base] = [640, 240, 40, 210];
  const most = points.at(-1).x,
    least = points[0].x;
  const low = Math.floor(Math.min(...points.map((p) => p.low)) / 5) * 5,
    high = Math.ceil(Math.max(...points.map((p) => p.high)) / 5) * 5;
  const x = (value) => left + ((width - left - 10) * (value - least)) / (most - least);
  const y = (value) => base - ((base - 10) * (value - low)) / (high - low || 1);
  const draw = (name, values, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(values)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const svg = draw("svg", {
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": `mAP ${tenth(points[0].y)} to ${tenth(points.at(-1).y)} %`,
  });
  const stretches = [];
  for (const point of points) {
    if (point.cut || !stretches.length) stretches.push([]);
    stretches.at(-1).push(point);
  }
  const line = (key, of) => of.map((p) => `${x(p.x).toFixed(1)},${y(p[key]).toFixed(1)}`).join(" ");
  svg.append(
    draw("line", { class: "axis", x1: left, y1: base, x2: width, y2: base }),
    ...stretches.map((of) =>
      draw("polygon", { class: "band", points: `${line("high", of)} ${line("low", [...of].reverse())}` }),
    ),
    ...stretches.map((of) => draw("polyline", { class: "line", points: line("y", of) })),
    ...points.map((p) => draw("circle", { cx: x(p.x), cy: y(p.y), r: 3 })),
    ...[low, high].map((value) => draw("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, `${value} %`)),
    draw("text", { x: left, y: base + 18 }, whole(least)),
    draw("text", { x: width - 10, y: base + 18, "text-anchor": "end" }, `${whole(most)} answers`),
  );
  $("curve").prepend(svg);
}

// ---------------------------------------------------------------- what is to be settled

const person = () => $("person").value.trim() || "owner";

/** An entry with its image, and buttons that settle it. */
function entry({ image, name, label, called, more, said }) {
  const item = document.importNode($("entry").content, true).firstElementChild;
  item.querySelector(".picture").append(picture(image, `Image ${name}`));
  item.querySelector("bdi").textContent = called;
  item.querySelector("span").textContent = more;
  item.querySelector(".said").textContent = said;
  for (const button of item.querySelectorAll("button")) {
    button.addEventListener("click", async () => {
      const done = await tried(() =>
        ask("api/settle", { person: person(), image, label, value: Number(button.dataset.value) }),
      );
      if (done === undefined) return;
      item.remove();
      open();
    });
  }
  return item;
}

async function open() {
  const found = await tried(() => ask("api/disagreements"));
  if (!found) return;
  $("settle-count").textContent = found.length ? whole(found.length) : "";
  $("settle-none").hidden = found.length > 0;
  $("settle").replaceChildren(
    ...found.map((one) =>
      entry({
        ...one,
        more: one.name,
        said: one.why
          ? `${WORDS[one.said[""]]}; ${one.why}`
          : Object.entries(one.said)
              .map(([who, value]) => `${who}: ${WORDS[value]}`)
              .join(", "),
      }),
    ),
  );
}

function drawNotes(notes) {
  $("notes-count").textContent = notes.length ? whole(notes.length) : "";
  $("notes-none").hidden = notes.length > 0;
  $("notes").replaceChildren(
    ...notes.map((one) => {
      const title = [one.label === null ? "" : `“${one.label}” is unclear`, one.image ?? ""]
        .filter(Boolean)
        .join(" · ");
      const text = make(
        "div",
        null,
        make("strong", title),
        make("p", one.text),
        make("p", `${one.person}, ${new Date(1000 * one.at).toLocaleString()}`),
      );
      text.lastChild.className = "soft";
      const button = make("button", "Done");
      button.type = "button";
      button.addEventListener("click", async () => {
        await tried(() => ask("api/note", { person: person(), note: one.id }));
        stands();
      });
      return make(
        "li",
        null,
        one.number === null ? make("span") : picture(one.number, `Image ${one.image}`),
        text,
        button,
      );
    }),
  );
}

// ---------------------------------------------------------------- what may be wrong

async function suspects() {
  const found = await tried(() => ask("api/suspects"));
  if (!found) return;
  $("suspects-state").textContent = {
    none: "",
    looking: "Models that did not see an image judge it; this takes a minute or two.",
    failed: `It failed: ${found.why}`,
    found: found.suspects.length ? "" : "None was found.",
  }[found.state];
  $("look").disabled = found.state === "looking";
  $("rates").textContent = Object.entries(found.rates)
    .filter(([, rate]) => rate.checked)
    .map(
      ([what, { checked, wrong, low, high }]) =>
        `Of the given ${what}, ${wrong} of ${checked} checked by gold questions are wrong (${percent(low)} to ${percent(high)}).`,
    )
    .join(" ");
  $("suspects").replaceChildren(
    ...found.suspects.map((one) =>
      entry({
        image: one.number,
        name: one.image,
        label: one.column,
        called: one.label,
        more: one.image,
        said: `given: ${WORDS[one.given]}; the model: ${(100 * one.probability).toFixed(1)} %`,
      }),
    ),
  );
  if (found.state === "looking") setTimeout(suspects, SUSPECTS);
}

$("look").addEventListener("click", async () => {
  await tried(() => ask("api/suspects", {}));
  suspects();
});
$("pause").addEventListener("click", async () => {
  await tried(() => ask("api/pause", { paused: !paused }));
  stands();
});
try {
  $("person").value = localStorage.getItem("alasl:owner") ?? "";
  $("person").addEventListener("change", () => localStorage.setItem("alasl:owner", $("person").value));
} catch {
  // It is typed anew each time.
}
stands();
open();
suspects();
setInterval(() => {
  if (!document.hidden) {
    stands();
    open();
  }
}, AGAIN);
