// Images, fetched before they are needed; the last 60 are kept.

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

export const url = (image, size) => `images/${image}/${size}`;

/** Resolves to "" once the image can be painted at once, else to why it cannot be shown. */
async function load(element, from) {
  for (;;) {
    element.src = from;
    try {
      await element.decode();
      return "";
    } catch {
      const why = await reason(from);
      if (why) {
        element.dataset.failed = "1";
        return why;
      }
      await new Promise((again) => setTimeout(again, 2000));
    }
  }
}

/** Why the server does not give an image; "" where it does not answer at all. */
async function reason(from) {
  try {
    const answer = await fetch(from);
    return answer.ok ? "the browser cannot read it" : (await answer.json()).error;
  } catch {
    return "";
  }
}
