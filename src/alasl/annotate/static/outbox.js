// The outbox. A step never waits for the network: it is kept here (in localStorage, under a request
// id) and the next image is shown at once. The outbox is sent in order, each step again and again
// until the server says that it is on its disk; the same request counts once there.

import { settings, storage } from "./kept.js";
import { post } from "./server.js";

export const outbox = {
  items: storage
    .keys("out:")
    .map((key) => ({ key, ...storage.get(key) }))
    .filter((item) => item.path),
  last: 0,
  sending: null, // a promise of the moment when all is sent
  kept: true, // whether the browser could store everything

  onchange() {}, // something was sent, or could not be
  onstatus() {}, // the server said where things stand
  onrefused() {}, // the server will never take a step

  /** A number of its own for a step, above those before. */
  begin() {
    this.last = Math.max(Date.now(), this.last + 1);
    return this.last;
  },

  /** Steps that are not sent yet; of some there is more than one thing to send. */
  count() {
    return new Set(this.items.map(({ key, step }) => step ?? key)).size;
  },

  /**
   * Keep a step, or the part of it that was begun as `step`, and send it; `then` hears the server's
   * answer, if this page still stands.
   */
  put(path, body, then, step = this.begin()) {
    const request = crypto.randomUUID ? crypto.randomUUID() : randomId();
    const key = `out:${this.begin()}-${request}`;
    const item = { path, body: { person: settings.person, request, ...body }, step };
    this.kept = storage.set(key, item) && this.kept;
    this.items.push({ key, ...item, then });
    // Once what follows is painted.
    setTimeout(() => {
      this.onchange();
      this.send();
    });
  },

  /** Send all; done when the server has everything. */
  send() {
    this.sending ??= this.sendAll().finally(() => {
      this.sending = null;
      this.onchange();
      if (this.items.length) this.send(); // that came in this very moment
    });
    return this.sending;
  },

  async sendAll() {
    while (this.items.length) {
      const item = this.items[0];
      this.onchange();
      let answer = null;
      try {
        answer = await post(item.path, item.body);
      } catch (error) {
        if (!error.refused) continue; // in turn with all that wait for the server
        // Kept, so that nobody's work is lost without a trace.
        storage.set(`refused:${item.key}`, { path: item.path, body: item.body, why: error.message });
        this.onrefused(error.message);
      }
      this.drop(item);
      if (answer) this.onstatus(answer.status);
      item.then?.(answer);
    }
    this.kept = true;
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
