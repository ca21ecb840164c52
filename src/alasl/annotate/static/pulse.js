// The page's pulse: what a person was given is held on to, at once after the page stood still, as on a
// machine that slept.

const BEAT = 2_000; // ms
const STILL = 10_000; // ms without a beat, after which the page is taken to have stood still
const HOLD = 40_000; // ms between two times that what was given is held on to

/** Call `hold(still)` again and again; where it fails and the page had stood still, it is soon called again. */
export function beat(hold) {
  // Not performance.now(), which may stand still with the machine.
  let last = Date.now(),
    held = last,
    still = false,
    holding = false;
  async function once() {
    const now = Date.now();
    still ||= now - last > STILL;
    last = now;
    if (holding || (!still && now - held < HOLD)) return;
    holding = true;
    held = now;
    try {
      await hold(still);
      still = false;
    } catch {
      // The outbox says when the server is gone.
    }
    holding = false;
  }
  setInterval(once, BEAT);
  document.addEventListener("visibilitychange", once);
}
