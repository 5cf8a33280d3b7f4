"use strict";
// The page of `tl-keras label`. Every text comes as JSON and is shown as text.

const NONE = "none of these", KEYS = 9, SURE = 0.9;  // a guess above it is selected beforehand
const client = sessionStorage.client || (sessionStorage.client = crypto.randomUUID());
const at = (id) => document.getElementById(id);
const percent = (part) => `${Math.round(100 * part)} %`;
let state = null;  // as the command sent it last
let view = { kind: "one", value: null };
let shown = [];  // images of the grid
let total = 0;  // images that the grid could show
let groups = [];  // names of groups and their parts, and images without a label in each
let selected = new Set(), lastClicked = null;
let ready = false;  // whether the image is before the eyes, so that a key means it
let busy = false;
const fetched = new Map();  // images that come next, by row

/** Sends an action and shows the state that comes back; returns whether it went well. */
async function act(action, content = {}) {
  if (busy) return false;
  busy = true;
  try {
    state = await ask(action, { client, ...content });
    trouble();
    showState();
    return true;
  } catch (error) {
    trouble(error.message);
    return false;
  } finally {
    busy = false;
  }
}

const targets = () => (view.kind === "one" ? (state.current && ready ? [state.current.row] : []) : [...selected]);

async function give(label) {
  const rows = targets();
  if (!rows.length) return;
  if (!(await act("answer", { rows, label })) || view.kind === "one") return;
  await showGrid();
  if (view.kind === "group" && !total && state.labelled < state.images) await setView("group");  // the next one
}

async function confirmGuess() {
  if (view.kind === "guess") return give(view.value);
  const guess = view.kind === "one" && state.current && state.current.guess;
  if (guess) await give(guess.name);
}

async function undo() {
  if (state.undo && (await act("undo")) && view.kind !== "one") await showGrid();
}

/** Gives a class of the list, and empties the box in which it was looked for. */
async function giveListed(name) {
  at("typed").value = "";
  at("typed").blur();
  showClasses();
  await give(name);
}

/** Gives the first class that is listed for what was typed, or adds one if there is none. */
async function giveTyped() {
  const typed = at("typed").value.trim(), match = matching(typed)[0];
  if (typed) await (match === undefined ? addTyped() : giveListed(match));
}

/** Adds what was typed as a class and gives it. */
async function addTyped() {
  const name = at("typed").value.trim();
  if (name && (await act("add_class", { name }))) await giveListed(name);
}

function matching(typed) {
  const names = state.classes.map((each) => each.name), low = typed.toLowerCase();
  if (names.includes(typed)) return [typed];
  return [...names.filter((name) => name.toLowerCase().startsWith(low)),
    ...names.filter((name) => name.toLowerCase().indexOf(low) > 0)];
}

function showState() {
  at("progress").max = Math.max(state.images, 1);
  at("progress").value = state.labelled;
  at("counts").textContent = `${state.labelled.toLocaleString("en")} of ${state.images.toLocaleString("en")} labelled`;
  at("notes").hidden = !state.notes.length;
  at("notes").textContent = state.notes.join(" ");
  at("none-count").textContent = state.none || "";
  at("undo").disabled = !state.undo;
  showClasses();
  showCurrent();
  showRecent();
  showEnough();
}

function showClasses() {
  const typed = at("typed").value.trim();
  const names = typed ? matching(typed) : state.classes.map((each) => each.name);
  const guess = view.kind === "one" && state.current && state.current.guess;
  const items = names.map((name, index) => {
    const place = state.classes.findIndex((each) => each.name === name);
    const key = typed ? (index ? "" : "Enter") : (place < KEYS ? String(place + 1) : "");
    const choice = element("button", { className: "choice", title: name, onclick: () => giveListed(name) },
      ...(key ? [element("kbd", {}, key)] : []),
      element("span", { className: "name" }, name),
      element("span", { className: "count" }, String(state.classes[place].count)));
    choice.classList.toggle("guessed", Boolean(guess) && guess.name === name);
    const rename = element("button", { className: "rename", title: "Rename, or join with another class", onclick: () => renameClass(name) }, "✎");
    return element("li", {}, choice, rename);
  });
  if (typed && !names.includes(typed)) {
    items.push(element("li", {}, element("button", { className: "choice", onclick: addTyped },
      element("kbd", {}, names.length ? "Shift Enter" : "Enter"), element("span", { className: "name" }, `Add “${typed}”`))));
  }
  at("classes").replaceChildren(...items);
  at("hint").textContent = state.classes.length ? "" : "Type the first class, such as cat, and press Enter.";
}

async function renameClass(old) {
  const name = prompt(`New name of the class “${old}”. The name of another class joins the two.`, old);
  if (name && name.trim() !== old && (await act("rename_class", { old, name: name.trim() }))) {
    if (view.value === old) view.value = name.trim();
    showWhich();
    if (view.kind !== "one") await showGrid();
  }
}

function showCurrent() {
  const current = state.current, image = at("image");
  at("done").hidden = Boolean(current);
  image.parentElement.hidden = !current;
  at("name").textContent = current ? current.name : "";
  at("guess").replaceChildren();
  if (!current) return;
  showGuess(current);
  if (image.dataset.row !== String(current.row)) {
    ready = false;
    image.dataset.row = current.row;
    image.alt = current.name;
    image.className = "loading";
    const source = `image/${current.row}`, early = fetched.get(current.row);
    image.src = early && early.complete && early.naturalWidth ? early.src : source;
  }
  const rows = new Set(state.ahead);
  for (const row of fetched.keys()) if (!rows.has(row) && row !== current.row) fetched.delete(row);
  for (const row of state.ahead) if (!fetched.has(row)) fetched.set(row, fetchEarly(row));
}

/** Fetches an image that may come next, into an address of this page. */
function fetchEarly(row) {
  const image = new Image();
  fetch(`image/${row}`).then((answer) => (answer.ok ? answer.blob() : null)).then((blob) => {
    if (blob) image.src = URL.createObjectURL(blob);
  }).catch(() => {});
  return image;
}

function showGuess(current) {
  const box = at("guess");
  if (current.label) {
    box.append(element("span", {}, "Labelled ", element("b", {}, current.label), ". Another class replaces it."));
  } else if (current.guess) {
    box.append(element("button", { className: "first", onclick: confirmGuess }, "Yes ", element("kbd", {}, "Enter")),
      element("span", { title: current.guess.name }, `${percent(current.guess.probability)} `, element("b", {}, current.guess.name), "?"));
  } else {
    box.append(element("span", { className: "soft" }, "Guesses come once two classes have a label."));
  }
}

function thumbnail(image, text, action) {
  const button = element("button", { title: image.name || text, onclick: action },
    element("img", { src: `thumbnail/${image.row}`, alt: image.name || text, loading: "lazy" }), element("span", {}, text));
  button.dataset.row = image.row;
  return button;
}

function showRecent() {
  at("recent").replaceChildren(...state.recent.map((each) =>
    thumbnail(each, each.label, () => act("show", { rows: [each.row] }))));
}

async function setView(kind, value = null) {
  if (kind === "similar" && value === null) value = state.current && state.current.row;
  if (kind === "similar" && value === null) kind = "rest";
  if (kind === "guess" || kind === "class") value = value ?? firstClass(kind);
  view = { kind, value };
  for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", button.dataset.view === kind);
  at("one").hidden = kind !== "one";
  at("many").hidden = kind === "one";
  at("skip").disabled = kind !== "one";
  showWhich();
  showClasses();
  if (kind !== "one") await showGrid();
}

function firstClass(kind) {
  const guess = state.current && state.current.guess;
  return (kind === "guess" && guess && guess.name) || (state.classes[0] || { name: NONE }).name;
}

function showWhich() {
  const box = at("which"), names = state.classes.map((each) => ({ name: each.name, text: each.name }));
  if (view.kind === "class") names.push({ name: NONE, text: NONE });
  const listed = view.kind !== "group" ? names : groups.map(({ name, left }) => (
    { name, text: `${name.includes(".") ? "\u2003part" : "group"} ${name}: ${left} without a label` }));
  box.hidden = !["guess", "class", "group"].includes(view.kind);
  box.querySelector("select").replaceChildren(...listed.map(({ name, text }) =>
    element("option", { value: name, selected: name === view.value }, text)));
}

/** Fetches images of the view from the first, or further ones. */
async function showGrid(start = 0) {
  const asked = view;
  try {
    const found = await ask("grid", { client, ...asked, start });
    if (asked !== view) return;
    shown = start ? [...shown, ...found.images] : found.images;
    total = found.total;
    if (found.groups) {
      groups = found.groups;
      view.value = found.value;
      showWhich();
    }
  } catch (error) {
    trouble(error.message);
    return;
  }
  if (!start) {
    const sure = { guess: (each) => each.guess.probability >= SURE, group: () => true }[view.kind] || (() => false);
    selected = new Set(shown.filter(sure).map((each) => each.row));
    lastClicked = null;
    at("grid").scrollTop = 0;
  }
  at("grid").replaceChildren(...shown.map((image) => thumbnail(image, gridText(image), (event) => select(image.row, event))));
  at("more").hidden = shown.length >= total;
  showSelected();
}

const gridText = (image) => image.label || (image.guess ? `${percent(image.guess.probability)} ${image.guess.name}` : image.name);

function select(row, event) {
  const rows = shown.map((each) => each.row), on = !selected.has(row);
  let [from, to] = [rows.indexOf(row), rows.indexOf(event.shiftKey && lastClicked !== null ? lastClicked : row)];
  if (from > to) [from, to] = [to, from];
  for (const each of rows.slice(from, to + 1)) on ? selected.add(each) : selected.delete(each);
  lastClicked = row;
  showSelected();
}

function selectAll() {
  selected = new Set(selected.size === shown.length ? [] : shown.map((each) => each.row));
  showSelected();
}

function showSelected() {
  for (const button of at("grid").children) button.setAttribute("aria-pressed", selected.has(Number(button.dataset.row)));
  const confirm = view.kind === "guess" && selected.size ? `, Enter says that they are “${view.value}”` : "";
  const how = view.kind === "group" ? "Click what does not belong together (Shift for a range, A for all)" : "Click to select, Shift for a range, A for all";
  at("summary").textContent = total
    ? `${selected.size} selected of ${shown.length} shown (${total} in all). ${how}; a class then labels them${confirm}.`
    : "There are none.";
}

/** Shows what more labels would bring: a sentence, and the expected accuracy by the number of labels. */
function showEnough() {
  const enough = state.enough;
  at("enough").hidden = !enough;
  if (!enough) return;
  at("enough").querySelector("p").textContent = enough.sentence;
  at("enough").querySelector("div").replaceChildren(...(enough.curve && enough.curve.length > 1 ? [curveOf(enough.curve)] : []));
}

function curveOf(points) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const most = Math.max(...points.map((each) => each.labels)), least = Math.min(...points.map((each) => each.labels));
  const x = (labels) => 4 + (292 * (labels - least)) / Math.max(most - least, 1), y = (accuracy) => 76 - 72 * accuracy;
  svg.setAttribute("viewBox", "0 0 300 94");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `accuracy ${percent(points.at(-1).accuracy)} expected with ${most} labels`);
  const add = (name, attributes) => {
    const made = document.createElementNS(svg.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    svg.append(made);
    return made;
  };
  const words = (text, left, top) => {
    add("text", { x: left, y: top, "text-anchor": "middle", "font-size": 11, fill: "#5b6472" }).textContent = text;
  };
  add("path", { d: "M4 4V76H296", fill: "none", stroke: "#dfe3e8" });
  const line = (some, dashes) => add("polyline", { points: some.map((each) => `${x(each.labels)},${y(each.accuracy)}`).join(" "),
    fill: "none", stroke: "#0072b2", "stroke-width": 2, "stroke-dasharray": dashes });
  line(points.slice(0, -1), "none");
  line(points.slice(-2), "4 3");  // what is only expected
  for (const each of points) {
    const at = { x: Math.min(Math.max(x(each.labels), 14), 282), y: Math.max(y(each.accuracy) - 6, 10) };
    add("circle", { cx: x(each.labels), cy: y(each.accuracy), r: 2.5, fill: "#0072b2" });
    if (each === points.at(-1) || each === points.at(-2)) words(percent(each.accuracy), at.x, at.y);
    if (each === points.at(-1) || each === points[0]) words(String(each.labels), at.x, 90);
  }
  return svg;
}

function onKey(event) {
  if (!state || event.repeat || event.altKey || event.metaKey) return;
  if (event.ctrlKey) {
    if (event.key === "z" && event.target.tagName !== "INPUT") { event.preventDefault(); undo(); }
    return;
  }
  if (["INPUT", "SELECT"].includes(event.target.tagName)) {
    if (event.key === "Escape") event.target.blur();
    if (event.key === "Enter" && event.shiftKey && event.target.id === "typed") { event.preventDefault(); addTyped(); }
    return;
  }
  const keys = {
    "0": () => give(NONE), Enter: confirmGuess, s: skip, u: undo, Escape: () => setView("one"), m: () => setView("similar"),
    g: () => setView("guess"), c: () => setView("group"), l: () => setView("class"), a: selectAll, "/": () => at("typed").focus(), n: () => at("typed").focus(),
  };
  const number = Number(event.key), name = number >= 1 && number <= KEYS && state.classes[number - 1];
  const action = name ? () => give(name.name) : keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  const pressed = document.activeElement;
  if (!action || (event.key === "Enter" && pressed.tagName === "BUTTON")) return;
  event.preventDefault();
  action();
}

const skip = () => view.kind === "one" && state.current && act("skip", { rows: [state.current.row] });

at("image").onload = () => { ready = true; at("image").className = ""; };
at("image").onerror = () => trouble(`This image can no longer be read: ${state.current.name}. Skip it with S.`);
at("find").onsubmit = (event) => { event.preventDefault(); giveTyped(); };
at("typed").oninput = showClasses;
at("none").onclick = () => give(NONE);
at("skip").onclick = skip;
at("undo").onclick = undo;
at("more").onclick = () => showGrid(shown.length);
at("which").onchange = (event) => setView(view.kind, event.target.value);
for (const button of document.querySelectorAll("[data-view]")) button.onclick = () => setView(button.dataset.view);
// A button that was clicked must not be pressed again by Enter, which confirms a guess.
document.addEventListener("click", (event) => event.detail && document.activeElement.tagName === "BUTTON" && document.activeElement.blur());
document.addEventListener("keydown", onKey);
act("state").then((well) => { if (well) { setView("one"); if (!state.classes.length) at("typed").focus(); } });
