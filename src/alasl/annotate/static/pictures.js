// Pictures, fetched and decoded before they are needed.

import { settings } from "./kept.js";
import { ask, line, post } from "./server.js";
import { t } from "./words.js";

const MOST = 40e6; // pixels that are kept, at 4 bytes each
const PATIENCE = 120_000; // ms; large ones stand in a line on the server
const PAUSE = 1000; // ms between two tries of one that is held back

const pictures = new Map(); // "tag/image/size/label" -> an element, the one used last at the end

/**
 * One of many pictures that are shown at once: an <img>, as `large`. Another one for each label, as
 * two that are asked of an image may stand on one screen.
 */
export const tile = (image, size, label) => kept("img", image, size, label);

/**
 * A large picture: a <canvas>; `drawn` once it can be painted at once; its `ready` then resolves to
 * "", else to why it cannot be shown. An <img> is decoded again when it is painted, whatever
 * `decode()` did before, and whoever pressed a key would wait for that.
 */
export const large = (image, size) => kept("canvas", image, size);

function kept(tag, image, size, label = "") {
  const key = `${tag}/${image}/${size}/${label}`;
  let element = pictures.get(key);
  if (!element || element.failed) {
    element = document.createElement(tag);
    element.draggable = false;
    element.dataset.image = image;
    element.ready = load(element, url(image, size));
  }
  pictures.delete(key);
  pictures.set(key, element);
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

const url = (image, size) => `images/${image}/${size}`;

/** Draw an image with all of its pixels, as it was scaled down for the screen. */
export function sharpen(element) {
  if (element.sharp) return;
  element.sharp = true;
  draw(element, url(element.dataset.image, "huge")).catch(() => {}); // then it stays as it is
}

/**
 * Resolves to "" once the image can be painted at once, else to why it cannot be shown; `held`: the
 * server has it, something on the way keeps it back.
 */
async function load(element, from) {
  let why = t("image.unreadable");
  for (let tries = 0; tries < 3; ) {
    try {
      await draw(element, from, tries ? "reload" : "default");
      element.drawn = true;
      element.held = false;
      makeRoom();
      return "";
    } catch (error) {
      if (error.refused) {
        why = error.kind ? t(`image.${error.kind}`) : error.message;
        break;
      }
      element.held = Boolean(error.held);
      if (error.refused === undefined) tries += 1; // what came is no image, or nothing came
      if (error.held) {
        why = error.message;
        if (tries < 3) await new Promise((again) => setTimeout(again, PAUSE));
      }
    }
  }
  element.failed = true;
  return why;
}

let asking = null;

/** Whether the server answers, asked once for all pictures that want to know; throws `Trouble`. */
function isThere() {
  asking ??= post("api/status", { person: settings.person }).finally(() => {
    asking = null;
  });
  return asking;
}

/** A picture's response. What lets the server through may hold pictures back, such as a content blocker. */
async function get(from, options) {
  if (line.trouble) await isThere();
  try {
    return await ask(from, { ...options, signal: AbortSignal.timeout(PATIENCE) });
  } catch (error) {
    if (error.refused && error.own) throw error;
    await isThere();
    throw held(error.own ? error.message : undefined);
  }
}

const held = (why = t("image.held")) => Object.assign(new Error(why), { held: true });

/** Whether a response is an image. An <img> of the same address that fails is then held back by itself. */
async function isImage(response) {
  try {
    (await createImageBitmap(await response.blob())).close();
    return true;
  } catch {
    return false;
  }
}

async function draw(element, from, cache = "default") {
  if (element instanceof HTMLImageElement) {
    // It waits for nobody and does not say why it fails.
    const came = cache === "reload" || line.trouble ? await get(from, { cache }) : null;
    element.src = from;
    try {
      return await element.decode();
    } catch (error) {
      throw (await isImage(came)) ? held() : error;
    }
  }
  // What a person does goes first.
  const content = await get(from, { cache, priority: "low" });
  const bitmap = await createImageBitmap(await content.blob());
  element.width = bitmap.width;
  element.height = bitmap.height;
  element.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
}

const pixels = ({ naturalWidth, naturalHeight, width, height }) => (naturalWidth ?? width) * (naturalHeight ?? height);

/** Forget those that were not used for longest; a page that shows them keeps them itself. */
function makeRoom() {
  let all = 0;
  for (const element of pictures.values()) all += pixels(element);
  for (const [key, element] of pictures) {
    if (all <= MOST) return;
    if (!element.drawn) continue;
    pictures.delete(key);
    all -= pixels(element);
  }
}
