// The page: what is painted is asked, what is answered is shown. Bounds come at once, Renyi-2 and S after the stroke.
"use strict";

import * as axis from "./axis.js";
import { Grid } from "./grid.js";
import * as network from "./network.js";
import { get, latest, lines, post } from "./server.js";
import { NATS, ends, figure, grouped, powers, severed, shares } from "./text.js";
import { Widths } from "./widths.js";

const MOST_WIDTH = 4096;
const BEGIN = "left-right";
const MEASURES = {
  function: "function, training images",
  uniform: "function, uniform pixels",
  coefficient: "coefficients",
};
const at = (id) => document.getElementById(id);

class Page {
  constructor(model) {
    this.model = model;
    this.found = { own: null, moved: null, renyi: null, entropy: null };
    this.example = 0;
    this.grid = new Grid(at("grid"), model.grid, () => this.painted(), () => this.finished());
    this.widths = new Widths(at("widths"), model, MOST_WIDTH, () => this.moved());
    this.askBounds = latest((question) => this.bounds(question));
    this.askRenyi = latest((question) => this.renyi(question));
    this.fill();
    this.listen();
  }

  // ---- what is there to choose

  fill() {
    const { model } = this;
    at("title").textContent = `Explore ${model.model}`;
    at("about").textContent =
      `${model.grid.join(" × ")} sites, ${grouped(model.parameters)} parameters, ${model.classes.length} classes; tnsim ${model.version}`;
    at("label").append(...model.classes.map((name, label) => new Option(name, label)));
    at("measure").append(...model.measures.map((name) => new Option(MEASURES[name] ?? name, name)));
    at("named").append(...model.partitions.map((name) => new Option(name, name)));
    const most = Math.max(...model.grid) / 4;
    at("brush-size").replaceChildren(...[1, 2, 4, 8].filter((size) => size === 1 || size <= most).map((size) => new Option(size, size)));
    at("example").hidden = model.examples < 2;
    at("example-note").textContent = model.examples_note ? `No example images: ${model.examples_note}.` : "";
    at("widths-note").textContent =
      "What the same architecture could hold at most if its levels were wider or narrower. Nothing is trained: only the bound moves.";
    this.grid.brush = () => ({ value: at("brush-a").checked, size: Number(at("brush-size").value) });
  }

  listen() {
    at("label").addEventListener("change", () => Promise.all([this.pictures(), this.finished()]));
    at("measure").addEventListener("change", () => this.finished());
    at("seconds").addEventListener("change", () => this.finished());
    at("named").addEventListener("change", () => at("named").value && this.named(at("named").value));
    at("swap").addEventListener("click", () => this.all((inA) => !inA));
    at("clear").addEventListener("click", () => this.all(() => false));
    at("example").addEventListener("click", () => this.next());
    at("reset").addEventListener("click", () => this.widths.reset());
    new ResizeObserver(() => this.draw()).observe(at("network"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.look());
  }

  async named(name) {
    await this.guarded(async () => {
      const { mask } = await get("/api/partition", { name });
      this.grid.show(mask);
      this.painted(name);
      this.finished();
    });
  }

  all(change) {
    this.grid.show(this.grid.mask.map(change));
    this.painted();
    this.finished();
  }

  // ---- example images

  async pictures() {
    await this.guarded(async () => {
      const { images } = await get("/api/examples", { label: at("label").value });
      [this.images, this.example] = [images, 0];
      this.look();
    });
  }

  next() {
    this.example += 1;
    this.look();
  }

  look() {
    const images = this.images ?? [];
    this.grid.image(images.length ? images[this.example % images.length] : null);
  }

  // ---- questions

  get asked() {
    const { mask } = this.grid;
    return { mask: [...mask], label: Number(at("label").value), measure: at("measure").value };
  }

  get whole() {
    return this.grid.mask.some((inA) => inA) && !this.grid.mask.every((inA) => inA);
  }

  // While a stroke goes on: only what is at once.
  painted(name = "") {
    at("named").value = name;
    this.stop();
    this.found = { ...this.found, renyi: null, entropy: null };
    const inA = this.grid.mask.filter(Boolean).length;
    const missing = this.whole ? "" : " A bound needs at least one site on each side.";
    at("counted").textContent = `A has ${grouped(inA)} of ${grouped(this.grid.size)} sites.${missing}`;
    this.moved();
  }

  moved() {
    at("reset").disabled = !this.widths.moved;
    if (this.whole) this.askBounds({ mask: [...this.grid.mask], widths: [...this.widths.values] });
    else this.nothing();
  }

  finished() {
    this.stop();
    this.found = { ...this.found, renyi: null, entropy: null };
    if (!this.whole) return this.nothing();
    this.askRenyi(this.asked);
    return this.entropy({ ...this.asked, seconds: Number(at("seconds").value) });
  }

  stop() {
    this.stopping?.abort();
    [this.stopping, this.measuring] = [null, ""];
    this.round = (this.round ?? 0) + 1;
  }

  nothing() {
    this.stop();
    this.found = { own: null, moved: null, renyi: null, entropy: null };
    at("network").replaceChildren();
    at("axis").replaceChildren();
    this.show();
  }

  async bounds({ mask, widths }) {
    await this.guarded(async () => {
      const own = await post("/api/bounds", { mask });
      const moved = widths.some((width, k) => width !== this.model.widths[k]) ? await post("/api/bounds", { mask, widths }) : null;
      if (!this.whole) return;
      this.found = { ...this.found, own: { ...own, mask }, moved: moved && { ...moved, mask } };
      this.show();
    });
  }

  async renyi(question) {
    const round = this.round;
    at("renyi-how").textContent = "measuring…";
    await this.guarded(async () => {
      const found = await post("/api/measure", question);
      if (round !== this.round) return;
      this.found = { ...this.found, renyi: found.renyi2 };
      this.show();
      this.tell();
    });
  }

  async entropy(question) {
    const [round, stopping] = [this.round, new AbortController()];
    this.stopping = stopping;
    const clock = this.clock(round);
    let ended = "";
    await this.guarded(async () => {
      for await (const line of lines("/api/entropy", question, stopping.signal)) {
        if (round !== this.round) return;
        if (line.error) throw new Error(line.error);
        if (line.progress) clock.told = `, ${line.progress}`;
        if (line.entropy) this.found = { ...this.found, entropy: line.entropy };
        if (line.superseded) ended = "another page has asked since";
      }
    });
    clearInterval(clock.ticking);
    if (round !== this.round) return;
    this.measuring = ended;
    this.show();
    this.tell();
  }

  // Seconds go by beside S, with what the last pass found, so that one sees that it is not stuck.
  clock(round) {
    const [began, clock] = [Date.now(), { told: "" }];
    const tick = () => {
      if (round !== this.round) return;
      const seconds = Math.round((Date.now() - began) / 1000);
      this.measuring = `measuring…${seconds ? ` ${seconds} s` : ""}${clock.told}`;
      this.show();
    };
    clock.ticking = setInterval(tick, 1000);
    tick();
    return clock;
  }

  // A refusal is shown; that a newer question came is none.
  async guarded(work) {
    try {
      await work();
      at("error").textContent = "";
    } catch (error) {
      if (error.name === "AbortError" || error.superseded) return;
      const lost = error instanceof TypeError;
      at("error").textContent = lost ? `The server does not answer (${error.message}); is tnsim explore still running?` : error.message;
      if (lost) console.warn(error);
    }
  }

  // ---- what is shown

  show() {
    const { own, moved, renyi, entropy } = this.found;
    const ln = own?.cut.log;
    at("bound").textContent = own ? `${figure(ln)}${NATS}` : "–";
    at("bound-how").textContent = own ? `min-cut ${powers(own.cut)}` + (moved ? `; with these widths ${figure(moved.cut.log)}` : "") : "";
    at("renyi").textContent = renyi ? `${figure(renyi.value)}${NATS}` : "–";
    if (renyi) at("renyi-how").textContent = `${renyi.method}, within ${(renyi.upper - renyi.lower).toExponential(0)}`;
    else if (!own) at("renyi-how").textContent = "";
    at("entropy").textContent = entropy ? this.interval(entropy) : "–";
    at("entropy-how").textContent = entropy ? `${entropy.method}, ${figure(entropy.seconds, 1)} s` : this.measuring;
    at("entropy-how").title = entropy?.note ?? "";
    at("share").textContent = entropy && ln > 0 ? shares(entropy.lower / ln, Math.min(entropy.upper / ln, 1)) : "–";
    at("share-how").textContent = entropy && moved ? "of the model’s own bound" : "";
    this.widths.show((moved ?? own)?.cut);
    this.draw();
  }

  interval(entropy) {
    const exact = entropy.upper - entropy.lower < 1e-6;
    return exact ? `${figure(entropy.value)}${NATS}` : `[${ends(entropy).join(", ")}]${NATS}`;
  }

  draw() {
    const { own, moved, renyi, entropy } = this.found;
    if (!own) return;
    const shown = moved ?? own;
    network.draw(at("network"), this.model, shown);
    axis.draw(at("axis"), { bound: own.cut.log, moved: moved?.cut.log ?? null, renyi: renyi?.value ?? null, entropy });
    const of = moved ? "With the widths that are set, the cut" : "The cut";
    at("cut-note").textContent =
      `${of} severs ${severed(shown.cut)}. The thicker a line, the wider its index. ` +
      "A severed index is paid once, however many matrices meet in it.";
  }

  // One sentence when all is there.
  tell() {
    const { own, renyi, entropy } = this.found;
    if (!own || !renyi || !entropy) return;
    at("said").textContent = `Bound ${figure(own.cut.log, 2)} nats, Rényi-2 ${figure(renyi.value, 3)}, entropy ${this.interval(entropy)}.`;
  }
}

async function begin() {
  try {
    const page = new Page(await get("/api/model"));
    await page.pictures();
    const first = page.model.partitions.includes(BEGIN) ? BEGIN : page.model.partitions[0];
    if (first) await page.named(first);
    document.body.dataset.ready = "yes";
  } catch (error) {
    at("error").textContent = error.message;
    throw error;
  }
}

begin();
