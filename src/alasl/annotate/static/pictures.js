// Images, fetched before they are needed; the last 60 are kept.

import { get, line } from "./server.js";
import { t } from "./words.js";

const pictures = new Map(); // "image/size" -> a loading or loaded <img>

/** The <img> of an image; its `ready` resolves to "", else to why it cannot be shown. */
export function picture(image, size) {
  const key = `${image}/${size}`;
  let element = pictures.get(key);
  if (!element || element.dataset.failed) {
    element = new Image();
    element.draggable = false;
    element.ready = load(element, url(image, size));
  }
  pictures.delete(key);
  pictures.set(key, element);
  if (pictures.size > 60) pictures.delete(pictures.keys().next().value);
  return element;
}

/** A small picture in passing, which nobody waits for. */
export function thumbnail(image, alt) {
  const element = new Image();
  element.loading = "lazy";
  element.src = url(image, "small");
  element.alt = alt;
  return element;
}

export const url = (image, size) => `images/${image}/${size}`;

/** Resolves to "" once the image can be painted at once, else to why it cannot be shown. */
async function load(element, from) {
  for (let tries = 0; tries < 3; ) {
    try {
      // An <img> waits for nobody and does not say why it fails.
      if (tries || line.trouble) await get(from, { cache: "reload" });
    } catch (error) {
      if (!error.refused) continue;
      element.dataset.failed = "1";
      return error.message;
    }
    element.src = from;
    try {
      await element.decode();
      return "";
    } catch {
      tries += 1;
    }
  }
  element.dataset.failed = "1";
  return t("image.unreadable");
}
