// Talking to the server.

export class Trouble extends Error {
  constructor(message, refused) {
    super(message);
    this.refused = refused; // sending the same again would not help
  }
}

export async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
  } catch {
    throw new Trouble("The server cannot be reached.", false);
  }
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({ error: answer.statusText }));
  if (answer.ok) return said;
  throw new Trouble(said.error, [400, 404, 413, 415, 422].includes(answer.status));
}
