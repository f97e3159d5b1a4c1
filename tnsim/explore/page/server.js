// Asks the server. Every answer is JSON; a refusal is an Error with the server's words.
"use strict";

async function answered(response) {
  const told = await response.json();
  if (!response.ok) throw Object.assign(new Error(told.error), { superseded: Boolean(told.superseded) });
  return told;
}

function request(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

export async function get(path, query = {}) {
  const text = new URLSearchParams(query).toString();
  return answered(await fetch(text ? `${path}?${text}` : path));
}

export async function post(path, body) {
  return answered(await request(path, body));
}

// Lines of JSON as they arrive; an abort of the signal ends the work on the other side too.
export async function* lines(path, body, signal) {
  const response = await request(path, body, signal);
  if (!response.ok) await answered(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let left = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const whole = (left + part.value).split("\n");
    left = whole.pop();
    for (const line of whole) yield JSON.parse(line);
  }
}

// One question at a time: while one is under way only the newest of those that follow is kept.
export function latest(work) {
  let busy = false;
  let waiting = null;
  return async function ask(question) {
    if (busy) {
      waiting = question;
      return;
    }
    busy = true;
    try {
      await work(question);
    } finally {
      busy = false;
      const next = waiting;
      waiting = null;
      if (next !== null) ask(next);
    }
  };
}
