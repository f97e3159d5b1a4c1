// One axis from 0 to the bound, in nats: Renyi-2, the interval of S, the bound, and where other widths put it.
"use strict";

import { element, path, picture, rect, text } from "./svg.js";
import { figure } from "./text.js";

const LEFT = 4, BAR = 46, TALL = 14;

export function draw(host, shown) {
  const width = Math.max(host.clientWidth, 200);
  const most = Math.max(shown.bound, shown.moved ?? 0, 1e-9);
  const x = (value) => LEFT + ((width - 2 * LEFT) * Math.min(value, most)) / most;
  const body = [rect(LEFT, BAR, x(shown.bound) - LEFT, TALL, "side-b")];
  if (shown.moved !== null) body.push(...mark(x(shown.moved), 12, "cut moved", `with these widths ${figure(shown.moved, 3)}`, width));
  body.push(...mark(x(shown.bound), shown.moved === null ? 12 : 26, "cut", `ln(min-cut) ${figure(shown.bound, 3)}`, width));
  if (shown.entropy) body.push(...interval(shown.entropy, x, width));
  if (shown.renyi !== null) body.push(...point(x(shown.renyi), shown.renyi, width));
  body.push(...ticks(most, x));
  picture(host, width, BAR + 64, said(shown), body);
}

function said(shown) {
  const words = [`From 0 to the bound ${figure(shown.bound, 3)} nats.`];
  if (shown.renyi !== null) words.push(`Rényi-2 ${figure(shown.renyi)}.`);
  if (shown.entropy) words.push(`S between ${figure(shown.entropy.lower)} and ${figure(shown.entropy.upper)}.`);
  if (shown.moved !== null) words.push(`With these widths the bound is ${figure(shown.moved, 3)}.`);
  return words.join(" ");
}

// Words beside a place, wherever there is room.
function beside(x, y, words, style, width) {
  const room = 6.6 * words.length + 8;
  if (x + room < width) return text(x + 5, y, words, style);
  return text(Math.max(x - 5, Math.min(room, width)), y, words, style, "end");
}

function mark(x, y, style, words, width) {
  return [path(`M${x} ${y - 9}V${BAR + TALL + 4}`, `line ${style}`), beside(x, y, words, "tick cut", width)];
}

function interval({ lower, upper }, x, width) {
  const [from, to] = [x(lower), x(upper)];
  const bar = rect(Math.max(from - Math.max(3 - (to - from), 0) / 2, 0), BAR - 3, Math.max(to - from, 3), TALL + 6, "fill accent");
  return [bar, beside(to, BAR - 7, "S", "tick accent", width)];
}

function point(x, value, width) {
  const y = BAR + TALL / 2;
  return [
    element("circle", { cx: x, cy: y, r: 4.5, class: "renyi" }), beside(x, BAR + TALL + 18, `S₂ ${figure(value, 3)}`, "tick s2", width),
  ];
}

function ticks(most, x) {
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 5, 10].map((factor) => (factor * power) / 5).find((size) => most / size <= 6);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const found = [];
  for (let k = 0; k * step <= most * (1 + 1e-9); k++) {
    const place = x(k * step);
    found.push(path(`M${place} ${BAR + TALL + 30}v5`, "rule"));
    found.push(text(place, BAR + TALL + 47, (k * step).toFixed(digits), "tick", k ? "middle" : "start"));
  }
  return [path(`M${x(0)} ${BAR + TALL + 30}H${x(most)}`, "rule"), ...found];
}
