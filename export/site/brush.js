// A pen without soft edges: for drawings in the flat colours of a label map, and for holes.

import { make } from "./views.js";

const $ = (id) => document.getElementById(id);
const css = (colour) => `rgb(${(colour.length === 1 ? [0, 0, 0].fill(colour[0]) : colour).join(" ")})`;

/**
 * A pen that draws on `sheet`, which shows what `given` holds, and on `given`; calls begun() before it is put
 * down, and changed() after each move of it. `mark` shows where it is, and `width` is its slider, at first a
 * `part`th of the sheet. Gives {choose(palette), take(colour), fill(), show()}.
 */
export function brush(sheet, given, { mark, width, part, colour = "black", begun = () => {} }, changed) {
  let here = [0, 0]; // pixels, where the pen is
  let fresh = true; // the width is not chosen yet
  const size = () => width.valueAsNumber;

  /** Squares without soft edges, which would be colours of their own. */
  function dot([x, y]) {
    for (const canvas of [sheet, given]) {
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.fillStyle = colour;
      const corner = (at) => Math.round(at - size() / 2);
      context.fillRect(corner(x), corner(y), size(), size());
    }
  }

  function move(to) {
    here = to;
    [mark.style.left, mark.style.top] = [`${(100 * to[0]) / sheet.width}%`, `${(100 * to[1]) / sheet.height}%`];
  }

  function stroke(to) {
    const [dx, dy] = [to[0] - here[0], to[1] - here[1]];
    const steps = Math.max(Math.ceil((2 * Math.hypot(dx, dy)) / size()), 1);
    for (let i = 1; i <= steps; i++) dot([here[0] + (dx * i) / steps, here[1] + (dy * i) / steps]);
    move(to);
    changed();
  }

  const place = (event) => {
    const box = sheet.getBoundingClientRect();
    return [
      Math.floor(((event.clientX - box.left) / box.width) * sheet.width) + 0.5,
      Math.floor(((event.clientY - box.top) / box.height) * sheet.height) + 0.5,
    ];
  };
  sheet.onpointerdown = (event) => {
    sheet.setPointerCapture(event.pointerId);
    begun();
    move(place(event));
    stroke(here);
  };
  sheet.onpointermove = (event) => event.buttons && stroke(place(event));
  sheet.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault(); // the page would scroll
    if (!step) {
      begun();
      return stroke(here);
    }
    const within = (at, end) => Math.min(Math.max(at, 0.5), end - 0.5);
    move([within(here[0] + step[0] * size(), sheet.width), within(here[1] + step[1] * size(), sheet.height)]);
  };
  return {
    choose(palette) {
      const inputs = palette.map((one) =>
        make("input", { type: "radio", name: "colour", onchange: () => (colour = css(one)) }),
      );
      const labels = inputs.map((input, i) => {
        const swatch = make("span", { className: "swatch" });
        swatch.style.background = css(palette[i]);
        input.setAttribute("aria-label", `Colour ${i + 1}, ${palette[i].join(" ")}`);
        return make("label", {}, input, swatch);
      });
      $("palette").replaceChildren(...labels);
      inputs[0].checked = true;
      colour = css(palette[0]);
      fresh = true;
    },

    /** A colour of one byte or three. */
    take(bytes) {
      colour = css(bytes);
    },

    /** All in the chosen colour. */
    fill() {
      for (const canvas of [sheet, given]) {
        const context = canvas.getContext("2d", { willReadFrequently: true });
        context.fillStyle = colour;
        context.fillRect(0, 0, canvas.width, canvas.height);
      }
      changed();
    },

    /** The sheet as `given` is now. */
    show() {
      Object.assign(sheet, { width: given.width, height: given.height });
      sheet.getContext("2d", { willReadFrequently: true }).drawImage(given, 0, 0);
      Object.assign(width, { min: 1, max: Math.max(Math.floor(Math.min(sheet.width, sheet.height) / 3), 1) });
      if (fresh) width.valueAsNumber = Math.max(Math.floor(sheet.width / part), 1);
      fresh = false;
      move([sheet.width / 2, sheet.height / 2]);
    },
  };
}
