// A screen in a hall: asks for its values, puts them in place, and never blinks. What it can't renew it shows as old.
const about = JSON.parse(document.body.dataset.about);
const place = (id) => document.getElementById(id);
const address = `${location.pathname.replace(/\/$/, "")}/values${location.search}`;
let shown = null;
let ahead = 0; // the platform's clock minus this one's, in ms: a screen's own clock is often wrong

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function notice(text) {
  put(place("notice"), text);
  place("notice").hidden = !text;
}

function child(parent, index, tag, name) {
  let found = parent.children[index];
  if (!found) {
    found = document.createElement(tag);
    found.className = name;
    parent.appendChild(found);
  }
  return found;
}

function trim(parent, count) {
  while (parent.children.length > count) parent.lastElementChild.remove();
}

function draw() {
  if (!shown) return;
  const now = Date.now() + ahead;
  put(place("site"), shown.site);
  put(place("badge"), shown.badge);
  place("badge").hidden = !shown.badge;
  put(place("hours"), shown.hours);
  place("hours").className = shown.open ? "open" : "closed";
  put(place("basis"), shown.basis);
  put(place("as-of"), shown.as_of);
  const points = place("points");
  points.style.setProperty("--rows", Math.max(1, shown.points.length));
  shown.points.forEach((point, index) => {
    const section = child(points, index, "section", "point");
    put(child(section, 0, "h2", "title"), point.name);
    const tiles = child(section, 1, "div", "tiles");
    tiles.style.setProperty("--tiles", point.values.length);
    point.values.forEach((value, number) => {
      const stale = value.fresh_until && now > Date.parse(value.fresh_until);
      const state = stale ? "stale" : value.state;
      const tile = child(tiles, number, "article", "");
      const wanted = `tile ${state}`;
      if (tile.className !== wanted) tile.className = wanted;
      tile.dataset.indicator = value.indicator;
      tile.dataset.state = state;
      put(child(tile, 0, "span", "label"), value.name);
      const figure = child(tile, 1, "span", "figure");
      put(child(figure, 0, "b", "value"), value.value);
      put(child(figure, 1, "small", "unit"), value.unit);
      put(child(tile, 2, "span", "chip"), stale ? about.stale : value.says);
      put(child(tile, 3, "span", "limit"), value.limit);
      put(child(tile, 4, "span", "measured"), value.measured);
    });
    trim(tiles, point.values.length);
  });
  trim(points, shown.points.length);
}

async function ask() {
  let pause = about.every_s;
  try {
    const answer = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(8000) });
    if (answer.status === 404) {
      shown = null;
      place("points").replaceChildren();
      put(place("site"), document.title);
      for (const id of ["hours", "basis", "as-of"]) put(place(id), "");
      place("badge").hidden = true;
      notice(about.words.revoked);
      pause = 60;
    } else if (answer.ok) {
      shown = await answer.json();
      if (shown.version !== about.version) return location.reload();
      ahead = Date.parse(shown.at) - Date.now();
      notice(shown.points.length ? "" : about.words.empty);
      tick();
    } else {
      throw new Error(String(answer.status));
    }
  } catch {
    notice(shown ? about.words.lost : about.words.waiting);
    draw();
  }
  setTimeout(ask, pause * 1000);
}

// A hall's screen is to stay on, and to fill itself at a touch.
async function stayAwake() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // the browser does not allow it: the screen's own settings decide
  }
}
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && stayAwake());
document.addEventListener("dblclick", () => document.documentElement.requestFullscreen?.().catch(() => {}));
stayAwake();

function tick() {
  if (!shown) return;
  const now = new Date(Date.now() + ahead);
  put(place("clock"), now.toLocaleTimeString("zh-CN", { hour12: false, hour: "2-digit", minute: "2-digit", timeZone: shown.zone }));
  draw(); // with what has become stale meanwhile
}
setInterval(tick, 1000);
notice(about.words.waiting);
ask();
