// Talking to the server, and saying what went wrong.

import { $ } from "./dom.js";
import { t } from "./words.js";

/** What the server answers: to a question, or to something done where there is a `body`. */
export async function ask(path, body) {
  const options =
    body === undefined
      ? {}
      : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error(t("server.unreachable"));
  }
  if (!answer.ok) {
    const { error } = await answer.json().catch(() => ({}));
    throw new Error(error || t("server.status", { status: answer.status }));
  }
  return answer.status === 204 ? null : answer.json();
}

/** Do something and say what went wrong; undefined where anything did. */
export async function tried(what) {
  try {
    const found = await what();
    $("alert").hidden = true;
    return found;
  } catch (error) {
    $("alert").textContent = error.message;
    $("alert").hidden = false;
    return undefined;
  }
}
