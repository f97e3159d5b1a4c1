// The table of levels: how wide each is, by slider or number, and what the cut severs there.
"use strict";

import { figure, grouped } from "./text.js";

const LEAST_SPAN = 64;

export class Widths {
  // changed: hears of widths that are other than before.
  constructor(table, model, most, changed) {
    [this.model, this.most, this.changed] = [model, most, changed];
    this.values = [...model.widths];
    this.counts = [model.sites, ...model.tree.map((level) => level.length)];
    this.rows = this.values.map((_, number) => this.row(number));
    table.tBodies[0].replaceChildren(...[...this.rows].reverse().map((row) => row.line));
  }

  get moved() {
    return this.values.some((width, number) => width !== this.model.widths[number]);
  }

  row(number) {
    const level = number - 1;
    const named = level < 0 ? "sites" : `level ${level}`;
    const line = document.createElement("tr");
    const head = Object.assign(document.createElement("th"), { scope: "row", textContent: named });
    const slider = this.input("range", `Width of the indices of ${named}, slider`, number);
    slider.max = Math.min(this.most, Math.max(LEAST_SPAN, 4 * this.model.widths[number]));
    const box = this.input("number", `Width of the indices of ${named}`, number);
    box.max = this.most;
    const [cell, both] = [document.createElement("td"), document.createElement("div")];
    both.className = "both";
    both.append(slider, box);
    cell.append(both);
    const [cut, ln] = ["n", "n"].map((style) => Object.assign(document.createElement("td"), { className: style }));
    line.append(head, cell, cut, ln);
    slider.value = box.value = this.values[number];
    return { line, slider, box, cut, ln };
  }

  input(type, label, number) {
    const made = Object.assign(document.createElement("input"), { type, min: 1, step: 1 });
    made.setAttribute("aria-label", label);
    made.addEventListener("input", () => this.set(number, made));
    made.addEventListener("change", () => this.fill(number));
    return made;
  }

  // What is no width is not taken; when the field is left, it shows the last that was one.
  set(number, source) {
    const width = Number(source.value);
    if (!Number.isInteger(width) || width < 1 || width > this.most || width === this.values[number]) return;
    this.values[number] = width;
    const { slider, box } = this.rows[number];
    for (const input of [slider, box]) if (input !== source) input.value = width;
    this.changed();
  }

  fill(number) {
    for (const input of [this.rows[number].slider, this.rows[number].box]) input.value = this.values[number];
  }

  reset() {
    this.values = [...this.model.widths];
    this.rows.forEach((_, number) => this.fill(number));
    this.changed();
  }

  // What a cut severs; none: nothing is known.
  show(cut) {
    this.rows.forEach(({ line, cut: cell, ln }, number) => {
      const many = cut?.levels[number - 1] ?? 0;
      line.classList.toggle("severed", many > 0);
      cell.textContent = cut ? `${grouped(many)} of ${grouped(this.counts[number])}` : "–";
      ln.textContent = cut ? figure(many * Math.log(this.values[number]), 3) : "–";
    });
  }
}
