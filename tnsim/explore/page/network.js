// Draws the network with its cut: node by node up to 64 sites, else each level as one strip of its nodes.
"use strict";

import { CUT, STYLES, leaves, spans, styles } from "./cut.js";
import { element, path, picture, rect, text, thickness } from "./svg.js";
import { grouped, severed } from "./text.js";

const DRAWN = 64;
const LEFT = 54, TOP = 18;

export function draw(host, model, shown) {
  const width = Math.max(host.clientWidth, 200);
  const style = styles(model.tree, shown.mask, shown.cut.edges);
  const said = `Network, sites below and output above. The cut severs ${severed(shown.cut)}.`;
  const parts = model.sites <= DRAWN ? whole : strips;
  const { height, drawn } = parts(model, shown.widths, style, width);
  picture(host, width, height, said, drawn);
}

function name(level) {
  return level < 0 ? "sites" : `level ${level}`;
}

// ---- node by node

function whole(model, widths, style, width) {
  const depth = model.tree.length;
  const step = Math.max(40, Math.min(72, width / 8));
  const y = (level) => TOP + step * (depth - level);
  const xs = columns(model.tree, LEFT, width - 8);
  const body = [...halves(model.tree, widths, style, xs, y), ...dots(style, xs, y)];
  const levels = [-1, ...model.tree.keys()];
  body.push(...levels.map((level) => text(0, y(level) + 4, name(level), "tick")));
  body.push(text(0, y(depth) + 4, "output", "tick"), rect(xs[depth][0] - 4, y(depth) - 4, 8, 8, "node free"));
  return { height: y(-1) + 14, drawn: body };
}

// Where every site and node stands: a node above the middle of what it pools.
function columns(tree, left, right) {
  const order = leaves(tree);
  const gap = (right - left) / Math.max(order.length - 1, 1);
  const sites = [];
  order.forEach((site, place) => (sites[site] = left + place * gap));
  const xs = [sites];
  for (const level of tree) {
    const below = xs[xs.length - 1];
    xs.push(level.map((children) => {
      const at = children.map((child) => below[child]);
      return (Math.min(...at) + Math.max(...at)) / 2;
    }));
  }
  return xs;
}

// A matrix is a line: its lower half is the index below it, its upper half the index above.
function halves(tree, widths, style, xs, y) {
  const found = new Map();
  const add = (level, kind, x0, y0, x1, y1) => {
    const key = `${kind}|${level}`;
    found.set(key, `${found.get(key) ?? ""}M${x0.toFixed(1)} ${y0.toFixed(1)}L${x1.toFixed(1)} ${y1.toFixed(1)}`);
  };
  tree.forEach((nodes, level) => nodes.forEach((children, node) => {
    const [x1, y1] = [xs[level + 1][node], y(level)];
    for (const child of children) {
      const [x0, y0] = [xs[level][child], y(level - 1)];
      const [x, middle] = [(x0 + x1) / 2, (y0 + y1) / 2];
      add(level - 1, style[level][child], x0, y0, x, middle);
      add(level, style[level + 1][node], x, middle, x1, y1);
    }
  }));
  const top = tree.length;
  add(top - 1, style[top][0], xs[top][0], y(top - 1), xs[top][0], y(top));
  const order = [...found].sort(([one], [other]) => one[0] - other[0]); // severed ones over the others
  return order.map(([key, d]) => {
    const [kind, level] = key.split("|").map(Number);
    return path(d, `edge ${STYLES[kind]}`, thickness(widths[level + 1]) + (kind === CUT ? 0.8 : 0));
  });
}

function dots(style, xs, y) {
  const crowded = xs[0].length > 1 && Math.abs(xs[0][1] - xs[0][0]) < 6;
  return style.flatMap((level, number) => [...level].map((kind, k) => {
    const radius = kind === CUT ? (number ? 4.5 : crowded ? 2.2 : 3.2) : number ? 2.8 : crowded ? 1.6 : 2.3;
    return element("circle", { cx: xs[number][k].toFixed(1), cy: y(number - 1), r: radius, class: `node ${STYLES[kind]}` });
  }));
}

// ---- level by level

function strips(model, widths, style, width) {
  const all = spans(model.tree);
  const drawn = [];
  let y = 0;
  for (let number = style.length - 1; number >= 0; number--) {
    const tall = 6 + 2 * thickness(widths[number]);
    const many = style[number].reduce((sum, kind) => sum + (kind === CUT), 0);
    const words = `${name(number - 1)}: ${grouped(style[number].length)} of width ${widths[number]}`;
    drawn.push(text(0, y + 12, words, "tick"));
    if (many) drawn.push(text(width, y + 12, `${grouped(many)} severed`, "tick cut", "end"));
    drawn.push(...runs(style[number], all[number], width / model.sites, y + 18, tall));
    y += 18 + tall + 8;
  }
  return { height: y, drawn };
}

// Nodes side by side over the sites below them; neighbours of one style are one rectangle where they are narrow.
function runs(style, spans, scale, y, tall) {
  const order = [...style.keys()].sort((one, other) => spans[one][0] - spans[other][0]);
  const apart = scale * (spans[0][1] - spans[0][0]) >= 5;
  const found = [];
  for (const node of order) {
    const last = found[found.length - 1];
    if (!apart && last && last.kind === style[node]) last.end = spans[node][1];
    else found.push({ kind: style[node], start: spans[node][0], end: spans[node][1] });
  }
  return found.map(({ kind, start, end }) =>
    rect((start * scale).toFixed(2), y, Math.max((end - start) * scale - (apart ? 1 : 0), 0.4).toFixed(2), tall.toFixed(1),
      `node ${STYLES[kind]}`));
}
