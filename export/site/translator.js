// The part of the page for models that turn images into images: an image in, its translation beside it.

import { brush } from "./brush.js";
import { ask, during } from "./runtime.js";
import { make, paint } from "./views.js";

const LONGEST = 512; // pixels of the longer side of what is made; larger images are made smaller

const $ = (id) => document.getElementById(id);

/** The places of an axis of `size` pixels, continued by reflection to a multiple, at least to `smallest`. */
function reflected(size, multiple, smallest) {
  const length = Math.ceil(Math.max(size, smallest) / multiple) * multiple;
  const period = Math.max(2 * size - 2, 1);
  const place = (i) => Math.min(i % period, period - (i % period));
  return Array.from({ length }, (_, i) => (size > 1 ? place(i) : 0));
}

/** A byte of three, weighted as ITU-R 601 has it. */
export const grey = (r, g, b) => (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;

/** Bytes (h, w, 4) as numbers (rows, columns, channels) in [low, high]. */
export function numbers({ data, width }, rows, columns, channels, { low, high }) {
  const made = new Float32Array(rows.length * columns.length * channels);
  let k = 0;
  for (const y of rows) {
    for (const x of columns) {
      const at = 4 * (y * width + x);
      const [r, g, b] = [data[at], data[at + 1], data[at + 2]];
      const bytes = channels === 3 ? [r, g, b] : [grey(r, g, b)];
      for (const byte of bytes) made[k++] = low + (byte * (high - low)) / 255;
    }
  }
  return made;
}

/** Draws a bitmap over all of a context's canvas; its shape is kept, and cut off what is too much, or not. */
export function lay(context, bitmap, keep) {
  const { width, height } = context.canvas;
  context.fillStyle = "white"; // what is transparent lies on it
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const [w, h] = keep ? [scale * bitmap.width, scale * bitmap.height] : [width, height];
  context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
}

/** A bitmap of a file, if it is an image. */
export function bitmapOf(blob) {
  return createImageBitmap(blob).catch(() => {
    throw new Error(`${blob.name || "This"} is no image that the browser can read.`);
  });
}

/** The first `height` rows and `width` columns of an image (rows of `from` pixels). */
function cut(data, from, height, width, channels) {
  const made = new Float32Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    made.set(data.subarray(y * from * channels, (y * from + width) * channels), y * width * channels);
  }
  return made;
}

/**
 * Makes the part. act(part) runs something of it and shows its error; told(line, ms) shows what was made;
 * remember() repeats the state in the address; labels() are what the page has for the model's. Gives {choose(artifact, name), draw(seed), chosen()}.
 */
export function translator({ act, told, remember, labels }) {
  let artifact; // that is shown, if it translates
  let name; // of the chosen signature
  let seed = 0n;
  let newest = 0; // how often an image was opened
  let ready = false; // whether there is an image
  const given = $("given");
  const pixels = () => given.getContext("2d", { willReadFrequently: true });

  const spec = () => artifact.signatures[name].inputs[0];
  const sizes = () => ({ multiple: 1, smallest: 1, scale: 1, ...artifact.signatures[name] }); // of a free size

  /** The range of what the chosen signature makes. */
  function range() {
    const [first] = artifact.translators;
    const { low, high } = artifact.signatures[first].inputs[0].values;
    return name === first ? artifact.value_range : [low, high];
  }

  async function draw(chosen = seed) {
    seed = chosen;
    if (!ready) return;
    const { width, height } = given;
    const { multiple, smallest, scale } = sizes();
    const channels = spec().shape[3];
    const [rows, columns] = [height, width].map((size) => reflected(size, multiple, smallest));
    const data = numbers(pixels().getImageData(0, 0, width, height), rows, columns, channels, spec().values);
    const values = { seed, labels: labels(), [spec().name]: { data, dims: [1, rows.length, columns.length, channels] } };
    const { outputs, ms } = await ask("picture", artifact, name, values);
    const [h, w, c] = [scale * height, scale * width, artifact.signatures[name].outputs[0].shape[3]];
    const made = cut(outputs[name], scale * columns.length, h, w, c);
    Object.assign($("picture"), { width: w, height: h });
    paint($("picture"), made, { image_shape: [h, w, c], value_range: range() });
    told(`Translation of ${width} x ${height} pixels`, ms);
  }

  /** Takes a bitmap as the image to translate: of a free size if the model has one, at most LONGEST. */
  function take(bitmap) {
    const [, fixedHeight, fixedWidth] = spec().shape;
    const most = LONGEST / sizes().scale;
    const share = Math.min(most / Math.max(bitmap.width, bitmap.height), 1);
    const side = (size) => Math.max(Math.round(share * size), 1);
    const [width, height] = [fixedWidth ?? side(bitmap.width), fixedHeight ?? side(bitmap.height)];
    Object.assign(given, { width, height });
    lay(pixels(), bitmap, fixedWidth);
    pen.show();
    ready = true;
    return draw();
  }

  /** Opens an image, of a promise of a blob or a bitmap, and translates it. */
  function open(promise) {
    const mine = ++newest;
    return act(() =>
      during(async () => {
        const blob = await promise;
        const bitmap = await bitmapOf(blob);
        if (mine === newest) await take(bitmap);
      }),
    );
  }

  async function example() {
    const response = await fetch(`artifacts/${encodeURIComponent(artifact.name)}/inputs.png`);
    if (!response.ok) throw new Error(`inputs.png is missing: the server says ${response.status}.`);
    return response.blob();
  }

  /** A picture of the camera, which must first find the light. */
  async function snapshot() {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true }).catch((error) => {
      throw new Error(`There is no picture of a camera: ${error.message}.`);
    });
    const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true });
    try {
      await video.play();
      await new Promise((done) => setTimeout(done, 500));
      return await createImageBitmap(video);
    } finally {
      for (const track of stream.getTracks()) track.stop();
    }
  }

  function divide(percent) {
    $("divide").value = percent;
    given.style.clipPath = `inset(0 ${100 - percent}% 0 0)`;
    $("divider").style.left = `${percent}%`;
  }

  const tools = { mark: $("pen"), width: $("width"), part: 16 };
  const pen = brush($("drawing"), given, tools, () => act(() => draw()));
  $("fill").onclick = pen.fill;
  $("file").onchange = () => $("file").files.length && open(Promise.resolve($("file").files[0]));
  $("example").onclick = () => open(example());
  $("camera").onclick = () => open(snapshot());
  $("camera").hidden = !navigator.mediaDevices; // as on a page that came unprotected from another machine
  $("divide").oninput = () => divide($("divide").valueAsNumber);
  const drag = (event) => {
    if (!artifact || !event.buttons) return;
    const box = $("compare").getBoundingClientRect();
    divide(Math.min(Math.max(((event.clientX - box.left) / box.width) * 100, 0), 100));
  };
  $("compare").onpointerdown = $("compare").onpointermove = drag;
  /** The signature that translates; the palette is that of the first one's inputs. */
  function turn(to) {
    name = to;
    $("drawing-view").hidden = !artifact.palette || name !== artifact.translators[0];
  }

  $("direction").onchange = () => {
    turn(artifact.translators[$("direction").selectedIndex]);
    remember();
    act(() => draw());
  };
  document.addEventListener("dragover", (event) => artifact && event.preventDefault());
  for (const [kind, files] of [["drop", (event) => event.dataTransfer.files], ["paste", (event) => event.clipboardData.files]]) {
    document.addEventListener(kind, (event) => {
      const [file] = files(event);
      if (!artifact || !file) return;
      event.preventDefault();
      open(Promise.resolve(file));
    });
  }

  return {
    chosen: () => name,

    /** Shows an artifact, with one of its signatures, or hides the part for one that does not translate. */
    choose(one, wanted) {
      artifact = one.translators && one;
      $("translation-view").hidden = given.hidden = $("divider").hidden = $("divide-field").hidden = !artifact;
      $("drawing-view").hidden = true;
      $("main").classList.toggle("translates", Boolean(artifact));
      newest++; // what is being opened is for another artifact
      ready = false;
      if (!artifact) return;
      turn(artifact.translators.includes(wanted) ? wanted : artifact.translators[0]);
      const options = artifact.translators.map((value) => make("option", { value }, value.replaceAll("_", " ")));
      $("direction").replaceChildren(...options);
      $("direction").value = name;
      $("direction-field").hidden = options.length < 2;
      if (artifact.palette) pen.choose(artifact.palette);
      divide(50);
    },

    /** Translates the example of the artifact. */
    begin(chosen) {
      seed = chosen;
      return open(example());
    },

    draw,
  };
}
