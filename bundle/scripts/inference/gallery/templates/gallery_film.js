// The view of one film: flags, probabilities, regions before and after, files; and the keyboard.
const MODES = [
  { key: "compare", title: "Native | enhanced", left: "native", right: "enhanced" },
  { key: "start", title: "Input | enhanced", left: "input", right: "enhanced" },
  { key: "native", title: "Native" }, { key: "input", title: "Input" },
  { key: "enhanced", title: "Enhanced" }, { key: "difference", title: "Difference" },
];
const CAPTIONS = { native: "native", input: "input of the enhancer", enhanced: "enhanced · synthetic", difference: "enhanced − native" };
const regionView = { mode: "compare", position: 50 };

function makeBars(film) {
  const bars = ranked(film).map((label) => {
    const [value, name, over] = [film.probabilities[label], data.labels[label], isOver(film, label)];
    const threshold = data.thresholds ? data.thresholds[label] : null;
    const fill = make("span", { className: "fill" });
    fill.style.width = `${100 * value}%`;
    const track = make("span", { className: "track", ariaHidden: "true" }, fill);
    if (threshold !== null) {
      const mark = make("span", { className: "threshold" });
      mark.style.left = `${100 * threshold}%`;
      track.append(mark);
    }
    const title = film.label_maps ? make("button", { type: "button", "data-label": label, ariaPressed: "false", title: "show its map" }, name) : make("span", {}, name);
    title.className = "name";
    const limit = threshold === null ? "" : ` / ${percent(threshold)}`;
    const spread = film.spread ? ` ± ${percent(film.spread[label])}` : "";
    const figures = make("span", { className: "figures" }, make("strong", {}, `${over ? "● " : ""}${percent(value)}`), `${spread}${limit}`);
    const words = threshold === null ? null : make("span", { className: "hidden" }, over ? ", over its threshold" : ", below its threshold");
    return make("li", { className: over ? "over" : "" }, title, track, figures, words);
  });
  const list = make("ul", { id: "bars" }, ...bars);
  list.addEventListener("click", (event) => {
    const label = event.target.dataset.label;
    if (label === undefined) return;
    view.map = view.map === `map_${label}` ? "map" : `map_${label}`;
    find("#map").value = view.map;
    applyLayers(film);
  });
  const note = data.thresholds ? "calibrated probability / threshold" : "probability of the network, not calibrated; no thresholds";
  const several = film.spread ? "; ± is the standard deviation over the networks" : "";
  return make("section", { className: "card", id: "bars-card" }, make("h3", {}, "Probabilities"), make("p", { className: "note" }, `${note}${several}`), list);
}

const millimetres = (film, [row0, col0, row1, col1]) => {
  const size = `${col1 - col0} × ${row1 - row0} pixels`;
  if (!film.spacing_mm) return size;
  return `${size}, ${((col1 - col0) * film.spacing_mm[1]).toFixed(0)} × ${((row1 - row0) * film.spacing_mm[0]).toFixed(0)} mm`;
};

function picture(film, number, version) {
  const image = make("img", { src: pictureOf(film, `region_${number}_${version}.jpg`), alt: `Region ${number + 1}, ${CAPTIONS[version]}`, draggable: false });
  image.className = version === "difference" ? "" : "windowed";
  return image;
}

/** Two versions of a region, or one; the slider moves the border between the two. */
function comparator(film, number) {
  const mode = MODES.find((one) => one.key === regionView.mode);
  if (!mode.left) {
    return make("div", { className: "comparator" }, picture(film, number, mode.key), make("span", { className: "tag right" }, CAPTIONS[mode.key]));
  }
  const before = picture(film, number, mode.left);
  before.classList.add("before");
  const range = make("input", { type: "range", min: 0, max: 100, step: 1, value: regionView.position, ariaLabel: `Region ${number + 1}: share of the ${CAPTIONS[mode.left]} picture` });
  const box = make("div", { className: "comparator" }, picture(film, number, mode.right), before, make("span", { className: "tag left" }, CAPTIONS[mode.left]), make("span", { className: "tag right" }, CAPTIONS[mode.right]), make("span", { className: "border" }), range);
  const move = () => { regionView.position = Number(range.value); box.style.setProperty("--position", `${range.value}%`); };
  range.addEventListener("input", move);
  move();
  return box;
}

function regionCard(film, region, number) {
  const title = `Region ${number + 1}${region.label ? ` · ${region.label}` : ""}`;
  const body = [];
  if (region.difference === null) body.push(make("p", { className: "missing" }, "Not enhanced: the enhancer gave no finite pixels here, so the native ones were kept."));
  else {
    body.push(comparator(film, number));
    if (regionView.mode === "difference") body.push(make("p", { className: "note" }, `blue: darker, red: brighter; full colour is ${percent(region.difference)} of the grey range`));
  }
  return make("article", { className: "region", id: `region-${number}`, tabIndex: -1, ariaLabel: title }, make("h4", {}, title), ...body, make("p", { className: "note" }, millimetres(film, region.box)));
}

function makeRegions(film) {
  const section = make("section", { className: "card", id: "regions" }, make("h3", {}, "Regions before and after super-resolution"));
  if (!film.regions.length) {
    const why = data.enhancer ? "No region was enhanced." : "No enhanced image: super-resolution was switched off in this run.";
    section.append(make("p", { className: "missing" }, why));
    return section;
  }
  const cards = make("div", { className: "regions" });
  const draw = () => cards.replaceChildren(...film.regions.map((region, number) => regionCard(film, region, number)));
  const choices = MODES.map(({ key, title }) => {
    const input = make("input", { type: "radio", name: "mode", value: key, checked: key === regionView.mode });
    input.addEventListener("change", () => { regionView.mode = key; draw(); });
    return make("label", {}, input, make("span", {}, title));
  });
  draw();
  section.append(make("fieldset", { className: "modes" }, make("legend", { className: "hidden" }, "Show regions as"), ...choices),
    cards, make("p", { className: "note" }, "The enhancer sees the input only. What the enhanced picture shows beyond it is synthetic and may be wrong."));
  return section;
}

const FILES = [
  [/^overlays\//, "Attention overlay"], [/^enhanced\//, "Enhanced image"], [/(^|\/|-)findings\.dcm$/, "Findings, DICOM structured report"],
  [/(^|\/|-)attention\.dcm$/, "Attention, DICOM secondary capture"],
  [/(^|\/|-)attention_map\.dcm$/, "Attention values, DICOM parametric map"], [/(^|\/|-)regions\.dcm$/, "Regions, DICOM segmentation"],
  [/(^|\/|-)enhanced\.dcm$/, "Enhanced image, DICOM"],
];

function makeFiles(film) {
  const items = film.files.map(({ name, link }) => {
    const title = FILES.find(([pattern]) => pattern.test(name))?.[1] ?? name;
    return make("li", { title: name }, link ? make("a", { href: link }, title) : title);
  });
  const hasDicom = film.files.some(({ name }) => /(^|\/)findings\.dcm$/.test(name));
  const why = film.is_dicom ? "No DICOM objects: run predict with --dicom to write them." : "No DICOM objects: the film is not DICOM.";
  const sent = film.files.some(({ link }) => !link) ? make("p", { className: "note" }, "These objects are stored in the PACS, not beside this page.") : null;
  return make("section", { className: "card", id: "files" }, make("h3", {}, "Files"), sent, items.length ? make("ul", { className: "files" }, ...items) : null,
    hasDicom ? null : make("p", { className: "note" }, why));
}

function makeRemarks(film) {
  const flags = film.flags.map((flag) => make("li", { className: "flag" }, flag));
  const missing = (film.missing ?? []).map((reason) => make("li", { className: "missing" }, `Missing: ${reason}`));
  if (film.novelty !== null) flags.unshift(make("li", { className: isNovel(film) ? "flag" : "plain" }, `Novelty ${percent(film.novelty)}`));
  if (film.size) flags.unshift(make("li", { className: "plain" }, `${film.size[1]} × ${film.size[0]} pixels${film.spacing_mm ? `, ${film.spacing_mm[0].toFixed(3)} mm` : ""}`));
  return make("ul", { className: "remarks" }, ...flags, ...missing);
}

function body(film) {
  if (!isUsed(film)) {
    const texts = [make("h3", {}, `Refused: ${film.status}`), make("p", {}, shortReason(film)), make("p", {}, make("strong", {}, "What to do: "), film.remedy)];
    return [make("section", { className: "card refusal" }, ...texts)];
  }
  const pictures = film.pictures ? makeStage(film) : make("p", { className: "missing" }, "The pictures of this film could not be made; the log says why.");
  const parts = make("div", { className: "columns" }, pictures, makeBars(film), film.pictures ? makeFiles(film) : null);
  return [makeRemarks(film), parts, film.pictures ? makeRegions(film) : null];
}

function showFilm(number) {
  const film = films[number];
  const place = state.shown.indexOf(film);
  Object.assign(state, { current: number });
  Object.assign(view, { zoom: 1, x: 0, y: 0 });
  const { file, folder } = nameParts(film);
  const title = make("h2", { tabIndex: -1, title: film.name }, file, make("span", { className: "folder" }, folder));
  const buttons = [["back", "List", "Back to the list", showList], ["previous", "‹", "Previous film", () => step(-1)], ["next", "›", "Next film", () => step(1)]].map(([id, text, ariaLabel, action]) => {
    const button = make("button", { type: "button", id, ariaLabel, title: ariaLabel }, text);
    button.addEventListener("click", action);
    return button;
  });
  const position = make("span", { className: "note" }, place < 0 ? "" : `${place + 1} of ${state.shown.length}`);
  const keys = make("details", { className: "about" }, make("summary", {}, "Keyboard and mouse"), make("p", {}, "← → previous and next film · + − 0 zoom · M map · B regions · I invert · R next way to show the regions · / search · Esc list. Drag moves a zoomed film; drag with Shift or the right button changes window and level; Ctrl and the wheel, or a double click, zoom."));
  find("#film").replaceChildren(make("div", { className: "film-head" }, make("div", { className: "steps" }, ...buttons, position), title), ...body(film).filter((part) => part !== null), keys);
  find("#film").hidden = false;
  document.body.dataset.view = "film";
  for (const one of document.querySelectorAll("#rows tr")) one.toggleAttribute("aria-current", Number(one.dataset.number) === number);
  find("#rows [aria-current]")?.scrollIntoView({ block: "nearest" });
  if (film.pictures) { applyLayers(film); applyZoom(); applyWindow(); }
  if (location.hash !== `#film-${number}`) history.pushState(null, "", `#film-${number}`);
  window.scrollTo(0, 0);
  title.focus({ preventScroll: true });
}

function showList() {
  document.body.dataset.view = "list";
  find("#film").hidden = true;
  if (location.hash) history.pushState(null, "", "#");
  const row = find(`#rows tr[data-number="${state.current}"] .open`);
  row?.focus();
}

function step(by) {
  const place = state.shown.findIndex((film) => film.number === state.current) + by;
  if (state.shown[place]) showFilm(state.shown[place].number);
}

/** Press a control as a click would, so that it and the picture stay in step. */
const press = (selector) => find(selector)?.click();

const KEYS = {
  ArrowRight: () => step(1), ArrowLeft: () => step(-1), Escape: showList, "+": () => press("#zoom-in"), "=": () => press("#zoom-in"),
  "-": () => press("#zoom-out"), 0: () => press("#zoom-fit"), b: () => press("#boxes"), i: () => press("#invert"),
  m: () => {
    const select = find("#map");
    if (!select) return;
    select.value = view.map ? "" : "map";
    select.dispatchEvent(new Event("change"));
  },
  r: () => {
    const place = MODES.findIndex((mode) => mode.key === regionView.mode);
    press(`.modes input[value=${MODES[(place + 1) % MODES.length].key}]`);
  },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    showList();
    find("#search").focus();
  } else if (document.body.dataset.view === "film" && KEYS[event.key.length > 1 ? event.key : event.key.toLowerCase()] && (!typing || event.key === "Escape")) {
    event.preventDefault();
    KEYS[event.key.length > 1 ? event.key : event.key.toLowerCase()]();
  }
});

find("#rows").addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (row && !getSelection().toString()) showFilm(Number(row.dataset.number));
});

function followAddress() {
  const number = /^#film-(\d+)$/.exec(location.hash)?.[1];
  if (number !== undefined && films[number]) showFilm(Number(number));
  else showList();
}

describeRun();
followFilters();
drawList();
window.addEventListener("popstate", followAddress);
if (location.hash) followAddress();
