// Figures and words as the page shows them.
"use strict";

export const NATS = "\u00a0nats";

export function figure(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits) return value.toExponential(1);
  return value.toFixed(digits);
}

// The ends of an interval, rounded outwards, so that it still holds what it held.
export function ends({ lower, upper }) {
  const digits = Math.max(3, Math.min(12, 1 - Math.floor(Math.log10(Math.max(upper - lower, 1e-12)))));
  const unit = 10 ** digits;
  return [(Math.floor(lower * unit) / unit).toFixed(digits), (Math.ceil(upper * unit) / unit).toFixed(digits)];
}

export function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

export function percent(share) {
  const shown = 100 * share;
  return `${shown.toFixed(shown < 9.95 ? 1 : 0)}\u00a0%`;
}

export function shares(lower, upper) {
  const ends = [percent(lower), percent(upper)];
  return ends[0] === ends[1] ? ends[0] : `${ends[0].replace("\u00a0%", "")}–${ends[1]}`;
}

const RAISED = { 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

// The min-cut as a product of powers, and the product where it is short.
export function powers(cut) {
  const factors = Object.entries(cut.factors).filter(([dim]) => dim !== "1");
  const shown = factors.map(([dim, n]) => dim + (n > 1 ? [...String(n)].map((digit) => RAISED[digit]).join("") : ""));
  const several = factors.length > 1 || factors.some(([, n]) => n > 1);
  const product = several && cut.value && cut.value.length <= 12 ? ` = ${grouped(cut.value)}` : "";
  return `${shown.join(" · ") || "1"}${product}`;
}

function severedAt(level, count) {
  if (level === "-1") return `${grouped(count)} ${count > 1 ? "sites" : "site"}`;
  return `${grouped(count)} ${count > 1 ? "nodes" : "node"} of level ${level}`;
}

export function severed(cut) {
  const levels = Object.entries(cut.levels).sort(([one], [other]) => one - other);
  const words = levels.map(([level, count]) => severedAt(level, count));
  const last = words.pop();
  return last === undefined ? "nothing" : words.length ? `${words.join(", ")} and ${last}` : last;
}
