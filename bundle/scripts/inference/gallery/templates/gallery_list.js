// The list: one row a film; search, filter, sort. Text is set as text, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const films = data.films.map((film, number) => ({ ...film, number }));
const ROWS = 500; // rows that are drawn at once
const NOVEL = data.novel_above;

const find = (selector, root = document) => root.querySelector(selector);
const percent = (value) => `${(100 * value).toFixed(value < 0.095 ? 1 : 0)} %`;
const isUsed = (film) => film.status === "ok";
const isOver = (film, label) => Boolean(film.decisions && film.decisions[label]);
const isNovel = (film) => film.novelty !== null && film.novelty > NOVEL;

/** Folder that all names have in common, with its separator; names below it are shown without it. */
const COMMON = (() => {
  let common = films.length ? films[0].name : "";
  for (const { name } of films) while (!name.startsWith(common)) common = common.slice(0, -1);
  return common.slice(0, Math.max(common.lastIndexOf("/"), common.lastIndexOf("\\")) + 1);
})();

/** Name of a film in two parts: the folder below the common one, and the file. */
function nameParts(film) {
  const own = film.name.slice(COMMON.length);
  const end = Math.max(own.lastIndexOf("/"), own.lastIndexOf("\\")) + 1;
  return { folder: own.slice(0, end), file: own.slice(end) };
}

/** Reason of a refusal without the name of the film, which stands beside it. */
function shortReason(film) {
  const text = film.reason.startsWith(`${film.name}: `) ? film.reason.slice(film.name.length + 2) : film.reason;
  return COMMON.length > 1 ? text.replaceAll(COMMON, "") : text;
}

/** Element with properties or attributes, and children; a child that is null is left out. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Numbers of the labels of a film: those over their threshold first, then by probability. */
function ranked(film) {
  const labels = data.labels.map((_, label) => label);
  return labels.sort((a, b) => isOver(film, b) - isOver(film, a) || film.probabilities[b] - film.probabilities[a]);
}

const positives = (film) => (isUsed(film) ? ranked(film).filter((label) => isOver(film, label)) : []);
const chosenLabel = () => (find("#label").value === "" ? null : Number(find("#label").value));
/** Label whose probability a row shows: the chosen one, or the leading one of the film. */
const shownLabel = (film) => (isUsed(film) ? (chosenLabel() ?? ranked(film)[0]) : null);

function decisionText(film) {
  if (!film.decisions) return "–";
  if (chosenLabel() === null) return `${positives(film).length} of ${data.labels.length} over`;
  return isOver(film, chosenLabel()) ? "● over" : "below";
}

function probabilityText(film) {
  const label = shownLabel(film);
  if (label === null) return "–";
  const value = percent(film.probabilities[label]);
  return chosenLabel() === null ? `${data.labels[label]} ${value}` : value;
}

function findingsCell(film) {
  if (!isUsed(film)) return make("span", { className: "refused reason" }, shortReason(film));
  if (!film.decisions) return make("span", { className: "note" }, "no thresholds: not calibrated");
  const found = positives(film);
  if (!found.length) return make("span", { className: "note" }, "none over a threshold");
  const more = found.length > 3 ? make("span", { className: "note" }, `+${found.length - 3} more`) : null;
  const unbroken = (label) => percent(film.probabilities[label]).replaceAll(" ", "\u00a0"); // a long name may take two lines
  const chips = found.slice(0, 3).map((label) => make("span", { className: "chip over" }, `● ${data.labels[label]} ${unbroken(label)}`));
  return make("span", { className: "chips" }, ...chips, more);
}

/** The columns: heading, class, content of a cell, and the value that sorts. */
const COLUMNS = [
  {
    key: "name", title: "Film", value: (film) => film.name,
    cell: (film) => make("span", {}, make("span", { className: "file" }, nameParts(film).file), make("span", { className: "folder" }, nameParts(film).folder)),
  },
  { key: "findings", title: "Findings", cell: findingsCell, value: (film) => positives(film).length },
  {
    key: "probability", title: "Probability", cell: probabilityText,
    value: (film) => (isUsed(film) ? film.probabilities[shownLabel(film)] : -1),
  },
  {
    key: "decision", title: "Decision", cell: decisionText,
    value: (film) => (chosenLabel() === null ? positives(film).length : Number(isOver(film, chosenLabel()))),
  },
  {
    key: "novelty", title: "Novelty", value: (film) => film.novelty ?? -1,
    cell: (film) => (film.novelty === null ? "–" : `${isNovel(film) ? "▲ " : ""}${percent(film.novelty)}`),
  },
  {
    key: "flags", title: "Flags", value: (film) => film.flags.length,
    cell: (film) => (film.flags.length ? make("span", {}, film.flags.join("; ")) : "–"),
  },
  {
    key: "status", title: "Status", value: (film) => film.status,
    cell: (film) => (isUsed(film) ? "used" : make("span", { className: "chip refused" }, `✕ ${film.status}`)),
  },
];

const state = { sort: "order", descending: false, shown: [], limit: ROWS, current: null };

function matches(film) {
  const words = [film.name, film.status, film.reason ?? "", ...film.flags, ...positives(film).map((label) => data.labels[label])];
  if (!words.join(" ").toLowerCase().includes(find("#search").value.trim().toLowerCase())) return false;
  const decision = find("#decision").value;
  if (decision) {
    if (!isUsed(film) || !film.decisions) return false;
    const over = chosenLabel() === null ? positives(film).length > 0 : isOver(film, chosenLabel());
    if (over !== (decision === "over")) return false;
  }
  const kind = find("#status").value;
  return {
    "": true, used: isUsed(film), refused: !isUsed(film), flags: film.flags.length > 0, novel: isNovel(film),
    missing: (film.missing ?? []).length > 0,
  }[kind];
}

function sorted(list) {
  const column = COLUMNS.find((one) => one.key === state.sort);
  const value = column ? column.value : (film) => film.order;
  const sign = state.descending ? -1 : 1;
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
  return [...list].sort((a, b) => sign * compare(value(a), value(b)) || a.number - b.number);
}

function row(film) {
  const picture = film.thumbnail
    ? make("img", { src: film.thumbnail, alt: "", loading: "lazy", decoding: "async", width: 56, height: 56 })
    : make("span", { className: "no-picture", ariaHidden: "true" }, isUsed(film) ? "–" : "✕");
  const cells = COLUMNS.map(({ key, title, cell }) => {
    const content = cell(film);
    const open = () => make("button", { type: "button", className: "open", title: film.name }, picture, content);
    const inner = key === "name" ? open() : content;
    const empty = ["–", "used"].includes(content) ? " empty" : "";
    return make(key === "name" ? "th" : "td", { className: key + empty, role: key === "name" ? "rowheader" : "cell", "data-title": title }, inner);
  });
  const element = make("tr", { role: "row", "data-number": film.number, className: isUsed(film) ? "" : "is-refused" }, ...cells);
  if (film.number === state.current) element.setAttribute("aria-current", "true");
  return element;
}

function heading({ key, title }) {
  const direction = state.sort !== key ? "none" : state.descending ? "descending" : "ascending";
  const arrow = { none: "", ascending: " ↑", descending: " ↓" }[direction];
  const button = make("button", { type: "button", "data-sort": key }, title + arrow);
  return make("th", { scope: "col", role: "columnheader", className: key, ariaSort: direction }, button);
}

function drawList() {
  state.shown = sorted(films.filter(matches));
  find("#columns").replaceChildren(...COLUMNS.map(heading));
  find("#rows").replaceChildren(...state.shown.slice(0, state.limit).map(row));
  find("#films").dataset.label = chosenLabel() ?? "";
  find("#more").hidden = state.shown.length <= state.limit;
  find("#sort").value = state.sort;
  const { descending } = state;
  Object.assign(find("#direction"), { textContent: descending ? "↓" : "↑", ariaPressed: String(descending) });
  find("#count").textContent = `${state.shown.length} of ${films.length} films`;
}

function sortBy(key, descending) {
  Object.assign(state, { sort: key, descending });
  drawList();
}

function describeRun() {
  const used = films.filter(isUsed);
  const found = used.filter((film) => positives(film).length).length;
  const parts = [`${films.length} ${films.length === 1 ? "film" : "films"}`, `${used.length} used`, `${films.length - used.length} refused`];
  if (data.thresholds) parts.push(`${found} with a finding over its threshold`);
  find("#summary").textContent = parts.join(" · ");
  const folder = COMMON.length > 1 ? [`Names are below ${COMMON}`] : [];
  const enhancer = data.enhancer ? `Enhancer: ${data.enhancer}.` : "Super-resolution was switched off.";
  const thresholds = data.thresholds
    ? `Probabilities are calibrated. A finding is marked (●) from its threshold on, chosen by the rule “${data.policy}”.`
    : "The model is not calibrated: probabilities are those of the network, and there are no thresholds.";
  const left = data.uncalibrated.length ? ` Not calibrated: ${data.uncalibrated.join(", ")}.` : "";
  const texts = [
    thresholds + left,
    "Novelty is the share of validation images that lie nearer to the training images than this film; from 99 % on (▲) the probabilities deserve little trust.",
    `Maps show where the network looked (method: ${data.attention}). Each is scaled to its own range, also that of a finding which is absent.`,
    `${enhancer} It sees the region at low resolution only, so fine detail in the enhanced picture is invented.`,
    `Pictures here are reduced and 8 bit; the films are not. Model ${data.model}, software version ${data.software}.`,
    ...folder,
  ];
  find("#about").append(...texts.map((text) => make("p", {}, text)));
  find("#label").append(make("option", { value: "" }, "leading"), ...data.labels.map((label, number) => make("option", { value: number }, label)));
}

function followFilters() {
  const redraw = () => { state.limit = ROWS; drawList(); };
  for (const id of ["#search", "#label", "#decision", "#status"]) find(id).addEventListener("input", redraw);
  find("#filters").addEventListener("submit", (event) => event.preventDefault());
  find("#filters").addEventListener("reset", () => setTimeout(() => sortBy("order", false)));
  find("#sort").addEventListener("change", (event) => sortBy(event.target.value, !["order", "name", "status"].includes(event.target.value)));
  find("#direction").addEventListener("click", () => sortBy(state.sort, !state.descending));
  find("#more").addEventListener("click", () => { state.limit += ROWS; drawList(); });
  find("#columns").addEventListener("click", (event) => {
    const key = event.target.dataset.sort;
    if (!key) return;
    sortBy(key, state.sort === key ? !state.descending : !["name", "status"].includes(key));
    find(`#columns [data-sort=${key}]`).focus();
  });
}
