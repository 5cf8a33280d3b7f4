"use strict";
// For all pages that the command itself serves: requests, and elements made of text.

/** Sends JSON to a path of this site, or only asks for it; returns the JSON of the answer. */
async function ask(path, content) {
  const options = content === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
  };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The command that serves this page has ended. Start it again and open the address that it prints.");
  }
  const found = await answer.json().catch(() => ({ error: "This address is out of date. Open the one that the command printed last." }));
  if (!answer.ok) throw new Error(found.error);
  return found;
}

/** Shows a message at the top of the page; none hides it. */
function trouble(message) {
  const box = document.getElementById("trouble");
  box.textContent = message || "";
  box.hidden = !message;
}

/** Makes an element of properties and of children; a text stays a text, whatever it holds. */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
