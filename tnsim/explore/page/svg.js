// Small pieces of SVG. Colours come from the style sheets, so a picture is light or dark as the page is.
"use strict";

const SPACE = "http://www.w3.org/2000/svg";

export function element(name, attributes = {}, ...children) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A picture in pixels of the page; `said` is what it shows, for those who do not see it.
export function picture(host, width, height, said, parts) {
  const drawn = element("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": said });
  drawn.append(...parts);
  host.replaceChildren(drawn);
}

export function rect(x, y, width, height, style) {
  return element("rect", { x, y, width, height, class: style });
}

export function text(x, y, words, style, anchor = "start") {
  return element("text", { x, y, class: style, "text-anchor": anchor }, words);
}

export function path(d, style, thickness) {
  const drawn = element("path", { d, class: style });
  if (thickness) drawn.style.strokeWidth = `${thickness}px`;
  return drawn;
}

// A line is as thick as its width has digits: a bond of dimension 1 holds nothing, and is a hair.
export function thickness(width) {
  return Math.min(0.6 + 0.45 * Math.log2(width), 5);
}
