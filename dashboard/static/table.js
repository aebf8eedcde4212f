import { go } from "./navigate.js";

// A table whose cells change in place. data: {columns:[{label,kind,align,width}], rows:[{id,cells,tone,href}], empty, selected, height}
// A cell is a string, or {text, tone} for a chip, or a list of both; nothing is ever inserted as HTML.
function piece(item) {
  if (item === null || item === undefined) return document.createTextNode("");
  if (typeof item === "string" || typeof item === "number") return document.createTextNode(String(item));
  const chip = document.createElement("span");
  chip.className = item.badge ? "ld-badge" : item.tone ? `ld-chip ld-${item.tone}` : "ld-soft";
  if (item.dot) chip.className = `ld-dot ld-${item.tone}`;
  chip.textContent = item.text ?? "";
  if (item.title) chip.title = item.title;
  return chip;
}

function fill(cell, content) {
  const wanted = JSON.stringify(content ?? "");
  if (cell.landunContent === wanted) return;
  cell.landunContent = wanted;
  cell.replaceChildren(...(Array.isArray(content) ? content : [content]).map(piece));
}

function build(parent) {
  const frame = document.createElement("div");
  frame.className = "ld-table";
  frame.innerHTML = "<table><thead><tr></tr></thead><tbody></tbody></table><div class='ld-empty'></div>";
  parent.appendChild(frame);
  return frame;
}

function head(frame, columns) {
  const row = frame.querySelector("thead tr");
  const wanted = JSON.stringify(columns);
  if (row.landunContent === wanted) return;
  row.landunContent = wanted;
  row.replaceChildren(
    ...columns.map((column) => {
      const cell = document.createElement("th");
      cell.textContent = column.label;
      cell.style.textAlign = column.align || "left";
      if (column.width) cell.style.width = column.width;
      return cell;
    })
  );
}

export default function (component) {
  const { data, parentElement } = component;
  const frame = parentElement.querySelector(".ld-table") || build(parentElement);
  frame.landunOpen = (line) => (line.landunHref ? go(line.landunHref) : component.setTriggerValue("open", line.landunId));
  frame.style.maxHeight = data.height ? `${data.height}px` : "";
  head(frame, data.columns);
  const body = frame.querySelector("tbody");
  data.rows.forEach((row, index) => {
    let line = body.children[index];
    if (!line) {
      line = document.createElement("tr");
      line.addEventListener("click", () => line.landunId && frame.landunOpen(line));
      line.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && line.landunId) frame.landunOpen(line);
      });
      body.appendChild(line);
    }
    line.landunId = data.clickable ? row.id : null;
    line.landunHref = row.href || null;
    line.dataset.row = row.id;
    line.tabIndex = data.clickable ? 0 : -1;
    line.className = [
      data.clickable ? "ld-click" : "",
      row.tone ? `ld-line-${row.tone}` : "",
      String(row.id) === String(data.selected) ? "ld-selected" : "",
    ].join(" ").trim();
    data.columns.forEach((column, place) => {
      let cell = line.children[place];
      if (!cell) {
        cell = document.createElement("td");
        line.appendChild(cell);
      }
      cell.style.textAlign = column.align || "left";
      if (column.wrap) cell.classList.add("ld-wrap");
      if (column.clip) cell.classList.add("ld-clip");
      fill(cell, row.cells[place]);
    });
    while (line.children.length > data.columns.length) line.lastChild.remove();
  });
  while (body.children.length > data.rows.length) body.lastChild.remove();
  frame.querySelector(".ld-empty").textContent = data.rows.length ? "" : data.empty || "";
}
