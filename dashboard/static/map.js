// The county map: SVG from our own outlines, markers of sites, zoom and pan kept over every refresh.
// data: {counties:{code:{name,tone,title,badge}}, sites:[[code,x,y,tone,shape,title]], selected, legend:[{tone,shape,text}],
//        focus:[left,top,right,bottom], lines:[[kind,[[x,y],…]],…], labels:{in,out,reset}, site: address of a site's page, to be completed with its code}
import { go } from "./navigate.js";

const SVG = "http://www.w3.org/2000/svg";
let outlinePromise = null;
const fetchOutline = () =>
  (outlinePromise ??= fetch("/landun/outline.json").then((answer) => {
    if (!answer.ok) throw new Error(`outline: HTTP ${answer.status}`);
    return answer.json();
  }).catch((error) => { outlinePromise = null; throw error; }));

function make(tag, attributes, parent) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (parent) parent.appendChild(element);
  return element;
}

class CountyMap {
  constructor(parent, outline) {
    this.width = outline.width;
    this.height = outline.height;
    this.view = { x: 0, y: 0, k: 1 };
    this.frame = document.createElement("div");
    this.frame.className = "ld-map";
    parent.appendChild(this.frame);
    this.svg = make("svg", { viewBox: `-12 -12 ${this.width + 24} ${this.height + 24}`, role: "img" }, this.frame);
    this.scene = make("g", {}, this.svg);
    this.countyLayer = make("g", {}, this.scene);
    this.lineLayer = make("g", { class: "ld-lines" }, this.scene);
    this.siteLayer = make("g", {}, this.scene);
    this.labelLayer = make("g", { class: "ld-labels" }, this.scene);
    this.counties = {};
    this.labels = {};
    this.sites = {};
    this.outlineCounties(outline);
    this.controls();
    this.tooltip();
    this.gestures();
  }

  outlineCounties(outline) {
    for (const county of outline.counties) {
      const path = make("path", { d: county.path, class: "ld-county ld-area-plain" }, this.countyLayer);
      path.dataset.county = county.code;
      path.addEventListener("click", () => !this.dragged && this.onCounty?.(county.code));
      path.addEventListener("pointerenter", (event) => this.tip(event, path.landunTitle));
      path.addEventListener("pointermove", (event) => this.tip(event, path.landunTitle));
      path.addEventListener("pointerleave", () => this.tip(null));
      this.counties[county.code] = path;
      this.labels[county.code] = make("text", { x: county.label[0], y: county.label[1] }, this.labelLayer);
    }
  }

  controls() {
    const box = document.createElement("div");
    box.className = "ld-zoom";
    this.buttons = [["in", "+", 1.5], ["out", "−", 1 / 1.5], ["reset", "⟲", 0]].map(([name, sign, factor]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = sign;
      button.dataset.zoom = name;
      button.addEventListener("click", () =>
        factor ? this.zoom(factor, this.width / 2, this.height / 2) : this.move({ x: 0, y: 0, k: 1 })
      );
      box.appendChild(button);
      return button;
    });
    this.frame.appendChild(box);
    this.legend = document.createElement("div");
    this.legend.className = "ld-legend";
    this.frame.appendChild(this.legend);
  }

  tooltip() {
    this.hint = document.createElement("div");
    this.hint.className = "ld-tip";
    this.frame.appendChild(this.hint);
  }

  tip(event, text) {
    this.hint.style.display = event && text ? "block" : "none";
    if (!event || !text) return;
    const box = this.frame.getBoundingClientRect();
    this.hint.textContent = text;
    const left = Math.min(event.clientX - box.left + 14, box.width - this.hint.offsetWidth - 8);
    const above = event.clientY - box.top + 14 + this.hint.offsetHeight > box.height;
    this.hint.style.left = `${Math.max(4, left)}px`;
    this.hint.style.top = `${event.clientY - box.top + (above ? -this.hint.offsetHeight - 10 : 14)}px`;
  }

  point(event) {
    const matrix = this.svg.getScreenCTM();
    return { x: (event.clientX - matrix.e) / matrix.a, y: (event.clientY - matrix.f) / matrix.d };
  }

  gestures() {
    this.svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      const at = this.point(event);
      this.zoom(event.deltaY < 0 ? 1.25 : 0.8, at.x, at.y);
    }, { passive: false });
    this.svg.addEventListener("pointerdown", (event) => {
      this.grabbed = { from: this.point(event), view: { ...this.view } };
      this.dragged = false;
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!this.grabbed || !(event.buttons & 1)) return;
      const at = this.point(event);
      const dx = at.x - this.grabbed.from.x;
      const dy = at.y - this.grabbed.from.y;
      if (Math.hypot(dx, dy) > 4) this.dragged = true;
      if (this.dragged) this.move({ ...this.grabbed.view, x: this.grabbed.view.x + dx, y: this.grabbed.view.y + dy });
    });
    window.addEventListener("pointerup", () => (this.grabbed = null));
    this.svg.addEventListener("dblclick", () => this.move({ x: 0, y: 0, k: 1 }));
  }

  zoom(factor, x, y) {
    const k = Math.min(12, Math.max(1, this.view.k * factor));
    const ratio = k / this.view.k;
    this.move({ k, x: x - (x - this.view.x) * ratio, y: y - (y - this.view.y) * ratio });
  }

  move(view) {
    const slack = (extent) => extent * (view.k - 1);
    this.view = {
      k: view.k,
      x: Math.min(0, Math.max(-slack(this.width), view.x)),
      y: Math.min(0, Math.max(-slack(this.height), view.y)),
    };
    this.scene.setAttribute("transform", `translate(${this.view.x} ${this.view.y}) scale(${this.view.k})`);
    this.frame.style.setProperty("--ld-k", this.view.k);
    for (const site of Object.values(this.sites)) this.size(site);
  }

  size(site) {
    const [x, y] = site.landunPlace;
    site.setAttribute("transform", `translate(${x} ${y}) scale(${1 / Math.pow(this.view.k, 0.8)})`);
  }

  update(data) {
    const titles = [data.labels.in, data.labels.out, data.labels.reset];
    this.buttons.forEach((button, index) => (button.title = titles[index]));
    for (const [code, county] of Object.entries(data.counties)) {
      const path = this.counties[code];
      if (!path) continue;
      path.setAttribute("class", `ld-county ld-area-${county.tone}${data.selected === code ? " ld-chosen" : ""}`);
      path.landunTitle = county.title;
      if (this.labels[code].textContent !== county.name) this.labels[code].textContent = county.name;
    }
    this.updateLines(data.lines || []);
    this.show(data.focus);
    this.updateSites(data.sites);
    const legend = JSON.stringify(data.legend);
    if (this.legend.landunContent !== legend) {
      this.legend.landunContent = legend;
      this.legend.replaceChildren(
        ...data.legend.map((entry) => {
          const line = document.createElement("span");
          line.className = `ld-key ld-shape-${entry.shape || "round"} ld-${entry.tone}`;
          line.textContent = entry.text;
          return line;
        })
      );
    }
  }

  // [left, top, right, bottom] of what is to be seen; once, so that what a reader moves to stays.
  show(focus) {
    const wanted = JSON.stringify(focus || null);
    if (this.landunFocus === wanted) return;
    this.landunFocus = wanted;
    if (!focus) return;
    const [left, top, right, bottom] = focus;
    const k = Math.min(12, Math.max(1, Math.min(this.width / (right - left), this.height / (bottom - top))));
    this.move({ k, x: this.width / 2 - (k * (left + right)) / 2, y: this.height / 2 - (k * (top + bottom)) / 2 });
  }

  // [[kind, [[x, y], …]], …]: ways that were planned or driven.
  updateLines(lines) {
    const wanted = JSON.stringify(lines);
    if (this.landunLines === wanted) return;
    this.landunLines = wanted;
    this.lineLayer.replaceChildren();
    for (const [kind, points] of lines) {
      make("polyline", { points: points.map((at) => at.join(",")).join(" "), class: `ld-line ld-line-${kind}` }, this.lineLayer);
    }
  }

  updateSites(sites) {
    const present = new Set();
    for (const [code, x, y, tone, shape, title] of sites) {
      present.add(code);
      let site = this.sites[code];
      if (!site || site.landunShape !== shape) {
        site?.remove();
        site = this.sites[code] = this.marker(code, shape);
      }
      site.landunPlace = [x, y];
      site.landunTitle = title;
      this.size(site);
      const wanted = `ld-site ld-mark-${tone} ld-mark-${shape}`;
      if (site.getAttribute("class") !== wanted) {
        site.setAttribute("class", wanted);
        this.siteLayer.appendChild(site); // what changed last lies on top
      }
    }
    for (const code of Object.keys(this.sites)) {
      if (!present.has(code)) {
        this.sites[code].remove();
        delete this.sites[code];
      }
    }
    for (const tone of ["pending", "low", "medium", "high"]) {
      for (const site of this.siteLayer.querySelectorAll(`.ld-mark-${tone}:not(.ld-mark-small)`)) {
        if (site.nextSibling && !["pending", "low", "medium", "high"].some((t) => site.nextSibling.classList.contains(`ld-mark-${t}`))) {
          this.siteLayer.appendChild(site);
        }
      }
    }
  }

  marker(code, shape) {
    const site = make("g", { tabindex: shape === "small" ? "-1" : "0" });
    if (shape === "small") make("circle", { r: 4 }, site);
    else if (shape === "diamond") make("path", { d: "M0 -11.5L11.5 0L0 11.5L-11.5 0Z" }, site);
    else make("circle", { r: 9.5 }, site);
    site.landunShape = shape;
    site.dataset.site = code;
    site.addEventListener("click", () => !this.dragged && this.onOpen?.(code));
    site.addEventListener("keydown", (event) => event.key === "Enter" && this.onOpen?.(code));
    site.addEventListener("pointerenter", (event) => this.tip(event, site.landunTitle));
    site.addEventListener("pointerleave", () => this.tip(null));
    this.siteLayer.appendChild(site);
    return site;
  }
}

export default async function (component) {
  const { data, parentElement } = component;
  parentElement.landunData = data;
  if (!parentElement.landunMap) {
    const outline = await fetchOutline();
    parentElement.landunMap ??= new CountyMap(parentElement, outline);
  }
  const map = parentElement.landunMap;
  map.onOpen = (code) => go(data.site + encodeURIComponent(code));
  map.onCounty = (code) => component.setTriggerValue("county", code);
  map.update(parentElement.landunData);
}
