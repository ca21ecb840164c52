// Fingers: swiping over an element, and holding it.

const FAR = 60; // px that a swipe goes at least
const LONG = 500; // ms that holding takes
const STILL = 10; // px that a finger may move while it holds

/** Hear of swipes by a finger: `on.left()` and `on.right()`. */
export function swipe(element, on) {
  let from = null;
  element.addEventListener("pointerdown", (event) => {
    // A second finger zooms, and one finger moves what is zoomed.
    const swipes = event.pointerType === "touch" && event.isPrimary && !element.classList.contains("zoomed");
    from = swipes ? [event.clientX, event.clientY] : null;
  });
  element.addEventListener("pointerup", (event) => {
    if (!from || !event.isPrimary) return;
    const across = event.clientX - from[0],
      down = event.clientY - from[1];
    from = null;
    if (Math.abs(across) < FAR || Math.abs(across) < 2 * Math.abs(down)) return;
    (across > 0 ? on.right : on.left)();
  });
  element.addEventListener("pointercancel", () => {
    from = null;
  });
  // A browser that takes it for a fling would take the tap after it for the fling's end.
  element.addEventListener(
    "touchmove",
    (event) => {
      const [{ clientX, clientY }] = event.touches;
      const across = from && Math.abs(clientX - from[0]) > 2 * Math.abs(clientY - from[1]);
      if (across && event.cancelable && event.touches.length === 1) event.preventDefault();
    },
    { passive: false },
  );
}

/** Hear of a finger that stays; what follows is no click then. */
export function hold(element, heard) {
  let timer = null,
    from = null,
    held = false;
  const end = () => clearTimeout(timer);
  element.addEventListener("pointerdown", (event) => {
    held = false;
    if (event.pointerType !== "touch") return;
    from = [event.clientX, event.clientY];
    timer = setTimeout(() => {
      held = true;
      heard();
    }, LONG);
  });
  element.addEventListener("pointermove", (event) => {
    if (from && Math.hypot(event.clientX - from[0], event.clientY - from[1]) > STILL) end();
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) element.addEventListener(name, end);
  element.addEventListener("contextmenu", (event) => {
    if (from) event.preventDefault();
  });
  element.addEventListener(
    "click",
    (event) => {
      if (held) {
        held = false;
        event.stopImmediatePropagation();
        event.preventDefault();
      }
    },
    true,
  );
}
