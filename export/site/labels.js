// The labels of a conditional model: one class, or a number for each of its attributes.

import { inputOf } from "./runtime.js";
import { make } from "./views.js";

const attributes = (artifact) => inputOf(artifact, "labels")?.shape[1] ?? 0; // their number; 0 for classes
const classes = (artifact) => (inputOf(artifact, "labels")?.values.high ?? -1) + 1;
const nameOf = (artifact, i) => String(artifact.labels[i] ?? i);

/** The labels, if they are of the artifact's kind; else those that it begins with. */
export function fitting(artifact, labels) {
  const size = attributes(artifact) || Math.min(classes(artifact), 1);
  const high = attributes(artifact) ? 1 : classes(artifact) - 1;
  const fits = labels.length === size && labels.every((one) => Number.isInteger(one) && one >= 0 && one <= high);
  return fits ? labels : Array(size).fill(0);
}

/** The labels in words, with a comma before them; "" of a model without. */
export function inWords(artifact, labels) {
  if (!labels.length) return "";
  if (!attributes(artifact)) return `, class ${nameOf(artifact, labels[0])}`;
  const present = labels.flatMap((on, i) => (on ? [nameOf(artifact, i)] : []));
  return `, ${present.join(" and ") || "no attribute"}`;
}

/** Makes the field for them; calls choose(labels). */
export function showLabels(artifact, labels, choose) {
  const [field, select, set] = ["class-field", "class", "attributes"].map((id) => document.getElementById(id));
  const count = attributes(artifact);
  field.hidden = count > 0 || !labels.length;
  set.hidden = !count;
  const option = (_, value) => make("option", { value }, nameOf(artifact, value));
  select.replaceChildren(...Array.from({ length: count ? 0 : classes(artifact) }, option));
  select.value = labels[0];
  select.onchange = () => choose([select.selectedIndex]);
  const boxes = labels.slice(0, count).map((on) => make("input", { type: "checkbox", checked: on > 0 }));
  for (const box of boxes) box.onchange = () => choose(boxes.map(({ checked }) => Number(checked)));
  const named = boxes.map((box, i) => make("label", {}, box, nameOf(artifact, i)));
  set.replaceChildren(set.firstElementChild, ...named);
}
