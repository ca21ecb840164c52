// How long each answer took.

const IDLE = 120_000; // ms after which a person is taken to have left

export const clock = {
  since: performance.now(),
  active: 0,
  /** Seconds since the last lap in which the page could be seen. */
  lap() {
    const took = Math.min(IDLE, this.active + (document.hidden ? 0 : performance.now() - this.since));
    this.active = 0;
    this.since = performance.now();
    return took / 1000;
  },
  seen() {
    if (document.hidden) this.active += performance.now() - this.since;
    else this.since = performance.now();
  },
};
