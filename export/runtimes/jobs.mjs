// Runs one signature in onnxruntime for JavaScript, in Node.js and in a browser alike.
// __init__.py beside it says what jobs, answers and tensors are.

const ARRAYS = {
  float32: Float32Array, int32: Int32Array, int64: BigInt64Array, uint32: Uint32Array, uint8: Uint8Array,
  bool: Uint8Array,
};

function unpacked(ort, {dtype, shape, data}) {
  const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
  return new ort.Tensor(dtype, new ARRAYS[dtype](bytes.buffer), shape);
}

function packed(name, {type, dims, data}) {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return {name, dtype: type, shape: dims, data: btoa(text)};
}

export async function answer(ort, model, job) {
  try {
    const session = await ort.InferenceSession.create(model);
    const outputs = [];
    for (const tensors of job.inputs) {
      const inputs = Object.fromEntries(tensors.map(tensor => [tensor.name, unpacked(ort, tensor)]));
      const results = await session.run(inputs, job.outputs);
      outputs.push(job.outputs.map(name => packed(name, results[name])));
    }
    await session.release();
    return {outputs};
  } catch (error) {
    return {error: String(error.message ?? error)};
  }
}
