"""Adam on codes alone, each row for itself: what all searches of `tfgen.analysis.search` run."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfgen import random
from tfgen.analysis import latent
from tfgen.errors import InputError
from tfgen.models.abilities import Latents
from tfgen.priors import Normal, Uniform

RATE = 0.1  # of Adam, in units of z
BATCH = 64  # rows of a search
BLOCK = 50  # steps between two looks at the progress


def search(
    model: Latents,
    loss: Callable,
    rows: tuple,
    steps: int = 500,
    rate: float = RATE,
    seed: int = 0,
    starts: int = 1,
    start: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    verbose: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The codes of the least loss that Adam meets.

    A row's result depends on its own values, its place and the seed, not on the rows beside it. A uniform
    prior keeps the codes within its ends.

    Args:
        model: whose prior is normal or uniform.
        loss: a function of (z, images, *rows), tensors of as many rows, and of a conditional model's labels,
            that gives a loss for each row, (n,).
        rows: arrays (n, ...), what the loss compares with; at least one.
        steps: of Adam.
        rate: of Adam, in units of z.
        seed: of the first codes.
        starts: how many first codes are tried.
        start: first codes (n, latent_dim) for the first try, as an encoder's; else they are drawn.
        labels: of a conditional model, for each row, or one for all.
        verbose: 1 shows a progress bar.

    Returns:
        (codes (n, latent_dim), losses (n,)).

    Raises:
        InputError: a model without codes or of another prior, steps or starts below 1.
    """
    decode = decoder(model)
    for name, value in (("steps", steps), ("starts", starts)):
        if value < 1:
            raise InputError(f"{name} must be at least 1; received {value}")
    n = len(rows[0])
    labels = latent.labels_of(model, labels, (n,))
    if start is not None and np.shape(start) != (n, model.latent_dim):
        raise InputError(f"start must have the shape ({n}, {model.latent_dim}); received {np.shape(start)}")
    parts = [np.arange(i, min(i + BATCH, n)) for i in range(0, n, BATCH)]
    progress = keras.utils.Progbar(len(parts) * starts * steps, verbose=verbose, unit_name="step")
    move = _moves(model, decode, loss, rate)
    found = []
    for part in parts:
        given = [tf.constant(x[part]) for x in (*rows, *([] if labels is None else [labels]))]
        tried = []
        for number in range(starts):
            key = random.fold_in(random.key(seed), number)
            z = model.draw_codes(key, len(part), int(part[0]))
            if number == 0 and start is not None:
                z = tf.constant(np.asarray(start, np.float32)[part])
            tried.append(_run(move, z, given, steps, progress))
        best = np.argmin([losses for _, losses in tried], axis=0)
        found.append([np.stack(each)[best, np.arange(len(part))] for each in zip(*tried)])
    z, losses = (np.concatenate(each) for each in zip(*found))
    return z, losses


def decoder(model):
    """What makes images of codes, once a search can move them."""
    decode = latent.decoder(model)
    if not isinstance(model.prior, Normal | Uniform):
        raise InputError(
            f"a search moves codes freely, of a normal or a uniform prior; that of {type(model).__name__} "
            f"is {model.prior.values['distribution']}"
        )
    return decode


def _run(move, z, given, steps, progress):
    state = (z, tf.zeros((len(z), 2, z.shape[1])), z, tf.fill(z.shape[:1], np.float32(np.inf)))
    move = move.get_concrete_function(tf.constant(0), tf.constant(0), state, given)  # a search has its own
    for done in range(0, steps, BLOCK):
        count = min(BLOCK, steps - done)
        state = move(tf.constant(done), tf.constant(done + count), state, given)
        progress.add(count)
    *_, best, losses = move(tf.constant(steps), tf.constant(steps), state, given)
    return best.numpy(), losses.numpy()


def stepping(model, decode, loss, rate):
    """A function of (k, z, momentum, given) that takes Adam's step k, from 0, of a search.

    It gives (G(z), losses) before the step, and (z, momentum) behind it: (n, 2, latent_dim), the mean of the
    slope and the root of that of its square, both 0 at first.
    """
    low, high = (model.prior.low, model.prior.high) if isinstance(model.prior, Uniform) else (-np.inf, np.inf)
    labels = slice(0) if model.label_spec is None else slice(-1, None)

    def step(k, z, momentum, given):
        with tf.GradientTape() as tape:
            tape.watch(z)
            made = decode(z, *given[labels])
            losses = loss(z, made, *given)
        slope = tape.gradient(losses, z)  # of the sum: each row's own
        mean, root = tf.unstack(momentum, axis=1)
        mean, root = 0.9 * mean + 0.1 * slope, tf.sqrt(0.999 * root**2 + 0.001 * slope**2)
        t = tf.cast(k + 1, tf.float32)
        ahead = mean / (1 - 0.9**t) / (root / tf.sqrt(1 - 0.999**t) + 1e-8)
        return made, losses, tf.clip_by_value(z - rate * ahead, low, high), tf.stack([mean, root], axis=1)

    return step


def _moves(model, decode, loss, rate):
    """A compiled function that takes Adam from one step to another, and looks at where it ends."""
    take = stepping(model, decode, loss, rate)
    labels = slice(0) if model.label_spec is None else slice(-1, None)

    def kept(z, losses, best, least):
        better = losses < least
        return tf.where(better[:, None], z, best), tf.where(better, losses, least)

    @tf.function(autograph=False)
    def move(first, last, state, given):
        def step(k, z, momentum, best, least):
            _, losses, ahead, momentum = take(k, z, momentum, given)
            return k + 1, ahead, momentum, *kept(z, losses, best, least)

        _, z, momentum, best, least = tf.while_loop(lambda k, *_: k < last, step, (first, *state))
        return z, momentum, *kept(z, loss(z, decode(z, *given[labels]), *given), best, least)

    return move
