// The page's sentences, in the language that the server chose, and numbers as people read them.

const { language, catalogue } = JSON.parse(document.getElementById("words").textContent);
const plural = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

/** The sentence of a key; `{name}` in it becomes a value, and the number `n` chooses its plural. */
export function t(key, values = {}) {
  const found = catalogue[key];
  const text = typeof found === "string" ? found : (found[plural.select(values.n)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (_, name) =>
    typeof values[name] === "number" ? number(values[name]) : values[name],
  );
}

/** An error's words, as the server has them, as a sentence among others. */
export const sentence = (text) =>
  text.slice(0, 1).toUpperCase() + text.slice(1) + (/[.!?\u2026]$/.test(text) ? "" : ".");

/** A number, its thousands apart. */
export const number = (value) =>
  language === "en" ? numbers.format(value).replaceAll(",", "\u202f") : numbers.format(value);

/** A number with one digit after the sign. */
export const tenths = (value) => value.toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** How long something takes; `kind`: "time" in words, "pace" where there is little room. */
export function duration(seconds, kind = "time") {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return t(`${kind}.less`);
  return minutes < 120 ? t(`${kind}.minutes`, { n: minutes }) : t(`${kind}.hours`, { n: Math.round(minutes / 60) });
}

/** A moment as people say it here; without the day where it is today. */
export function moment(seconds) {
  const at = new Date(1000 * seconds);
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString(language, { timeStyle: "short", ...(today ? {} : { dateStyle: "short" }) });
}
