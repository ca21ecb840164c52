// The outbox. A step never waits for the network: it is kept here (in localStorage, under a request
// id) and the next image is shown at once. The outbox is sent in order, again and again until the
// server says that a step is on its disk; the same request counts once there.

import { settings, storage } from "./kept.js";
import { post } from "./server.js";

const SOON = 1000; // ms until a step that could not be sent is sent again

export const outbox = {
  items: storage.keys("out:").map((key) => ({ key, ...storage.get(key) })).filter((item) => item.path),
  last: 0,
  sending: false,
  delay: SOON,
  timer: null,
  trouble: "",
  kept: true, // whether the browser could store everything

  onchange() {}, // something was sent, or could not be
  onstatus() {}, // the server said where things stand
  onrefused() {}, // the server will never take a step

  /** Keep a step and send it; `then` hears the server's answer, if this page still stands. */
  put(path, body, then) {
    this.last = Math.max(Date.now(), this.last + 1);
    const request = crypto.randomUUID ? crypto.randomUUID() : randomId();
    const item = { key: `out:${this.last}-${request}`, path, body: { person: settings.person, request, ...body } };
    this.kept = storage.set(item.key, { path, body: item.body }) && this.kept;
    this.items.push({ ...item, then });
    this.send();
  },

  async send() {
    if (this.sending) return;
    this.sending = true;
    clearTimeout(this.timer);
    while (this.items.length) {
      const item = this.items[0];
      this.onchange();
      try {
        const answer = await post(item.path, item.body);
        this.trouble = "";
        this.delay = SOON;
        this.onstatus(answer.status);
        this.drop(item);
        item.then?.(answer);
      } catch (error) {
        if (!error.refused) {
          this.trouble = error.message;
          break;
        }
        // Kept, so that nobody's work is lost without a trace.
        storage.set(`refused:${item.key}`, { path: item.path, body: item.body, why: error.message });
        this.drop(item);
        this.onrefused(error.message);
        item.then?.(null);
      }
    }
    this.sending = false;
    if (this.items.length) {
      // Longer each time that it tried by itself, not with each step of a person.
      this.timer = setTimeout(() => {
        this.delay = Math.min(15_000, 2 * this.delay);
        this.send();
      }, this.delay);
    } else {
      this.kept = true;
    }
    this.onchange();
  },

  drop(item) {
    this.items.shift();
    storage.remove(item.key);
  },

  /** The images that steps still to be sent are about. */
  images() {
    return this.items.flatMap(({ body }) => body.answers?.map((a) => a.image) ?? body.image ?? []);
  },
};

// Over plain http from another machine, browsers have no randomUUID.
function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
