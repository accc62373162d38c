"""Search for codes: those whose images come near to given ones, whole or in part.

    z* = argmin_z loss(z, G(z))

by Adam on z alone, each row for itself; the model stays as it is. What a search finds is its best step, and
of several starts the best.

Creswell and Bharath. Inverting the Generator of a Generative Adversarial Network. 2016: `project`.
https://arxiv.org/abs/1611.05644
Yeh et al. Semantic Image Inpainting with Deep Generative Models. CVPR 2017: `inpaint`, with M = 1 where a
pixel is known and W the share of unknown pixels near it. https://arxiv.org/abs/1607.07539

    loss = sum W |G(z) - x| + prior log(1 - D(G(z))),   W_i = M_i sum_{j near i} (1 - M_j) / |near i|

The lectures' equation is loss="squares": sum M (G(z) - x)^2 + log(1 - D(G(z))). One step of it can be
exported (`step_of`), so that what runs the model searches without TensorFlow.
Schlegl et al. Unsupervised Anomaly Detection with Generative Adversarial Networks to Guide Marker Discovery.
IPMI 2017: `unusual` (AnoGAN). https://arxiv.org/abs/1703.05921

    loss = (1 - weight) sum |x - G(z)| + weight sum |f(x) - f(G(z))|,   f what the last layer of D sees

Zhu et al. Generative Visual Manipulation on the Natural Image Manifold. ECCV 2016: a network that guesses
the code (`fit_inverse`), from which the search starts. https://arxiv.org/abs/1609.03552
"""

import functools
import itertools
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfgen import networks, random
from tfgen.analysis import blending, latent
from tfgen.analysis.descent import BATCH, RATE, decoder, search, stepping
from tfgen.errors import InputError, unknown
from tfgen.metrics import checks
from tfgen.models.abilities import Latents
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.adversarial.inversion import inversion_loss

LOSSES = {"context": 0.003, "squares": 1.0}  # how `inpaint` compares, and the weight of its prior
WINDOW = 7  # pixels of a side of what is near a pixel


class Found(NamedTuple):
    """What a search has found.

    Attributes:
        images: (n, h, w, c) in the model's `value_range`: the result.
        generated: G(z), of the same shape.
        z: (n, latent_dim).
        losses: (n,), of z.
    """

    images: np.ndarray
    generated: np.ndarray
    z: np.ndarray
    losses: np.ndarray


def _prior(model):
    """A function of (z, images) that is low where the model takes z for likely: each of (n,)."""
    if isinstance(model, AdversarialModel):

        def of_score(z, images, *labels):
            scores = tf.reshape(model.score(images, *labels), (-1,))
            # log(1 - sigmoid(s)); what has no boundary has a score to be raised.
            return -tf.nn.softplus(scores) if model.adversarial_loss.zero_decides else -scores

        return of_score
    # The slope of a sum that keeps its axes is known to ONNX.
    return lambda z, images, *labels: tf.reshape(0.5 * tf.reduce_sum(z**2, axis=1, keepdims=True), (-1,))


def project(model: Latents, images: ArrayLike, labels: ArrayLike | None = None, **options) -> Found:
    """The codes whose images come nearest, by the squared error.

    Args:
        model: one that makes images of codes.
        images: (n, h, w, c) in the model's `value_range`, or bytes.
        labels: of a conditional model.
        options: steps, rate, seed, starts, start and verbose, as `search` has them.

    Returns:
        a `Found`, whose images are G(z) and whose losses are sums over an image's values.
    """
    images = checks.images(model, images)

    def loss(z, made, wanted, *labels):
        return tf.reduce_sum((made - wanted) ** 2, axis=range(1, made.shape.rank))

    z, losses = search(model, loss, (images,), labels=labels, **options)
    made = latent.decode(model, z, labels)
    return Found(made, made, z, losses)


def unusual(
    model: Latents,
    images: ArrayLike,
    labels: ArrayLike | None = None,
    weight: float = 0.1,
    steps: int = 500,
    **options,
) -> Found:
    """How far images are from what the model makes, in pixels and in what its discriminator sees.

    Unlike the paper, which takes the last step's loss, the least one counts, so that more steps never score
    higher.

    Args:
        model: a trained generative adversarial network whose D ends in a layer with weights; any model that
            makes images of codes, if weight is 0.
        images: (n, h, w, c) in the model's `value_range`, or bytes.
        labels: of a conditional model.
        weight: of D's features, in [0, 1]; pixels have the rest.
        steps: as `search` has them, as are `options`: rate, seed, starts, start and verbose.

    Returns:
        a `Found`, whose losses are the scores and whose images are G(z): |x - images| says where it is
        unusual.

    Raises:
        InputError: a weight outside of [0, 1], or above 0 where there are no features.
    """
    if not 0 <= weight <= 1:
        raise InputError(f"weight must lie in [0, 1]; received {weight}")
    images = checks.images(model, images)
    seen = _seen_last(model, weight) if weight else lambda x, labels: tf.zeros((tf.shape(x)[0], 0))
    given = None if labels is None else latent.labels_of(model, labels, (len(images),))
    parts = [slice(i, i + BATCH) for i in range(0, len(images), BATCH)]
    of_images = [seen(images[part], None if given is None else given[part]).numpy() for part in parts]

    def compared(z, made, wanted, features, *labels):
        pixels = tf.reduce_sum(tf.abs(made - wanted), axis=range(1, made.shape.rank))
        other = tf.reduce_sum(tf.abs(seen(made, *(labels or (None,))) - features), axis=1)
        return (1 - weight) * pixels + weight * other

    rows = (images, np.concatenate(of_images))
    z, losses = search(model, compared, rows, steps=steps, labels=labels, **options)
    made = latent.decode(model, z, labels)
    return Found(made, made, z, losses)


def _seen_last(model, weight):
    """A function of (images, labels): what the discriminator's last layer sees, float32 (n, features)."""
    network = model.network("discriminator", False) if isinstance(model, AdversarialModel) else None
    layers = network.layers[::-1] if network else []
    behind = list(itertools.takewhile(lambda layer: not layer.weights, layers))
    last = next(iter(layers[len(behind) :]), None)
    if last is None or any(isinstance(layer.input, list) for layer in (last, *behind)):
        raise InputError(
            f"{type(model).__name__} has no discriminator that ends in a layer with weights, whose input "
            f"counts by weight={weight}; give weight=0"
        )
    inputs = network.inputs if len(network.inputs) > 1 else network.inputs[0]
    body = keras.Model(inputs, last.input)

    def seen(images, labels):
        features = body(model.told(images, labels), training=False)
        return tf.cast(tf.reshape(features, (-1, np.prod(features.shape[1:]))), tf.float32)

    return seen


def inpaint(
    model: Latents,
    images: ArrayLike,
    mask: ArrayLike,
    loss: str = "context",
    prior: float | None = None,
    blend: bool = True,
    labels: ArrayLike | None = None,
    steps: int = 500,
    starts: int = 4,
    **options,
) -> Found:
    """Images whose unknown pixels the model has made up, to fit those around.

    Args:
        model: one that makes images of codes. The discriminator of an adversarial one judges what is made,
            the prior of another the code.
        images: (n, h, w, c) in the model's `value_range`, or bytes; what is hidden has no influence.
        mask: 1 where a pixel is known, 0 where not: (h, w), (h, w, 1), or (n, h, w, 1).
        loss: "context", as Yeh et al. compare, or "squares", as the lectures do.
        prior: the weight of D's or the prior's judgement; None: .003 of "context", 1 of "squares".
        blend: whether what is made keeps its gradients and takes its level from around, by
            `blending.poisson`; else it is pasted in as it is.
        labels: of a conditional model.
        steps, starts: as `search` has them, as are `options`: rate, seed, start and verbose.

    Returns:
        a `Found`, whose images have the known pixels as they were given.

    Raises:
        InputError: a mask of another shape, of other values, or of nothing known.
    """
    compared = _inpainting(model, loss, prior)
    images = checks.images(model, images)
    known = _mask(mask, images.shape)
    images = np.where(known > 0, images, np.float32(np.mean(model.value_range)))
    weights = near_hidden(known).numpy() if loss == "context" else known
    z, losses = search(
        model, compared, (images, weights), steps=steps, starts=starts, labels=labels, **options
    )
    made = latent.decode(model, z, labels)
    if blend:
        whole = blending.poisson(made, images, 1 - known)
        whole = np.clip(whole, *model.value_range)
    else:
        whole = np.where(known > 0, images, made)
    return Found(np.where(known > 0, images, whole).astype(np.float32), made, z, losses)


def _inpainting(model, loss, prior=None):
    """The loss (n,) of `inpaint`, a function of (z, G(z), images, weights of their pixels)."""
    if loss not in LOSSES:
        raise unknown("loss", loss, LOSSES)
    weight = LOSSES[loss] if prior is None else prior
    judge = _prior(model)

    @tf.custom_gradient  # TensorFlow's asks at each step whether batches are broadcast, which ONNX cannot
    def distance(made, wanted, weights):
        error = made - wanted
        size, slope = (tf.abs(error), tf.sign(error)) if loss == "context" else (error**2, 2 * error)

        def backwards(above):
            return tf.reshape(above, (-1, 1, 1, 1)) * weights * slope, None, None

        return tf.reduce_sum(weights * size, axis=(1, 2, 3)), backwards

    def compared(z, made, wanted, weights, *labels):
        return tf.add_n([distance(made, wanted, weights), weight * judge(z, made, *labels)])

    return compared


def step_of(model: Latents) -> dict:
    """One step of `inpaint`'s search, by its defaults, as an entry of what `tfgen.export` writes.

    From codes, zero momentum and k = 0 on, each step's next_z and next_momentum are given to the next. The
    least of the losses is that of the result; a page or a server thus runs what `inpaint` runs, but for
    the blending.

    Args:
        model: one that makes images (h, w, c) of codes.

    Returns:
        {"inpaint_step": (method, specs)} of images (n, h, w, c) in the model's `value_range`, mask
        (n, h, w, 1), 1 where known (less where not for sure: the page's brush, whose wide strokes would else
        count at their rims alone), z (n, latent_dim), momentum (n, 2, latent_dim), the number k of the step,
        and labels of a conditional model. The method gives "inpainted", the images with G(z) where they
        are hidden, "losses" (n,) of z, "next_z" and "next_momentum".

    Raises:
        InputError: a model without such codes, or of volumes.
    """
    take = stepping(model, decoder(model), _inpainting(model, "context"), RATE)
    _flat((None, *model.image_shape))

    def inpaint_step(images, mask, z, momentum, k, *labels):
        wanted = tf.where(mask > 0, images, np.float32(np.mean(model.value_range)))
        made, losses, z, momentum = take(k, z, momentum, [wanted, near_hidden(mask), *labels])
        whole = tf.where(mask > 0, images, made)
        return {"inpainted": whole, "losses": losses, "next_momentum": momentum, "next_z": z}

    image, size = model.image_shape, model.latent_dim
    shapes = {"images": image, "mask": (*image[:2], 1), "z": (size,), "momentum": (2, size)}
    specs = [tf.TensorSpec((None, *shape), tf.float32, name) for name, shape in shapes.items()]
    labels = [] if model.label_spec is None else [model.label_spec]
    return {"inpaint_step": (inpaint_step, [*specs, tf.TensorSpec((), tf.int32, "k"), *labels])}


def near_hidden(known: ArrayLike) -> tf.Tensor:
    """W of a mask (n, h, w, 1): of each known pixel the share of unknown ones in a window around it."""
    return known * tf.nn.avg_pool2d(1 - known, WINDOW, 1, "SAME")  # of what lies in the image


def _flat(shape):
    if len(shape) != 4:
        raise InputError(f"inpaint takes images (n, h, w, c); volumes, of shape {shape}, have project alone")


def _mask(mask, shape):
    """A mask as float32 (n, h, w, 1)."""
    _flat(shape)
    mask = blending.masks(mask, shape)
    if not mask.any(axis=(1, 2, 3)).all():
        raise InputError("a mask hides a whole image; leave some pixels known, or use sample")
    return mask.astype(np.float32)


def fit_inverse(
    model: Latents, steps: int = 2000, batch_size: int = 64, width: int = 32, seed: int = 0, verbose: int = 0
) -> keras.Model:
    """A network that guesses the code of an image, trained on the model's own images: |z - E(G(z))|^2.

    Args:
        model: an unconditional one that makes images of codes.
        steps, batch_size: of Adam, rate 1e-3.
        width: channels of the layers next to the image.
        seed: of weights and codes.
        verbose: 1 shows a progress bar.

    Returns:
        A Keras model of images (n, h, w, c) in the model's `value_range` to codes (n, latent_dim), as `start`
        of a search.
    """
    decode = latent.decoder(model)
    if model.label_spec is not None:
        raise InputError(f"fit_inverse takes models without conditions; {type(model).__name__} has labels")
    with random.initial_weights(seed):
        encoder = networks.encoder(
            "convolutional", model.image_shape, width=width, outputs=model.latent_dim, activation="relu"
        )
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(encoder.trainable_variables)

    @tf.function(autograph=False)
    def step(number):
        z = model.draw_codes(random.fold_in(random.key(seed), number), batch_size)
        with tf.GradientTape() as tape:
            loss = inversion_loss("latent", functools.partial(encoder, training=True), decode, z)
        optimizer.apply(tape.gradient(loss, encoder.trainable_variables))
        return loss

    progress = keras.utils.Progbar(steps, verbose=verbose, unit_name="step")
    for number in range(steps):
        progress.add(1, [("loss", step(tf.constant(number)))])
    return encoder
