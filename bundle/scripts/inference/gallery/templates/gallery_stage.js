// The radiograph: zoom, window and level, the map over it, the boxes of the regions.
const view = { level: 50, width: 100, inverted: false, map: "map", opacity: 60, boxes: true, zoom: 1, x: 0, y: 0 };
const ZOOM = { least: 1, most: 8, step: 1.4 };

/** Address of a picture of a film: in the page, or in the folder beside it. */
function pictureOf(film, name) {
  if (data.folder !== null) return `${data.folder}/${encodeURIComponent(film.folder)}/${name}`;
  film.own ??= JSON.parse(find(`#pictures-${film.number}`).textContent);
  return film.own[name];
}

/** Window and level as the line that the filter applies to the grey values. */
function applyWindow() {
  const slope = (view.inverted ? -1 : 1) * (100 / view.width);
  const intercept = 0.5 - slope * (view.level / 100);
  for (const channel of document.querySelectorAll("#window feComponentTransfer > *")) {
    channel.setAttribute("slope", slope);
    channel.setAttribute("intercept", intercept);
  }
}

function applyZoom() {
  const stage = find("#stage");
  const limit = (size) => (size * (view.zoom - 1)) / 2;
  view.x = Math.max(-limit(stage.clientWidth), Math.min(limit(stage.clientWidth), view.x));
  view.y = Math.max(-limit(stage.clientHeight), Math.min(limit(stage.clientHeight), view.y));
  find(".canvas", stage).style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
  stage.classList.toggle("zoomed", view.zoom > 1);
  find("#zoom-value").textContent = `${Math.round(100 * view.zoom)} %`;
}

function zoomBy(factor) {
  const zoom = Math.max(ZOOM.least, Math.min(ZOOM.most, factor === 0 ? 1 : view.zoom * factor));
  view.x *= zoom / view.zoom;
  view.y *= zoom / view.zoom;
  view.zoom = zoom;
  applyZoom();
}

function applyLayers(film) {
  const map = find("#stage .map");
  map.hidden = view.map === "";
  if (view.map) map.src = pictureOf(film, `${view.map}.png`);
  map.style.opacity = view.opacity / 100;
  for (const box of document.querySelectorAll("#stage .box")) box.hidden = !view.boxes;
  const label = view.map.startsWith("map_") ? Number(view.map.slice(4)) : null;
  for (const button of document.querySelectorAll("#bars button")) button.setAttribute("aria-pressed", String(Number(button.dataset.label) === label));
}

function drawBox(film, region, number) {
  const [rows, columns] = film.size;
  const [row0, col0, row1, col1] = region.box;
  const name = `Region ${number + 1}${region.label ? `, ${region.label}` : ""}`;
  const box = make("button", { type: "button", className: "box", ariaLabel: `${name}: before and after`, title: name }, make("span", {}, String(number + 1)));
  const place = { top: row0 / rows, left: col0 / columns, height: (row1 - row0) / rows, width: (col1 - col0) / columns };
  for (const [side, share] of Object.entries(place)) box.style[side] = `${100 * share}%`;
  box.addEventListener("click", () => {
    const card = find(`#region-${number}`);
    card.scrollIntoView({ block: "nearest" });
    card.focus();
  });
  return box;
}

/** Drag moves a film that is zoomed; drag with Shift or the right button changes window and level. */
function followPointer(stage, controls) {
  let last = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".box") && !event.shiftKey && event.button === 0) return;
    last = event;
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!last) return;
    const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
    if (last.shiftKey || last.button === 2) {
      view.width = Math.max(5, Math.min(200, view.width + dx / 3));
      view.level = Math.max(0, Math.min(100, view.level + dy / 5));
      controls();
    } else {
      view.x += dx;
      view.y += dy;
      applyZoom();
    }
    last = { clientX: event.clientX, clientY: event.clientY, shiftKey: last.shiftKey, button: last.button };
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { last = null; });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("dblclick", () => zoomBy(view.zoom > 1 ? 0 : 2));
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // a plain wheel scrolls the page
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15);
  }, { passive: false });
}

function slider(id, label, key, range, change) {
  const input = make("input", { type: "range", id, min: range[0], max: range[1], step: 1, value: view[key] });
  input.addEventListener("input", () => { view[key] = Number(input.value); change(); });
  return make("label", { className: "control" }, label, input);
}

function toggle(id, label, key, change) {
  const input = make("input", { type: "checkbox", id, checked: view[key] });
  input.addEventListener("change", () => { view[key] = input.checked; change(); });
  return make("label", { className: "control check" }, input, label);
}

function mapChoice(film, change) {
  const options = [make("option", { value: "" }, "off"), make("option", { value: "map" }, film.label_maps ? "all labels together" : "attention")];
  if (film.label_maps) options.push(...ranked(film).map((label) => make("option", { value: `map_${label}` }, `${isOver(film, label) ? "● " : ""}${data.labels[label]}`)));
  const select = make("select", { id: "map" }, ...options);
  if (!options.some((option) => option.value === view.map)) view.map = "map";
  select.value = view.map;
  select.addEventListener("change", () => { view.map = select.value; change(); });
  return make("label", { className: "control" }, "Map", select);
}

/** The stage of a film with its controls. */
function makeStage(film) {
  const layers = () => applyLayers(film);
  const controls = () => {
    find("#level").value = view.level;
    find("#width").value = view.width;
    find("#invert").checked = view.inverted;
    applyWindow();
  };
  const radiograph = make("img", { className: "radiograph windowed", src: pictureOf(film, "film.jpg"), alt: `Radiograph ${nameParts(film).file}`, draggable: false });
  const map = make("img", { className: "map", alt: "Map of what the network looked at", draggable: false });
  const canvas = make("div", { className: "canvas" }, radiograph, map, ...film.regions.map((region, number) => drawBox(film, region, number)));
  const stage = make("div", { id: "stage" }, canvas);
  stage.style.aspectRatio = `${film.size[1]} / ${film.size[0]}`;
  stage.style.setProperty("--ratio", film.size[1] / film.size[0]);
  followPointer(stage, controls);
  const reset = make("button", { type: "button", id: "reset-window" }, "Reset window");
  reset.addEventListener("click", () => { Object.assign(view, { level: 50, width: 100, inverted: false }); controls(); });
  const zooms = [["zoom-out", "−", "Zoom out", 1 / ZOOM.step], ["zoom-fit", "Fit", "Whole film", 0], ["zoom-in", "+", "Zoom in", ZOOM.step]];
  const buttons = zooms.map(([id, text, ariaLabel, factor]) => {
    const button = make("button", { type: "button", id, ariaLabel }, text);
    button.addEventListener("click", () => zoomBy(factor));
    return button;
  });
  const bar = make("div", { className: "toolbar", role: "group", ariaLabel: "Display" },
    mapChoice(film, layers), slider("opacity", "Strength", "opacity", [0, 100], layers), toggle("boxes", "Regions", "boxes", layers),
    slider("level", "Level", "level", [0, 100], applyWindow), slider("width", "Window", "width", [5, 200], applyWindow),
    toggle("invert", "Invert", "inverted", applyWindow), reset,
    make("span", { className: "zooms" }, ...buttons, make("output", { id: "zoom-value" }, "100 %")));
  return make("div", { className: "stage-part" }, make("div", { className: "stage-frame" }, stage), bar);
}
