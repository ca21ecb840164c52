// Talking to the server. While it is gone, or fails, all that want something of it stand in one
// line, and one of them may try in two seconds.

import { sentence, t } from "./words.js";

const PAUSE = 2000; // ms between two tries of a server that is in trouble
const PATIENCE = 20_000; // ms

class Trouble extends Error {
  constructor(message, refused, own = false, kind = "") {
    super(message);
    this.refused = refused; // sending the same again would not help
    this.own = own; // the server said so itself, and nobody in between
    this.kind = kind; // of a picture: why it is refused
  }
}

export const line = {
  trouble: "", // why the last try failed; "" where the server answers
  next: 0, // when the next one may try
  waiting: [],

  onchange() {}, // trouble began, or ended

  /** Wait for one's turn; none, while the server answers. */
  async turn() {
    while (this.trouble) {
      const left = this.next - performance.now();
      if (left <= 0) {
        this.next = performance.now() + PAUSE;
        return;
      }
      await new Promise((again) => {
        this.waiting.push(again);
        setTimeout(again, left);
      });
    }
  },

  tell(trouble) {
    const before = this.trouble;
    this.trouble = trouble;
    if (trouble && !before) this.next = performance.now() + PAUSE;
    if (!trouble) this.waiting.splice(0).forEach((again) => again());
    if (trouble !== before) this.onchange();
  },

  /** The network is said to be back: try at once. */
  hurry() {
    this.next = 0;
    this.waiting.splice(0).forEach((again) => again());
  },
};

/** The server's response; throws `Trouble`, with its sentence, where it does not give what is asked. */
export async function get(path, options = {}) {
  await line.turn();
  try {
    const answer = await ask(path, options);
    line.tell("");
    return answer;
  } catch (trouble) {
    line.tell(trouble.refused ? "" : sentence(trouble.message));
    throw trouble;
  }
}

/** As `get`, of something that may fail while the server is well; so it says nothing of the server. */
export async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), ...options });
  } catch {
    throw new Trouble(t("server.unreachable"), false);
  }
  if (answer.ok) return answer;
  const { error, kind } = await answer.json().catch(() => ({}));
  // A proxy may answer in the server's place, without words of its own (HTTP/2 has none). What it
  // refuses the server may take once the proxy is mended, so it is kept and sent again.
  const own = Boolean(error);
  const refused = own && [400, 404, 413, 415, 422].includes(answer.status);
  throw new Trouble(error || t("server.status", { status: answer.status }), refused, own, kind);
}

export async function post(path, body) {
  const headers = { "content-type": "application/json" };
  const answer = await get(path, { method: "POST", headers, body: JSON.stringify(body) });
  try {
    return await answer.json();
  } catch {
    line.tell(t("server.broken"));
    throw new Trouble(line.trouble, false);
  }
}
