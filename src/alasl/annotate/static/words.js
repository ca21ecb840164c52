// What can be said of an item, and numbers as people read them.

export const PRESENT = 1, ABSENT = 0, UNSURE = -1, SKIPPED = "skipped";
export const WORDS = new Map([[PRESENT, "present"], [ABSENT, "absent"], [UNSURE, "cannot tell"], [SKIPPED, "skipped"]]);

/** A whole number, its thousands apart. */
export const number = (value) => value.toLocaleString("en").replaceAll(",", "\u202f");

export function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return "less than a minute";
  if (minutes < 120) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  return `${Math.round(minutes / 60)} hours`;
}

/** How many of something: "1 answer", "3 answers". */
export const count = (many, what) => `${number(many)} ${what}${many === 1 ? "" : "s"}`;
