// Mathematics of seeds and latents. `values` is what an artifact's manifest says of its input z.

const LARGEST_SEED = 2n ** 63n - 1n;

/** The seed that a text says, as a BigInt; throws what was expected and what was received. */
export function parseSeed(text) {
  if (!/^\d+$/.test(text) || BigInt(text) > LARGEST_SEED) {
    throw new Error(`A seed is a whole number from 0 to ${LARGEST_SEED}; received ${text || "none"}.`);
  }
  return BigInt(text);
}

/** Standard normal P(X < x) by the series x + x^3/3 + x^5/(3 5) + ..., for |x| < 7. */
function normalBelow(x) {
  let sum = 0;
  for (let term = x, k = 1; Math.abs(term) > 1e-17; k += 2, term *= (x * x) / k) sum += term;
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/** The value below which a share p of the latent's values lies. */
export function quantile(values, p) {
  if (values.distribution === "uniform") return values.low + p * (values.high - values.low);
  let [low, high] = [-6, 6];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (normalBelow(middle) < p) low = middle;
    else high = middle;
  }
  return low;
}

/** The share of the latent's values that lie below x. */
export function share(values, x) {
  if (values.distribution === "uniform") return (x - values.low) / (values.high - values.low);
  return normalBelow(Math.min(Math.max(x, -6), 6));
}

/**
 * The parts of a latent of `size` numbers, each with its own values: [{distribution, from, size, ...}].
 * Most latents have one; InfoGAN's begins with a category, "one_hot".
 */
export function parts(values, size) {
  const each = values.distribution === "parts" ? values.parts : [{ ...values, size }];
  let from = 0;
  return each.map((part) => ({ ...part, from: (from += part.size) - part.size }));
}

/** The ends of a slider that shows each number of a part of z: [low, high]. */
export function limits(values, z) {
  if (values.distribution === "uniform") return [values.low, values.high];
  const high = Math.max(3, Math.ceil(Math.max(...z.map(Math.abs))));
  return [-high, high];
}

/**
 * A latent on the way from a (t = 0) to b (t = 1): along the sphere for normal latents, else straight; a
 * category changes in the middle.
 */
export function between(values, a, b, t) {
  return Float32Array.from(
    parts(values, a.length).flatMap((part) => {
      const [x, y] = [a, b].map((z) => Array.from(z.slice(part.from, part.from + part.size)));
      return way(part, x, y, t);
    }),
  );
}

function way({ distribution }, a, b, t) {
  if (distribution === "one_hot") return t < 0.5 ? a : b;
  let [ofA, ofB] = [1 - t, t];
  if (distribution === "normal") {
    const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
    const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)))));
    if (Math.sin(angle) > 1e-6) {
      [ofA, ofB] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
    }
  }
  return a.map((value, i) => ofA * value + ofB * b[i]);
}
