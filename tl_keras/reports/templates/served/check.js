"use strict";
// The page of `tl-keras check --review`. Every text comes as JSON and is shown as text.

const MOST_IMAGES = 6, AT_ONCE = 200;  // images of a finding; findings of a kind
const at = (id) => document.getElementById(id);
let kinds = [], decisions = {}, fixes = 0;
let order = [];  // names of the findings on the page
let current = null;  // name of the finding that the keys mean
let waiting = Promise.resolve();  // answers are sent one after the other

function decide(names, decision) {
  waiting = waiting.then(async () => {
    try {
      take(await ask("decide", { names, decision }));
      trouble();
    } catch (error) {
      trouble(error.message);
    }
  });
  return waiting;
}

function take(state) {
  decisions = state.decisions;
  fixes = state.fixes;
  show();
}

function show() {
  const made = Object.values(decisions), accepted = made.filter((each) => each === "accept").length;
  const all = kinds.flatMap((kind) => kind.findings), open = all.filter((each) => each.fixable).length - made.length;
  at("counts").textContent = `${all.length} findings: ${accepted} accepted, ${made.length - accepted} rejected, `
    + `${open} open. ${fixes} rows in fixes.csv.`;
  for (const name of order) {
    const card = at(`finding-${name}`), decision = decisions[name] || "";
    card.dataset.decision = decision;
    card.classList.toggle("current", name === current);
    for (const button of card.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.decision === decision));
    }
  }
}

function card(finding) {
  const images = finding.rows.slice(0, MOST_IMAGES).map((row) => element("img", {
    src: `thumbnail/${row}`, loading: "lazy", alt: "", onclick: () => window.open(`image/${row}`),
  }));
  const more = finding.paths.length - MOST_IMAGES;
  const paths = finding.paths.slice(0, MOST_IMAGES).concat(more > 0 ? [`and ${more} more`] : []);
  const buttons = ["accept", "reject"].map((decision) => {
    const button = element("button", { textContent: decision === "accept" ? "Accept" : "Reject" });
    button.dataset.decision = decision;
    button.onclick = () => {
      current = finding.name;
      decide([finding.name], decisions[finding.name] === decision ? null : decision);
    };
    return button;
  });
  const made = element("li", { id: `finding-${finding.name}` },
    element("div", { className: "row" }, ...images),
    element("div", {}, element("b", { textContent: `${finding.name} ` }), finding.reason),
    element("div", { className: "soft", textContent: finding.proposal }),
    ...paths.map((path) => element("div", { className: "path", textContent: path })),
    element("div", { className: "buttons" }, ...(finding.fixable ? buttons : [])));
  made.onclick = () => { current = finding.name; show(); };
  return made;
}

function section(kind) {
  const fixable = kind.findings.filter((each) => each.fixable).map((each) => each.name);
  const all = (decision, words) => element("button", { textContent: words, onclick: () => decide(fixable, decision) });
  const list = element("ol", { className: "mistakes pairs" });
  let shown = 0;
  const more = element("button", { textContent: "Show more" });
  more.onclick = () => {
    const next = kind.findings.slice(shown, shown + AT_ONCE);
    shown += next.length;
    list.append(...next.map(card));
    more.hidden = shown >= kind.findings.length;
    order = [...document.querySelectorAll("#findings li")].map((each) => each.id.slice(8));
  };
  const made = element("section", { id: kind.kind },
    element("h2", { textContent: `${kind.title} (${kind.findings.length})` }),
    element("p", { textContent: kind.meaning }),
    element("p", { className: "buttons" }, ...(fixable.length > 1
      ? [all("accept", "Accept all"), all("reject", "Reject all"), all(null, "Take all back")] : [])),
    list, element("p", {}, more));
  return [made, more];
}

function move(step) {
  const place = order.indexOf(current);
  current = order[Math.min(Math.max(place < 0 ? 0 : place + step, 0), order.length - 1)];
  show();
  at(`finding-${current}`).scrollIntoView({ block: "center" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !order.length) return;
  const answers = { a: "accept", r: "reject", u: null }, key = event.key.toLowerCase();
  if (key === "arrowright" || key === "arrowdown") move(1);
  else if (key === "arrowleft" || key === "arrowup") move(-1);
  else if (key in answers && current !== null) {
    const name = current, fixable = at(`finding-${name}`).querySelector("button");
    if (fixable) decide([name], answers[key]);
    if (key !== "u") move(1);
  } else return;
  event.preventDefault();
});

async function start() {
  try {
    const content = await ask("findings", {});
    kinds = content.kinds;
    for (const kind of kinds) {
      at("kinds").append(element("a", { href: `#${kind.kind}`, textContent: `${kind.title} (${kind.findings.length})` }));
      const [made, more] = section(kind);
      at("findings").append(made);
      more.click();
    }
    current = order.length ? order[0] : null;
    take(content);
  } catch (error) {
    trouble(error.message);
  }
}

start();
