// What can be said of an item.

import { t } from "./words.js";

export const PRESENT = 1,
  ABSENT = 0,
  UNSURE = -1,
  SKIPPED = "skipped";

/** A value in words. */
export const inWords = (value) => t(`value.${value}`);
