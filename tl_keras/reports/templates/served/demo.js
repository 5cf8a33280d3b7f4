"use strict";
// The page of `tl-keras demo`. Every text comes as JSON and is shown as text.

const LARGEST = 32 * 2 ** 20;  // bytes of an image
const at = (id) => document.getElementById(id);
const percent = (part) => `${(100 * part).toFixed(1)} %`;
const WHY = {
  novel: "It resembles none of the training images, so it is left to a person.",
  unsure: "The model is not sure enough to answer, so it is left to a person.",
};
let sent = null;  // the image as it was sent: its name and content
let looking = 0;  // number of the latest request; earlier ones are dropped
let camera = null;

/** Sends an image file to the command and shows what comes back. */
async function send(file) {
  if (!file) return;
  trouble();
  if (file.size > LARGEST) {
    trouble(`Expected an image of at most ${LARGEST / 2 ** 20} MB; received ${Math.ceil(file.size / 2 ** 20)} MB. Make it smaller.`);
    return;
  }
  sent = { name: file.name || "photograph", image: await encoded(file) };
  await look();
}

/** Returns the content of a file as base64. */
function encoded(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
}

/** Asks about the image, and for the heatmap of a class or else of the most probable one. */
async function look(number = null) {
  const mine = ++looking;
  at("working").hidden = false;
  try {
    const found = await ask("look", { ...sent, class: number });
    if (mine === looking) show(found);
  } catch (error) {
    if (mine !== looking) return;
    at("found").hidden = number === null;
    trouble(error.message);
  } finally {
    if (mine === looking) at("working").hidden = true;
  }
}

function show(found) {
  trouble();
  const best = found.classes[0];
  at("answer").textContent = found.why ? (found.answer || "not answered") : best.name;
  at("words").textContent = found.why
    ? `${WHY[found.why]} The most probable class is ${best.name}, at ${percent(best.probability)}.`
    : `Probability ${percent(best.probability)}`;
  at("image").src = found.image;
  at("name").textContent = found.name;
  at("heatmap").hidden = at("choose").hidden = !found.heatmap;
  if (found.heatmap) at("heat").src = found.heatmap;
  const shown = found.classes.find((each) => each.number === found.shown);
  at("what").textContent = `Red marks what speaks for ${shown.name}.`;
  at("classes").replaceChildren(...found.classes.map((each) => row(each, each.number === found.shown, found.heatmap)));
  at("others").textContent = found.others ? `${found.others} other classes are less probable.` : "";
  at("nearest").hidden = !found.near.length;
  at("near").replaceChildren(...found.near.map(neighbour));
  at("found").hidden = false;
}

function row(each, pressed, explained) {
  const button = element("button", { type: "button", disabled: !explained, onclick: () => look(each.number) },
    element("span", { dir: "auto" }, each.name),
    element("progress", { max: 1, value: each.probability }),
    element("span", { className: "percent" }, percent(each.probability)));
  button.setAttribute("aria-pressed", pressed);
  return element("li", {}, button);
}

function neighbour(each) {
  const image = element("img", { src: `thumbnail/${each.row}`, alt: "", title: each.name });
  return element("li", {}, image, element("div", {}, element("b", { dir: "auto" }, each.label)),
    element("div", {}, `similarity ${each.similarity.toFixed(2)}`), element("div", { className: "path" }, each.name));
}

async function openCamera() {
  trouble();
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    trouble(`The camera cannot be used: ${error.message}. Choose a file instead.`);
    return;
  }
  at("video").srcObject = camera;
  at("live").hidden = false;
}

function closeCamera() {
  if (camera) camera.getTracks().forEach((track) => track.stop());
  camera = at("video").srcObject = null;
  at("live").hidden = true;
}

function photograph() {
  const video = at("video");
  const canvas = element("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  closeCamera();
  canvas.toBlob(send, "image/png");
}

at("file").addEventListener("change", () => { send(at("file").files[0]); at("file").value = ""; });
at("camera").addEventListener("click", openCamera);
at("take").addEventListener("click", photograph);
at("stop").addEventListener("click", closeCamera);
document.addEventListener("paste", (event) => send(event.clipboardData.files[0]));
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") send(event.dataTransfer.files[0]);
  });
}
document.addEventListener("dragleave", () => at("drop").classList.remove("over"));
