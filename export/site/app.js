// What is shown follows from `state`, and the address repeats it, so that a link gives the same image.

import { filler } from "./filler.js";
import { fitting, inWords, showLabels } from "./labels.js";
import { between, parseSeed } from "./latents.js";
import { painter } from "./painter.js";
import { ask, during, forget, inputOf } from "./runtime.js";
import { asked, fittingTexts, quoted, showTexts } from "./texts.js";
import { translator } from "./translator.js";
import { gallery, make, paint, plane, sizeOf, sliders, TILES } from "./views.js";

const SAMPLES = 16;
const PART = 4; // images in one request, so that a move has not long to wait
const FRAMES = 9; // of the way to the other seed
const USUAL = { temperature: 1, truncation: 3 }; // options that an artifact may take, each by a slider
const OPTIONS = Object.keys(USUAL);
const WRITING = 200; // ms after which who writes has paused, and all samples are drawn
const PAUSE = 50; // ms that a line of a growing image stays, so that one sees it

const $ = (id) => document.getElementById(id);
const list = (length, at) => Array.from({ length }, (_, i) => at(i));

let artifacts = [];
let artifact; // the chosen one
let views = {}; // its samples, path, sliders and plane
let codes = []; // latents of the samples, or their images where there is no latent
let frames = []; // latents on the way to the other seed
let writings = 0; // how often a text's image was asked for
let growths = 0; // how often an image began to grow, or was stopped
// labels: one class, or a number for each attribute. moved: a latent that is no sample's, or null.
// text, box: what is asked of a model of captions.
const state = { seed: 0n, other: 1n, sample: 0, labels: [], moved: null, text: "", box: "", ...USUAL };

// Messages.

/** Runs a part of the page; its error is one line on the page, which lives on. */
async function act(part) {
  $("error").textContent = "";
  try {
    await part();
  } catch (error) {
    $("error").textContent = error.message;
  }
}

let telling; // a timer

const translation = translator({ act, told: tell, remember, labels: () => state.labels });

/** The line below the picture; late, so that a moving slider is not read out at every step. */
function tell(what, ms) {
  clearTimeout(telling);
  const image = what + quoted(artifact, state) + inWords(artifact, state.labels);
  $("picture").setAttribute("aria-label", image);
  const line = `${image}, ${artifact.translators ? "made" : "drawn"} in ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  telling = setTimeout(() => ($("status").textContent = line), 100);
}

// Inference.

const input = (name) => inputOf(artifact, name);
const labelsOf = (n) => list(n, () => state.labels).flat();

/** The rows of an output: n typed arrays. */
function rows(data, n) {
  const size = data.length / n;
  return list(n, (i) => data.slice(i * size, (i + 1) * size));
}

async function latents(slot, seed, n) {
  const { outputs } = await ask(slot, artifact, "latents", { seed, n, truncation: state.truncation });
  return rows(outputs.latents, n);
}

async function decode(slot, zs) {
  const z = zs.flatMap((one) => [...one]);
  const { outputs, ms } = await ask(slot, artifact, artifact.decoder, { z, labels: labelsOf(zs.length) });
  return { images: rows(outputs[artifact.decoder], zs.length), ms };
}

const filling = filler({ act, latents, labelsOf });
const painting = painter({ act, decode, labelsOf, keep: moveTo });

/** Decodes latents in parts and paints each image as it comes. */
async function fill(slot, zs, draw) {
  for (let start = 0; start < zs.length; start += PART) {
    const { images } = await decode(slot, zs.slice(start, start + PART));
    images.forEach((image, i) => draw(image, start + i));
  }
}

// Drawing.

/** Everything that follows from the seed and the labels. */
async function drawSeed() {
  stopGrowing();
  remember();
  if (artifact.translators) return translation.draw(state.seed);
  if (!artifact.decoder) return drawWithoutLatent();
  codes = await latents("picture", state.seed, SAMPLES);
  const samples = () => fill("samples", codes, (image, i) => paint(views.samples.canvases[i], image, artifact));
  await Promise.all([drawPicture(), samples(), drawPath()]);
}

/** The large image, and all that shows its latent. */
async function drawPicture() {
  remember();
  const z = state.moved ?? codes[state.sample];
  if (!z) return; // the artifact did not run
  views.sliders.show(z);
  views.plane?.show(z);
  views.samples.select(state.moved ? -1 : state.sample);
  views.path.select(frames.indexOf(z));
  const { images, ms } = await decode("picture", [z]);
  paint($("picture"), images[0], artifact);
  filling.show(images[0], (state.seed + 1n) % 2n ** 63n); // its own latent would be the answer
  painting.show(images[0], z);
  tell(state.moved ? "Image of the chosen latent" : `Image ${state.sample + 1} of seed ${state.seed}`, ms);
}

async function drawWithoutLatent() {
  const { sampler } = artifact;
  const { seed, temperature, sample } = state;
  const given = asked(artifact, state);
  const values = (n) => ({ seed, n, temperature, labels: labelsOf(n), ...given });
  if (given.captions && !sample) {
    // Whoever writes waits for one image, not for all.
    const mine = ++writings;
    const { outputs, ms } = await ask("picture", artifact, sampler, values(1));
    paint($("picture"), outputs[sampler], artifact);
    tell(`Image 1 of seed ${seed}`, ms);
    await during(() => new Promise((resolve) => setTimeout(resolve, WRITING)));
    if (mine !== writings) return;
  }
  const { outputs, ms } = await ask(given.captions ? "samples" : "picture", artifact, sampler, values(SAMPLES));
  codes = rows(outputs[sampler], SAMPLES);
  codes.forEach((image, i) => paint(views.samples.canvases[i], image, artifact));
  showSample();
  if (!given.captions) tell(`${SAMPLES} images of seed ${seed}`, ms);
}

function showSample() {
  stopGrowing();
  remember();
  views.samples.select(state.sample);
  paint($("picture"), codes[state.sample], artifact);
  $("picture").setAttribute("aria-label", `Image ${state.sample + 1} of seed ${state.seed}`);
}

async function drawPath() {
  if (!codes.length) return;
  const [to] = await latents("path", state.other, 1);
  const at = (i) => between(input("z").values, codes[state.sample], to, i / (FRAMES - 1));
  frames = list(FRAMES, at);
  await fill("path", frames, (image, i) => paint(views.path.canvases[i], image, artifact));
}

async function drawPlane() {
  if (!views.plane) return;
  const [height, width] = sizeOf(artifact);
  const place = (i) => [Math.floor(i / TILES), i % TILES]; // row, column
  const zs = list(TILES ** 2, (i) => views.plane.tile(...place(i)));
  await fill("plane", zs, (image, i) => {
    const [row, column] = place(i);
    paint($("plane"), image, artifact, column * width, row * height);
  });
}

/** The first sample of the seed, line by line. */
async function grow() {
  const zeros = (name) => new Float32Array(input(name).shape.reduce((a, b) => a * b, 1));
  let [image, ring, total] = [zeros("image"), zeros("ring"), 0];
  const lines = input("line").values.high + 1;
  const { seed, temperature } = state;
  state.sample = 0;
  showSample();
  const mine = ++growths;
  $("stop").disabled = false;
  for (let line = 0; line < lines; line++) {
    const { outputs, ms } = await ask("picture", artifact, "grow", { seed, line, image, ring, temperature });
    ({ next_image: image, next_ring: ring } = outputs);
    total += ms;
    paint($("picture"), outputs.next_image, artifact);
    Object.assign($("lines"), { max: lines, value: line + 1 });
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (mine !== growths) return;
  }
  stopGrowing();
  tell(`Image 1 of seed ${seed} in ${lines} lines`, total);
}

function stopGrowing() {
  growths++;
  forget("picture");
  $("stop").disabled = true;
}

// What the user chooses.

function moveTo(z) {
  state.moved = z;
  return act(drawPicture);
}

function chooseSample(i) {
  Object.assign(state, { sample: i, moved: null });
  return act(() => (artifact.decoder ? Promise.all([drawPicture(), drawPath()]) : showSample()));
}

function chooseTexts(given) {
  Object.assign(state, given);
  for (const name of Object.keys(given)) $(name).setAttribute("aria-invalid", true);
  return act(() => {
    asked(artifact, state);
    for (const name of Object.keys(given)) $(name).removeAttribute("aria-invalid");
    state.sample = 0;
    return drawSeed();
  });
}

function chooseLabels(labels) {
  state.labels = labels;
  return act(() => Promise.all([drawSeed(), drawPlane()]));
}

/** Takes what a seed's field says as state[name], if it is a seed. */
function seedFrom(field, name) {
  field.setAttribute("aria-invalid", true);
  state[name] = parseSeed(field.value);
  field.removeAttribute("aria-invalid");
}

function chooseSeed() {
  return act(() => {
    seedFrom($("seed"), "seed");
    Object.assign(state, { sample: 0, moved: null });
    return drawSeed();
  });
}

/** Shows an option's value, and the values of an artifact's slider if they are given. */
function showOption(option, values) {
  if (values) Object.assign($(option), { min: values.low, max: values.high, valueAsNumber: state[option] });
  $(`${option}-value`).value = state[option].toFixed(2);
}

/** Shows an artifact's own fields and views; nothing is drawn yet. */
function choose(one, signature) {
  forget();
  $("status").textContent = "";
  artifact = one;
  [codes, frames] = [[], []];
  const { name, model, data, decoder, image_shape: shape, signatures } = one;
  $("artifact").value = name;
  const size = input("z")?.shape[1];
  const about = [model, data, !one.translators && shape.slice(0, -1).join("×"), size && `latent of ${size}`];
  $("about").textContent = about.filter(Boolean).join(" · ");
  if (!one.translators) {
    const [height, width] = sizeOf(one);
    Object.assign($("picture"), { width, height });
  }
  $("picture").setAttribute("aria-label", "No image yet");
  state.labels = fitting(one, state.labels);
  showLabels(one, state.labels, chooseLabels);
  Object.assign(state, fittingTexts(one, state));
  showTexts(one, state, chooseTexts);
  translation.choose(one, signature);
  filling.choose(one);
  painting.choose(one);
  $("samples-view").hidden = Boolean(one.translators);
  $("seed-field").hidden = !input("seed");
  for (const option of OPTIONS) {
    $(`${option}-field`).hidden = !input(option);
    if (input(option)) showOption(option, input(option).values);
  }
  views = {};
  if (!one.translators) views.samples = gallery($("samples"), one, list(SAMPLES, (i) => `Sample ${i + 1}`), chooseSample);
  if (decoder) {
    const values = input("z").values;
    views.path = gallery($("path"), one, list(FRAMES, (i) => `Step ${i + 1}`), (i) => moveTo(frames[i]));
    views.sliders = sliders($("latent"), size, values, (from, numbers) =>
      moveTo((state.moved ?? codes[state.sample]).map((old, j) => numbers[j - from] ?? old)),
    );
    if (size === 2 && values.distribution !== "parts") views.plane = plane($("plane"), $("here"), one, values, moveTo);
  }
  $("growth").hidden = !signatures.grow;
  $("latent-view").hidden = $("path-view").hidden = !decoder;
  $("plane-view").hidden = !views.plane;
}

/** Draws what an artifact that was chosen shows first. */
function begin() {
  if (!artifact.translators) return act(() => Promise.all([drawSeed(), drawPlane()]));
  remember();
  return translation.begin(state.seed);
}

// The address.

function remember() {
  const { seed, labels, sample, moved } = state;
  const said = new URLSearchParams({ artifact: artifact.name, seed });
  if (labels.length) said.set("class", labels);
  if (input("captions")) said.set("text", state.text);
  if (input("places")) said.set("box", state.box.replaceAll(" ", ""));
  if (sample) said.set("sample", sample);
  for (const option of OPTIONS) if (input(option)) said.set(option, state[option]);
  const [first] = artifact.translators ?? [];
  if (first && translation.chosen() !== first) said.set("direction", translation.chosen());
  if (moved) said.set("z", Array.from(moved, (value) => +value.toPrecision(7)));
  history.replaceState(null, "", `#${said}`.replaceAll("%2C", ","));
}

/** Draws what the address says; a part of it that cannot be is said and left away. */
async function recall() {
  const said = new URLSearchParams(location.hash.slice(1));
  const numbers = (name) => said.get(name)?.split(",").map(Number) ?? [];
  const [sample = 0] = numbers("sample");
  state.sample = Math.min(Math.max(Math.trunc(sample) || 0, 0), SAMPLES - 1);
  state.labels = numbers("class");
  Object.assign(state, { text: said.get("text") ?? "", box: said.get("box") ?? "" });
  for (const option of OPTIONS) {
    const [value] = numbers(option);
    state[option] = Number.isFinite(value) ? value : USUAL[option];
  }
  const known = artifacts.find(({ name }) => name === said.get("artifact"));
  choose(known ?? artifacts[0], said.get("direction"));
  const z = numbers("z");
  state.moved = z.length === input("z")?.shape[1] && z.every(Number.isFinite) ? Float32Array.from(z) : null;
  let problem = said.has("artifact") && !known ? `No model here is named ${said.get("artifact")}.` : "";
  try {
    state.seed = parseSeed(said.get("seed") ?? "0");
  } catch (error) {
    problem = error.message;
  }
  $("seed").value = state.seed;
  $("seed").removeAttribute("aria-invalid");
  const drawn = begin();
  $("error").textContent = problem;
  await drawn;
}

async function start() {
  $("status").textContent = "";
  if (typeof WebAssembly !== "object") throw new Error("This browser has no WebAssembly, which draws here.");
  const response = await fetch("manifest.json");
  if (!response.ok) throw new Error(`manifest.json is missing: the server says ${response.status}.`);
  const manifest = await response.json();
  artifacts = manifest.artifacts;
  $("version").textContent = manifest.onnxruntime;
  $("artifact").replaceChildren(...artifacts.map(({ name }) => make("option", {}, name)));
  $("controls").onsubmit = (event) => event.preventDefault();
  $("artifact").onchange = () => {
    Object.assign(state, { sample: 0, moved: null });
    choose(artifacts[$("artifact").selectedIndex]);
    begin();
  };
  $("seed").oninput = chooseSeed;
  $("new").onclick = () => {
    $("seed").value = Math.floor(Math.random() * 1e6);
    chooseSeed();
  };
  for (const option of OPTIONS) {
    $(option).oninput = () => {
      state[option] = $(option).valueAsNumber;
      showOption(option);
      act(drawSeed);
    };
  }
  $("grow").onclick = () => act(grow);
  $("stop").onclick = stopGrowing;
  $("reset").onclick = () => chooseSample(state.sample);
  $("other").oninput = () =>
    act(() => {
      seedFrom($("other"), "other");
      return drawPath();
    });
  window.onhashchange = recall;
  await recall();
}

act(start);
