// The sites to paint on: by mouse or finger, by brush; by keys, one site at a time. A chain is a row, wrapped.
"use strict";

const WRAP = 32;

export class Grid {
  // changed: hears that the mask has changed while it is painted; done: that a stroke has ended.
  constructor(host, shape, changed, done) {
    [this.rows, this.columns] = shape.length === 2 ? shape : [Math.ceil(shape[0] / WRAP), Math.min(shape[0], WRAP)];
    this.size = shape.reduce((product, side) => product * side, 1);
    this.mask = new Array(this.size).fill(false);
    this.brush = () => ({ value: true, size: 1 });
    [this.host, this.changed, this.done] = [host, changed, done];
    this.build();
    this.listen();
  }

  build() {
    const columns = this.columns;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.cells = this.mask.map((_, site) => this.cell(site));
    const table = document.createElement("div");
    table.className = columns > 40 ? "cells many" : "cells";
    for (const [name, value] of Object.entries({ role: "grid", "aria-label": "Sites, selected: in A", "aria-multiselectable": "true" })) {
      table.setAttribute(name, value);
    }
    for (let row = 0; row < this.rows; row++) {
      const line = document.createElement("div");
      line.setAttribute("role", "row");
      line.append(...this.cells.slice(row * columns, (row + 1) * columns));
      for (let k = line.childElementCount; k < columns; k++) line.append(document.createElement("span"));
      table.append(line);
    }
    const tall = this.rows === 1 ? Math.max(1, columns / 12) : 1;
    table.style.aspectRatio = `${columns} / ${this.rows * tall}`;
    this.cells[0].tabIndex = 0;
    this.table = table;
    this.host.replaceChildren(table, this.canvas);
  }

  cell(site) {
    const made = document.createElement("div");
    made.setAttribute("role", "gridcell");
    made.setAttribute("aria-selected", "false");
    made.setAttribute("aria-label", `row ${Math.floor(site / this.columns) + 1}, column ${(site % this.columns) + 1}`);
    made.tabIndex = -1;
    return made;
  }

  // A new mask from elsewhere: nobody is told.
  show(mask) {
    mask.forEach((inA, site) => this.set(site, inA));
  }

  set(site, inA) {
    if (this.mask[site] === inA) return false;
    this.mask[site] = inA;
    this.cells[site].setAttribute("aria-selected", String(inA));
    return true;
  }

  // An example image over the sites, in the page's ink.
  image(example) {
    const canvas = this.canvas;
    const plane = example && example.height % this.rows === 0 && example.width % this.columns === 0;
    [canvas.height, canvas.width] = plane ? [example.height, example.width] : [this.rows, this.columns];
    if (!example) return;
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(canvas.width, canvas.height);
    const ink = getComputedStyle(this.host).color.match(/\d+/g).slice(0, 3).map(Number);
    example.pixels.forEach((grey, k) => pixels.data.set([...ink, 0.6 * grey], 4 * k));
    context.putImageData(pixels, 0, 0);
  }

  listen() {
    this.table.addEventListener("pointerdown", (event) => this.press(event));
    this.table.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) this.table.addEventListener(name, () => this.lift());
    this.table.addEventListener("contextmenu", (event) => event.preventDefault());
    this.table.addEventListener("keydown", (event) => this.key(event));
  }

  // ---- mouse and finger

  place(event) {
    const box = this.table.getBoundingClientRect();
    const at = (offset, length, count) => Math.max(0, Math.min(count - 1, Math.floor((offset / length) * count)));
    return [at(event.clientY - box.top, box.height, this.rows), at(event.clientX - box.left, box.width, this.columns)];
  }

  press(event) {
    if (this.from || event.button > 2) return;
    event.preventDefault();
    this.table.setPointerCapture(event.pointerId);
    const brush = this.brush();
    this.stroke = { ...brush, value: event.button === 2 ? !brush.value : brush.value };
    this.from = this.place(event);
    this.focus(this.from[0] * this.columns + this.from[1]);
    this.line(this.from);
  }

  drag(event) {
    if (this.from) for (const one of event.getCoalescedEvents?.() ?? [event]) this.line(this.place(one));
  }

  lift() {
    if (!this.from) return;
    this.from = null;
    this.done();
  }

  // Every site between the last place and this one: a fast hand leaves no gaps.
  line([row, column]) {
    const [row0, column0] = this.from;
    const steps = Math.max(Math.abs(row - row0), Math.abs(column - column0), 1);
    let moved = false;
    for (let k = 0; k <= steps; k++) {
      const at = (one, other) => Math.round(one + ((other - one) * k) / steps);
      moved = this.dab(at(row0, row), at(column0, column)) || moved;
    }
    this.from = [row, column];
    if (moved) this.changed();
  }

  dab(row, column) {
    const { size, value } = this.stroke;
    const first = -Math.floor((size - 1) / 2);
    let moved = false;
    for (let i = row + first; i < row + first + size; i++) {
      for (let j = column + first; j < column + first + size; j++) {
        const site = i * this.columns + j;
        const inside = i >= 0 && i < this.rows && j >= 0 && j < this.columns && site < this.size;
        moved = (inside && this.set(site, value)) || moved;
      }
    }
    return moved;
  }

  // ---- keys

  key(event) {
    const site = this.cells.indexOf(event.target);
    if (site < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const start = site - (site % this.columns);
    const end = Math.min(start + this.columns, this.size) - 1;
    const steps = {
      ArrowLeft: site > start ? site - 1 : site, ArrowRight: site < end ? site + 1 : site,
      ArrowUp: site - this.columns, ArrowDown: site + this.columns, Home: start, End: end,
    };
    if (event.key in steps) {
      const wanted = steps[event.key];
      if (wanted >= 0 && wanted < this.size) this.focus(wanted);
    } else if (event.key === " " || event.key === "Enter") {
      this.set(site, !this.mask[site]);
      this.changed();
      this.done();
    } else return;
    event.preventDefault();
  }

  focus(site) {
    for (const cell of this.table.querySelectorAll('[tabindex="0"]')) cell.tabIndex = -1;
    this.cells[site].tabIndex = 0;
    this.cells[site].focus({ preventScroll: true });
  }
}
