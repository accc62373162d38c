// What the page asks of the worker. Each request has a slot, and only a slot's newest one counts:
// the promise of an older one is never settled, so whoever awaits it does nothing more.

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const waiting = new Map(); // slot -> request
let running = null; // the request that the worker has
let preparing = 0; // parts of the page that will ask for something
let broken = null; // why the worker did not start

const ARRAYS = { float32: Float32Array, int32: Int32Array, int64: BigInt64Array };

/** What the manifest says of the first input of that name in an artifact's signatures. */
export function inputOf(artifact, name) {
  return Object.values(artifact.signatures).flatMap(({ inputs }) => inputs).find((one) => one.name === name);
}

/**
 * Runs a signature of an artifact.
 *
 * @param slot the "picture" goes first; the others take turns.
 * @param values {input: number, BigInt or array}; of a batch, its rows one after another; where more than
 *   the batch is free, {data, dims}.
 * @returns a promise of {outputs: {name: typed array}, ms: those of the inference alone}.
 */
export function ask(slot, artifact, signature, values) {
  const inputs = {};
  for (const { name, dtype, shape } of artifact.signatures[signature].inputs) {
    const given = values[name];
    const data = ARRAYS[dtype].from(shape.length ? (given.data ?? given) : [given]);
    const row = shape.reduce((size, one) => size * (one ?? 1), 1);
    inputs[name] = { type: dtype, data, dims: given.dims ?? shape.map((size) => size ?? data.length / row) };
  }
  const file = `artifacts/${encodeURIComponent(artifact.name)}/${signature}.onnx`;
  const url = new URL(file, document.baseURI).href;
  return new Promise((resolve, reject) => {
    forget(slot);
    waiting.set(slot, { slot, file, url, inputs, resolve, reject });
    next();
    show();
  });
}

/** Drops what is asked in a slot, or in all of them. */
export function forget(slot) {
  if (running && (slot === undefined || running.slot === slot)) running.stale = true;
  if (slot === undefined) waiting.clear();
  else waiting.delete(slot);
  show();
}

/** What part() gives, a promise, until when the page is busy. */
export async function during(part) {
  preparing++;
  show();
  try {
    return await part();
  } finally {
    preparing--;
    show();
  }
}

function show() {
  const busy = preparing > 0 || waiting.size > 0 || (running !== null && !running.stale);
  document.getElementById("main").setAttribute("aria-busy", busy);
}

function next() {
  if (running || !waiting.size) return;
  const slot = waiting.has("picture") ? "picture" : waiting.keys().next().value;
  running = waiting.get(slot);
  waiting.delete(slot);
  if (broken) settle({ error: broken });
  else worker.postMessage({ url: running.url, inputs: running.inputs });
}

function settle({ error, outputs, ms }) {
  const { stale, file, resolve, reject } = running;
  running = null;
  if (!stale && error) reject(new Error(`${file} does not run: ${error}.`));
  else if (!stale) resolve({ outputs, ms });
  next();
  show();
}

worker.onmessage = ({ data }) => settle(data);
worker.onerror = (event) => {
  event.preventDefault();
  broken = `onnxruntime-web did not start (${event.message || "ort/ is missing or cannot be loaded"})`;
  if (running) settle({ error: broken });
};
