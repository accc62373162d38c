// Runs ONNX files off the page's own thread: {url, inputs} in, {outputs, ms} or {error} out.

import * as ort from "./ort/ort.wasm.bundle.min.mjs";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL("./ort/ort-wasm-simd-threaded.wasm", import.meta.url).href };

const sessions = new Map(); // url -> promise of a session, kept for the next call

function opened(url) {
  if (!sessions.has(url)) {
    sessions.set(url, open(url));
    sessions.get(url).catch(() => sessions.delete(url));
  }
  return sessions.get(url);
}

async function open(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the server says ${response.status} ${response.statusText}`);
  return ort.InferenceSession.create(new Uint8Array(await response.arrayBuffer()));
}

self.onmessage = async ({ data: { url, inputs } }) => {
  try {
    const session = await opened(url);
    const feeds = {};
    for (const [name, { type, data, dims }] of Object.entries(inputs)) {
      feeds[name] = new ort.Tensor(type, data, dims);
    }
    const start = performance.now();
    const results = await session.run(feeds);
    const ms = performance.now() - start;
    const outputs = Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data]));
    self.postMessage({ outputs, ms });
  } catch (error) {
    self.postMessage({ error: String(error?.message ?? error).split("\n")[0] });
  }
};
