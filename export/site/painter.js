// The part of the page that edits an image by strokes of colour: a search from its latent, while one paints.

import { brush } from "./brush.js";
import { ask, forget } from "./runtime.js";
import { grey, numbers } from "./translator.js";
import { make, paint, sizeOf } from "./views.js";

const STEPS = 200; // after the last stroke
const SHOWN = 10; // steps between two images that one sees
// How sure the search's mask is. It weighs a pixel by how unsure those near it are, so that a stroke is never
// all sure, or only its rim would count; the rest of the image shall stay, if it can.
const [STROKE, REST] = [0.5, 0.02];

const $ = (id) => document.getElementById(id);

/**
 * Makes the part. act(part) runs something of it and shows its error; decode(slot, [z]) gives {images},
 * labelsOf(n) the chosen labels for each, and keep(z) shows a latent. Gives {choose(artifact), show(image, z)}.
 */
export function painter({ act, decode, labelsOf, keep }) {
  const [sheet, edited] = [$("strokes"), $("edited")];
  const painted = make("canvas"); // opaque where strokes are
  const context = painted.getContext("2d", { willReadFrequently: true });
  let artifact; // that is shown, if it searches
  let image; // the numbers (h, w, c)
  let start; // its latent
  let here; // {z, momentum, k} of the search
  let best; // {z, loss} since the last stroke
  let given; // {images, mask} of the strokes as they are
  let left; // steps
  let earlier = []; // strokes that undo brings back
  let searches = 0; // how often one was stopped
  let searching = false;

  const pixels = () => context.getImageData(0, 0, painted.width, painted.height);

  function stop() {
    searches++;
    searching = false;
    forget("strokes");
  }

  /** The image with its strokes, and how sure each pixel is; nothing without strokes. */
  function wanted() {
    const [height, width, channels] = artifact.image_shape;
    const [rows, columns] = [height, width].map((size) => [...Array(size).keys()]);
    const [low, high] = artifact.value_range;
    const strokes = pixels();
    const colours = numbers(strokes, rows, columns, channels, { low, high });
    const inside = Array.from({ length: height * width }, (_, i) => strokes.data[4 * i + 3] > 0);
    if (!inside.some(Boolean)) return undefined;
    const images = image.map((old, i) => (inside[Math.floor(i / channels)] ? colours[i] : old));
    return { images, mask: Float32Array.from(inside, (one) => (one ? STROKE : REST)) };
  }

  async function look() {
    const { images } = await decode("strokes", [best.z]);
    paint(edited, images[0], artifact);
  }

  /** Goes on from where the search is; of a search that runs only the strokes are new. */
  async function search() {
    [given, left, best] = [wanted(), STEPS, { loss: Infinity }];
    if (!given || searching) return;
    searching = true;
    const mine = searches;
    try {
      for (; left >= 0; left--) {
        const { z } = here;
        const asked = given;
        const { outputs } = await ask("strokes", artifact, "inpaint_step", { ...given, ...here, labels: labelsOf(1) });
        if (mine !== searches) return;
        here = { z: outputs.next_z, momentum: outputs.next_momentum, k: here.k + 1 };
        const [loss] = outputs.losses;
        if (asked === given && loss < best.loss) best = { z, loss };
        if (best.z && (here.k % SHOWN === 0 || left === 0)) await look();
        if (mine !== searches) return;
        $("strokes-steps").value = STEPS - left;
      }
      $("strokes-status").textContent = `Loss ${best.loss.toPrecision(3)} after ${STEPS} steps`;
    } finally {
      if (mine === searches) searching = false;
    }
  }

  /** The image as it was, with the strokes as they are. */
  function begin() {
    stop();
    here = { z: start, momentum: new Float32Array(2 * start.length), k: 0 };
    $("strokes-status").textContent = "";
    $("strokes-steps").value = 0;
    pen.show();
    for (const canvas of [sheet, edited]) paint(canvas, image, artifact);
    sheet.getContext("2d").drawImage(painted, 0, 0);
    $("undo").disabled = !earlier.length;
  }

  /** Takes an image and its latent, without strokes. */
  function show(shown, z) {
    if (!artifact) return;
    [image, start, earlier] = [shown, z, []];
    const [height, width] = sizeOf(artifact);
    for (const canvas of [painted, edited]) Object.assign(canvas, { width, height });
    take();
    begin();
  }

  /** The chosen colour, as the artifact's images have it. */
  function take() {
    const bytes = [1, 3, 5].map((at) => parseInt($("strokes-colour").value.slice(at, at + 2), 16));
    pen.take(artifact.image_shape.at(-1) === 3 ? bytes : [grey(...bytes)]);
  }

  function begun() {
    earlier.push(pixels());
    $("undo").disabled = false;
  }

  const tools = { mark: $("strokes-pen"), width: $("strokes-width"), part: 8, begun };
  const pen = brush(sheet, painted, tools, () => act(search));
  $("strokes-steps").max = STEPS;
  $("strokes-colour").oninput = take;
  $("undo").onclick = () => {
    context.putImageData(earlier.pop(), 0, 0);
    begin();
    act(search);
  };
  $("no-strokes").onclick = () => {
    begun();
    context.clearRect(0, 0, painted.width, painted.height);
    begin();
  };
  $("keep").onclick = () => keep(best.z ?? here.z);

  return {
    /** Shows an artifact, or hides the part for one that does not search. */
    choose(one) {
      stop();
      artifact = one.signatures.inpaint_step && one;
      $("strokes-view").hidden = !artifact;
    },

    show,
  };
}
