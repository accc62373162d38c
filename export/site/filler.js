// The part of the page that fills a hole which one paints: a search for the latent whose image fits around it.

import { brush } from "./brush.js";
import { ask, forget } from "./runtime.js";
import { bitmapOf, lay, numbers } from "./translator.js";
import { make, paint, sizeOf } from "./views.js";

const STEPS = 500;
const STARTS = 4; // latents from which the search begins, at once; the best one counts

const $ = (id) => document.getElementById(id);
const repeated = (array) => Float32Array.from({ length: STARTS * array.length }, (_, i) => array[i % array.length]);

/**
 * Makes the part. act(part) runs something of it and shows its error; latents(slot, seed, n) draws latents,
 * and labelsOf(n) gives the chosen labels for each. Gives {choose(artifact), show(image, seed)}.
 */
export function filler({ act, latents, labelsOf }) {
  const [sheet, filled] = [$("hole"), $("filled")];
  const hidden = make("canvas"); // where it is opaque
  let artifact; // that is shown, if it searches
  let image; // the numbers (h, w, c)
  let seed; // of the latents from which the search begins
  let searches = 0; // how often one began, or was stopped

  function told(line, step) {
    $("hole-status").textContent = line;
    $("hole-steps").value = step;
  }

  function stop() {
    searches++;
    forget("hole");
  }

  /** 1 for each pixel that is known, 0 where the hole is. */
  function known() {
    const { width, height } = hidden;
    const { data } = hidden.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height);
    return Float32Array.from({ length: width * height }, (_, i) => Number(data[4 * i + 3] === 0));
  }

  async function search() {
    stop();
    const mine = searches;
    const mask = known();
    if (!mask.some(Boolean)) throw new Error("The hole is the whole image; leave some pixels known.");
    const zs = await latents("hole", seed, STARTS);
    if (mine !== searches) return;
    const given = { images: repeated(image), mask: repeated(mask), labels: labelsOf(STARTS) };
    let [z, momentum] = [zs.flatMap((one) => [...one]), new Float32Array(2 * STARTS * zs[0].length)];
    let [first, best, total] = [undefined, Infinity, 0];
    for (let k = 0; k <= STEPS; k++) {
      // The last one looks at where the search has come to.
      const { outputs, ms } = await ask("hole", artifact, "inpaint_step", { ...given, z, momentum, k });
      if (mine !== searches) return;
      ({ next_z: z, next_momentum: momentum } = outputs);
      total += ms;
      const losses = [...outputs.losses];
      const least = Math.min(...losses);
      first ??= least;
      if (least < best) {
        best = least;
        paint(filled, outputs.inpainted.slice(losses.indexOf(least) * image.length), artifact);
      }
      const pace = (total / (k + 1)).toFixed(2);
      told(`Loss ${first.toPrecision(3)} at first, ${best.toPrecision(3)} after ${k} steps of ${pace} ms`, k);
    }
  }

  /** Takes an image, without a hole. */
  function show(shown, start) {
    if (!artifact) return;
    stop();
    [image, seed] = [shown, start];
    const [height, width] = sizeOf(artifact);
    for (const canvas of [hidden, filled]) Object.assign(canvas, { width, height });
    pen.show();
    for (const canvas of [sheet, filled]) paint(canvas, image, artifact);
    told("", 0);
  }

  async function open(file) {
    const bitmap = await bitmapOf(file);
    const [height, width, channels] = artifact.image_shape;
    const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
    lay(context, bitmap, true);
    const [rows, columns] = [height, width].map((size) => [...Array(size).keys()]);
    const [low, high] = artifact.value_range;
    show(numbers(context.getImageData(0, 0, width, height), rows, columns, channels, { low, high }), seed);
  }

  const tools = { mark: $("hole-pen"), width: $("hole-width"), part: 6, colour: "#3d4fc4" };
  const pen = brush(sheet, hidden, tools, () => act(search));
  $("hole-steps").max = STEPS;
  $("hole-file").onchange = () => $("hole-file").files.length && act(() => open($("hole-file").files[0]));
  $("no-hole").onclick = () => act(() => show(image, seed));

  return {
    /** Shows an artifact, or hides the part for one that does not search. */
    choose(one) {
      stop();
      artifact = one.signatures.inpaint_step && one;
      $("hole-view").hidden = !artifact;
    },

    show,
  };
}
