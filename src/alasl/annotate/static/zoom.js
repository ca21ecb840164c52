// A stage: one image, as large as there is room, zoomed and moved.

import { $ } from "./dom.js";
import { sharpen } from "./pictures.js";
import { t } from "./words.js";

const ZOOMED = 2.5;

let scale = 1;

export function drawStage(stage, task, element) {
  element.role = "img";
  element.ariaLabel = t("image.alt", { name: task.name });
  unzoom(stage);
  stage.replaceChildren(element);
  element.ready.then((why) => {
    if (!why || !stage.contains(element)) return;
    const text = document.createElement("p");
    text.textContent = t("image.broken", { why });
    stage.replaceChildren(text);
  });
}

export function unzoom(stage = $("stage")) {
  scale = 1;
  const element = stage.querySelector("canvas");
  if (element) for (const side of ["width", "height"]) element.style.removeProperty(side);
  stage.classList.remove("zoomed");
  press(false);
}

function press(zoomed) {
  document.querySelector('[data-view="image"] [data-do="zoom"]').setAttribute("aria-pressed", zoomed);
}

/** Zoom in by a factor, or out, or to the whole image by 0. */
export function zoomBy(factor) {
  const stage = $("stage"),
    element = stage.querySelector("canvas");
  if (!element) return;
  const target = Math.min(8, Math.max(1, scale * factor));
  const middle = [
    (stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth,
    (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight,
  ];
  unzoom();
  if (target === 1) return;
  const { width, height } = element.getBoundingClientRect();
  scale = target;
  stage.classList.add("zoomed");
  element.style.width = `${width * scale}px`;
  element.style.height = `${height * scale}px`;
  stage.scrollLeft = middle[0] * stage.scrollWidth - stage.clientWidth / 2;
  stage.scrollTop = middle[1] * stage.scrollHeight - stage.clientHeight / 2;
  press(true);
  sharpen(element);
}

export function toggleZoom() {
  zoomBy(scale > 1 ? 0 : ZOOMED);
}

/** Let a stage be moved by the pointer. */
export function drag(stage) {
  let from = null;
  stage.addEventListener("pointerdown", (event) => {
    if (scale === 1 || event.button !== 0 || event.pointerType === "touch") return;
    from = [event.clientX + stage.scrollLeft, event.clientY + stage.scrollTop];
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    if (from) stage.scrollTo(from[0] - event.clientX, from[1] - event.clientY);
  });
  for (const end of ["pointerup", "pointercancel"])
    stage.addEventListener(end, () => {
      from = null;
    });
  stage.addEventListener("dblclick", toggleZoom);
}
