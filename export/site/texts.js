// What a model of captions is asked for: a text, as the bytes of its ASCII letters in lower case; and the box
// that a model of places draws it in.

import { inputOf } from "./runtime.js";

const FIRST = "a red bird"; // of an artifact that tells no captions of its data

const $ = (id) => document.getElementById(id);
const lengthOf = (artifact) => inputOf(artifact, "captions")?.shape[1] ?? 0;
const boxes = (artifact) => inputOf(artifact, "places")?.values.distribution === "boxes";

/** The numbers of a text for an input of `length`, as tfgen.fields.Tokens has them; an error is one line. */
export function bytesOf(text, length) {
  if (!text.trim()) throw new Error("The text is empty: say what the images shall show.");
  const foreign = [...text].find((letter) => !/[ -~]/.test(letter));
  if (foreign) throw new Error(`The model reads letters, digits and signs of ASCII alone, not ${foreign}.`);
  if (text.length > length) throw new Error(`The text has ${text.length} characters; the model reads ${length}.`);
  const lower = text.toLowerCase();
  return Array.from({ length }, (_, i) => (i < lower.length ? lower.charCodeAt(i) : 0));
}

/** A box "top, left, height, width" in shares of the image as numbers; an error is one line. */
export function boxOf(text) {
  const box = text.split(",").map((word) => (word.trim() ? Number(word) : NaN));
  const [top, left, height, width] = box;
  const within = box.length === 4 && box.every((one) => one >= 0 && one <= 1) && height > 0 && width > 0;
  if (!within || top + height > 1.001 || left + width > 1.001) {
    throw new Error("A box is its top, left, height and width within the image, from 0 to 1, as 0.1, 0.2, 0.5, 0.4.");
  }
  return box;
}

/** What a sampler is given beside its seed: {captions, places}, one row each, for all of its images. */
export function asked(artifact, { text, box }) {
  const values = {};
  if (lengthOf(artifact)) values.captions = bytesOf(text, lengthOf(artifact));
  if (boxes(artifact)) values.places = Array(inputOf(artifact, "places").shape[1]).fill(boxOf(box)).flat();
  return values;
}

/** The text in words, behind a comma; "" of a model without. */
export const quoted = (artifact, { text }) => (lengthOf(artifact) ? `, “${text}”` : "");

/** What of {text, box} an artifact begins with, if the given ones do not fit. */
export function fittingTexts(artifact, { text, box }) {
  const fits = (of, ...what) => {
    try {
      return Boolean(of(...what));
    } catch {
      return false;
    }
  };
  const length = lengthOf(artifact);
  const first = (artifact.captions?.[0] ?? FIRST).slice(0, length);
  return {
    text: !length || fits(bytesOf, text, length) ? text : first,
    box: fits(boxOf, box) ? box : "0.25, 0.25, 0.5, 0.5",
  };
}

/** Shows the fields; calls choose({text}) or choose({box}). A box is also drawn on the large picture. */
export function showTexts(artifact, { text, box }, choose) {
  $("text-field").hidden = !lengthOf(artifact);
  $("box-field").hidden = !boxes(artifact);
  $("text").value = text;
  $("text").maxLength = lengthOf(artifact) || 1000;
  $("texts").replaceChildren(...(artifact.captions ?? []).map((value) => Object.assign(document.createElement("option"), { value })));
  $("box").value = box;
  $("text").oninput = () => choose({ text: $("text").value });
  $("box").oninput = () => choose({ box: $("box").value });
  const picture = $("picture");
  const place = (event) => {
    const { left, top, width, height } = picture.getBoundingClientRect();
    const share = (at, size) => Math.min(Math.max(at / size, 0), 1);
    return [share(event.clientY - top, height), share(event.clientX - left, width)];
  };
  let from = null;
  picture.onpointerdown = (event) => (from = boxes(artifact) ? place(event) : null);
  picture.onpointerup = (event) => {
    if (!from) return;
    const to = place(event);
    const starts = from.map((at, i) => Math.min(at, to[i]));
    const sizes = from.map((at, i) => Math.abs(at - to[i]));
    from = null;
    if (Math.min(...sizes) < 0.05) return; // a click
    $("box").value = [...starts, ...sizes].map((one) => (Math.floor(one * 1000) / 1000).toFixed(3)).join(", ");
    choose({ box: $("box").value });
  };
}
