// Parts of the page that show images or latents and tell what the user chose.

import { limits, parts, quantile, share } from "./latents.js";

const FAR = 0.3; // brightness of a volume's farthest voxels, as tfgen.pictures has it

/** (height, width) of an artifact's picture: a volume is seen from the front, above and the side. */
export function sizeOf({ image_shape: shape }) {
  if (shape.length === 3) return shape.slice(0, 2);
  const [depth, height, width] = shape;
  return [Math.max(depth, height), 2 * width + depth];
}

/** A volume (d, h, w, c) as three images side by side, (h', w', c): the brightest voxel of each ray. */
function seen(data, artifact) {
  const [depth, height, width, channels] = artifact.image_shape;
  const [low] = artifact.value_range;
  const [rows, columns] = sizeOf(artifact);
  const image = new Float32Array(rows * columns * channels).fill(low);
  const put = (row, column, c, value, place, size) => {
    const at = (row * columns + column) * channels + c;
    const bright = low + (value - low) * (size > 1 ? 1 - ((1 - FAR) * place) / (size - 1) : 1);
    image[at] = Math.max(image[at], bright);
  };
  let i = 0;
  for (let z = 0; z < depth; z++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < channels; c++, i++) {
          put(y, x, c, data[i], z, depth);
          put(z, width + x, c, data[i], y, height);
          put(y, 2 * width + z, c, data[i], x, width);
        }
  return image;
}

/** A value's brightness in [0, 1]; over `decades` factors of 10 where an artifact has them. */
function brightness(value, { value_range: [low, high], decades }) {
  if (!decades) return (value - low) / (high - low);
  return 1 + Math.log10(Math.max(value / high, 10 ** -decades)) / decades;
}

/** Paints an image (h, w, c) with its values in [low, high], in bytes as tfgen.pictures makes them. */
export function paint(canvas, data, artifact, x = 0, y = 0) {
  const [height, width] = sizeOf(artifact);
  const channels = artifact.image_shape.at(-1);
  if (artifact.image_shape.length === 4) data = seen(data, artifact);
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < 3; c++) {
      // A clamped array cuts off at 0 and 255 and rounds to the nearest, ties to even.
      image.data[4 * pixel + c] = brightness(data[pixel * channels + (c % channels)], artifact) * 255;
    }
    image.data[4 * pixel + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, x, y);
}

/** An element with properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** An empty canvas of an artifact's size. */
function blank(artifact, label) {
  const [height, width] = sizeOf(artifact);
  const canvas = make("canvas", { width, height });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  return canvas;
}

/** Radio buttons that are images; calls choose(i). Gives {canvases, select(i)}, i = -1 for none. */
export function gallery(box, artifact, labels, choose) {
  const canvases = labels.map((label) => blank(artifact, label));
  const inputs = labels.map((_, i) => {
    return make("input", { type: "radio", name: box.id, onchange: () => choose(i) });
  });
  const [height, width] = sizeOf(artifact);
  box.classList.toggle("wide", width > 2 * height);
  box.replaceChildren(...inputs.map((input, i) => make("label", {}, input, canvases[i])));
  return { canvases, select: (chosen) => inputs.forEach((input, i) => (input.checked = i === chosen)) };
}

const SHOWN = 12; // sliders; further ones are folded away

/**
 * A slider for each number of z, and a choice for a part of it that is a category. Calls
 * moved(from, numbers) with what takes the place of z[from] and those behind it. Gives {show(z)}.
 */
export function sliders(box, size, values, moved) {
  const rows = parts(values, size).flatMap((part) =>
    part.distribution === "one_hot" ? [category(part, moved)] : numbers(part, moved),
  );
  const [first, rest] = [rows.slice(0, SHOWN), rows.slice(SHOWN)].map((some) =>
    make("div", { className: "sliders" }, ...some.map(({ row }) => row)),
  );
  const more = make("details", {}, make("summary", {}, `${rows.length - SHOWN} more`), rest);
  box.replaceChildren(first, ...(rows.length > SHOWN ? [more] : []));
  return { show: (z) => rows.forEach(({ show }) => show(z)) };
}

function category({ from, size }, moved) {
  const id = `category${from + 1}`;
  const options = Array.from({ length: size }, (_, value) => make("option", { value }, String(value)));
  const select = make("select", { id }, ...options);
  select.onchange = () => moved(from, options.map((_, i) => Number(i === select.selectedIndex)));
  const row = make("div", { className: "field" }, make("label", { htmlFor: id }, "Category"), select);
  return { row, show: (z) => (select.selectedIndex = z.slice(from, from + size).indexOf(1)) };
}

function numbers({ from, size, ...values }, moved) {
  return Array.from({ length: size }, (_, k) => {
    const output = make("output");
    const name = `z${from + k + 1}`;
    const input = make("input", { id: name, type: "range", step: "0.05" });
    input.oninput = () => moved(from + k, [input.valueAsNumber]);
    const row = make("div", { className: "slider" }, make("label", { htmlFor: name }, name), input, output);
    const show = (z) => {
      const [low, high] = limits(values, z.slice(from, from + size));
      Object.assign(input, { min: low, max: high, valueAsNumber: z[from + k] });
      output.value = z[from + k].toFixed(2);
    };
    return { row, show };
  });
}

export const TILES = 13; // images along a side of the plane

/**
 * The plane of a latent of two numbers, each side cut at the quantiles of its distribution.
 * A click, a drag or an arrow key calls moved([z1, z2]). Gives {show(z), tile(row, column)}.
 */
export function plane(canvas, mark, artifact, values, moved) {
  const [height, width] = sizeOf(artifact);
  Object.assign(canvas, { width: TILES * width, height: TILES * height });
  let here = [0.5, 0.5]; // shares of the width and of the height
  const inside = (part) => Math.min(Math.max(part, 0.5 / TILES), 1 - 0.5 / TILES);
  // The second number of z grows upwards.
  const latent = ([x, y]) => Float32Array.of(quantile(values, inside(x)), quantile(values, 1 - inside(y)));
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    moved(latent([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]));
  };
  canvas.onpointerdown = point;
  canvas.onpointermove = (event) => event.buttons && point(event);
  canvas.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault(); // the page would scroll
    moved(latent(here.map((part, i) => inside(part) + step[i] / (2 * TILES))));
  };
  return {
    tile: (row, column) => latent([(column + 0.5) / TILES, (row + 0.5) / TILES]),
    show([a, b]) {
      here = [share(values, a), 1 - share(values, b)];
      const [x, y] = here.map((part) => Math.min(Math.max(part, 0), 1));
      [mark.style.left, mark.style.top] = [`${100 * x}%`, `${100 * y}%`];
      canvas.setAttribute("aria-label", `Latent plane, at ${a.toFixed(2)}, ${b.toFixed(2)}`);
    },
  };
}
