// Two comforts; without them the page lacks nothing but sorting and the file of everything.
"use strict";

function sortKey(row, column) {
  const cell = row.cells[column];
  const figure = cell.querySelector("data");
  return figure ? Number(figure.value) : cell.textContent;
}

function compare(a, b) {
  const both = typeof a === "number" && typeof b === "number";
  if (both) return a - b;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a.localeCompare(b, "en", { numeric: true });
}

function sortBy(header) {
  const table = header.closest("table");
  const rising = header.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows];
  const column = header.cellIndex;
  rows.sort((a, b) => (rising ? 1 : -1) * compare(sortKey(a, column), sortKey(b, column)));
  table.tBodies[0].append(...rows);
}

for (const header of document.querySelectorAll("table.figures thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  button.addEventListener("click", () => sortBy(header));
  header.append(button);
}

const everything = document.getElementById("measurements");
const downloads = document.querySelector(".downloads");
if (everything && downloads) {
  const link = document.createElement("a");
  link.download = "measurements.json";
  link.textContent = "Everything, spectra included, as JSON";
  link.href = URL.createObjectURL(new Blob([everything.textContent], { type: "application/json" }));
  downloads.append(link);
}
