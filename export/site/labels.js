// The labels of a conditional model: one class, a number for each of its attributes (0 or 1, or any in a
// range), or one number in a range.

import { inputOf } from "./runtime.js";
import { make } from "./views.js";

const attributes = (artifact) => inputOf(artifact, "labels")?.shape[1] ?? 0; // their number; 0 for classes
const isNumber = ({ dtype, shape } = {}) => dtype === "float32" && shape.length === 1;
const range = (artifact) => (isNumber(inputOf(artifact, "labels")) ? inputOf(artifact, "labels").values : null);
const graded = (artifact) => attributes(artifact) > 0 && inputOf(artifact, "labels").values.distribution === "uniform";
const classes = (artifact) => (inputOf(artifact, "labels")?.values.high ?? -1) + 1;
const nameOf = (artifact, i) => String(artifact.labels[i] ?? i);

/** The labels, if they are of the artifact's kind; else those that it begins with. */
export function fitting(artifact, labels) {
  const ends = range(artifact);
  if (ends) {
    const fits = labels.length === 1 && labels[0] >= ends.low && labels[0] <= ends.high;
    return fits ? labels : [(ends.low + ends.high) / 2];
  }
  if (graded(artifact)) {
    const { low, high } = inputOf(artifact, "labels").values;
    const within = labels.length === attributes(artifact) && labels.every((one) => one >= low && one <= high);
    return within ? labels : Array(attributes(artifact)).fill((low + high) / 2);
  }
  const size = attributes(artifact) || Math.min(classes(artifact), 1);
  const high = attributes(artifact) ? 1 : classes(artifact) - 1;
  const fits = labels.length === size && labels.every((one) => Number.isInteger(one) && one >= 0 && one <= high);
  return fits ? labels : Array(size).fill(0);
}

/** The labels in words, with a comma before them; "" of a model without. */
export function inWords(artifact, labels) {
  if (!labels.length) return "";
  if (range(artifact)) return `, ${measured(artifact, labels[0])}`;
  if (graded(artifact)) return `, ${labels.map((one, i) => `${nameOf(artifact, i)} ${one.toFixed(2)}`).join(", ")}`;
  if (!attributes(artifact)) return `, class ${nameOf(artifact, labels[0])}`;
  const present = labels.flatMap((on, i) => (on ? [nameOf(artifact, i)] : []));
  return `, ${present.join(" and ") || "no attribute"}`;
}

const measured = (artifact, label) => [+label.toPrecision(4), range(artifact).unit].filter(Boolean).join(" ");

/** Makes the field for them; calls choose(labels). */
export function showLabels(artifact, labels, choose) {
  const [field, select, set] = ["class-field", "class", "attributes"].map((id) => document.getElementById(id));
  const [count, ends] = [attributes(artifact), range(artifact)];
  field.hidden = count > 0 || ends !== null || !labels.length;
  set.hidden = !count;
  const option = (_, value) => make("option", { value }, nameOf(artifact, value));
  select.replaceChildren(...Array.from({ length: count || ends ? 0 : classes(artifact) }, option));
  select.value = labels[0];
  select.onchange = () => choose([select.selectedIndex]);
  const boxes = labels.slice(0, count).map((one) => {
    if (!graded(artifact)) return make("input", { type: "checkbox", checked: one > 0 });
    const { low, high } = inputOf(artifact, "labels").values;
    return make("input", { type: "range", min: low, max: high, step: (high - low) / 100, valueAsNumber: one });
  });
  const value = (box) => (graded(artifact) ? box.valueAsNumber : Number(box.checked));
  for (const box of boxes) box.oninput = () => choose(boxes.map(value));
  const named = boxes.map((box, i) => make("label", {}, box, nameOf(artifact, i)));
  set.replaceChildren(set.firstElementChild, ...named);
  document.getElementById("number-field").hidden = !ends;
  if (ends) showNumber(artifact, labels[0], ends, choose);
}

function showNumber(artifact, label, { low, high }, choose) {
  const [slider, output] = ["number", "number-value"].map((id) => document.getElementById(id));
  const step = 10 ** Math.round(Math.log10((high - low) / 100)); // about a hundred presses of a key
  // A slider's values are its lower end and steps from there.
  Object.assign(slider, { min: low, max: high, step: Number.isInteger(low / step) ? step : "any" });
  slider.valueAsNumber = label;
  output.value = measured(artifact, label);
  slider.oninput = () => {
    output.value = measured(artifact, slider.valueAsNumber);
    choose([slider.valueAsNumber]);
  };
}
