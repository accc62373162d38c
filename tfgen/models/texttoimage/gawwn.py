"""GAWWN: images of what a text says, where boxes or points say.

Reed, Akata, Mohan, Tenka, Schiele and Lee. Learning What and Where to Draw. NIPS 2016.
https://arxiv.org/abs/1610.02454

The game is GAN-CLS's: see `GANCLS`; both players are told the features h of the text and the places p.

    D:    -E[log D(x, h, p)] - (E[log(1 - D(x, h', p))] + E[log(1 - D(G(z, h, p), h, p))]) / 2
    G:    -E[log D(G(z, h, p), h, p)]

Boxes: h is laid into each box of a grid, and the mean over the boxes makes a vector of what is where for the
global path; the region path makes maps of z and h, which are pasted into the boxes; both together become
the image. D crops the boxes from its maps of the image for its own region path. Both are spatial
transformers, here by two matrices a box (`PasteBoxes`, `CropBoxes`).

Points: the region path's maps, and D's, are multiplied by maps that are 1 at each visible point; these maps
go with the text into the global paths. Points that are not given are made, by a game of their own:

    G_k(z, h, k) = s * k + (1 - s) * f(z, h, k),     s = 1 where k was given, the visible ones

against a discriminator of points and texts; in training each point is given with probability 1 - drop.

Constants are those of the authors' code (github.com/reedscot/nips2016). Unlike it, the text encoder learns
from these images alone (see `CaptionedModel`), all boxes share one z, D's last layers are not normalised (a
batch of fakes minus its mean is as good as a batch of real images), and the networks are smaller, without
residual blocks: the grid has 16 places along the shorter side, or half of the image's pixels.
"""

import math

import keras
import tensorflow as tf
from keras import layers, ops

from tfgen import networks, random
from tfgen.errors import InputError
from tfgen.fields import Boxes, Points
from tfgen.layers import BatchNormalization, CropBoxes, PasteBoxes, PointMaps
from tfgen.models.abilities import Game, Played
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.texttoimage.base import CaptionedModel, matching_loss
from tfgen.networks.blocks import chained, small

POINTS = 0x901A75  # the word of a key that draws points


@model(title="Learning What and Where to Draw", year=2016)
class GAWWN(CaptionedModel):
    """A generator of captions and places, and a discriminator of images with both.

    Its batches are {"images": (n, h, w, c) in [-1, 1], "captions": texts, "places": (n, boxes, 4) or
    (n, points, 3) in [0, 1]}: top, left, height and width of a box, or y, x and whether a point is visible.

    Args:
        image_shape, length, text_dim, text_width, text_steps, width, latent_dim: see `CaptionedModel`.
        boxes: how many.
        points: how many, instead of boxes; those that `sample` is not given are made.
        matching: whether the discriminator sees real images with wrong captions.
        drop: the share of points that the game of points does not give.
    """

    tiny = dict(
        image_shape=(8, 8, 1), length=6, text_dim=8, text_width=8, text_steps=2, width=4, latent_dim=4
    )
    recipe = Recipe(
        "placed_digits",
        batch_size=32,
        epochs=10,
        model=dict(
            image_shape=(32, 32, 1),
            length=8,
            text_dim=16,
            text_width=16,
            text_steps=200,
            width=16,
            latent_dim=16,
            ema_decay=0.995,
        ),
    )
    own_networks = ("generator", "discriminator")

    def __init__(
        self,
        image_shape=(128, 128, 3),
        length=64,
        text_dim=128,
        text_width=64,
        text_steps=2_000,
        width=64,
        latent_dim=100,
        boxes=1,
        points=0,
        matching=True,
        drop=0.9,
        **kwargs,
    ):
        if boxes < 1 or points < 0:
            raise InputError(f"a GAWWN takes boxes >= 1, or points; received boxes={boxes}, points={points}")
        steps = upwards(image_shape)
        if any(size % 2**steps or size < 8 for size in image_shape[:2]):
            raise InputError(
                f"a GAWWN makes images whose sides are multiples of {2**steps}, at least 8; received "
                f"{image_shape}"
            )
        super().__init__(image_shape, length, text_dim, text_width, text_steps, width, latent_dim, **kwargs)
        self.boxes, self.points, self.matching, self.drop = boxes, points, matching, drop
        where = self.fields["places"].shape
        with self.building():
            self.build_encoders()
            self.generator = generator(image_shape, latent_dim, text_dim, where, width)
            self.discriminator = discriminator(image_shape, text_dim, where, width)
            if points:
                self.placer = placer(points, latent_dim, text_dim, width)
                self.judge_of_points = judge_of_points(points, text_dim, width)

    @property
    def fields(self):
        places = Points(self.points) if self.points else Boxes(self.boxes)
        return {**super().fields, "places": places}

    def games(self):
        every = [Game("generator", "discriminator", self.played)]
        if self.points:
            every.append(Game("placer", "judge_of_points", self.played_points, name="points"))
        return every

    def players(self):
        players = super().players()
        if self.points:
            players |= {
                "points_discriminator": Objective(
                    self.points_discriminator_objective, (self.judge_of_points,)
                ),
                "points_generator": Objective(self.points_generator_objective, (self.placer,)),
            }
        return players

    # The game of images.

    def made(self, step):
        return step.once(self._fakes, self.generator)

    def _fakes(self, step):
        z = step.normal("z", self.latent_dim)
        return self.generator([z, *self.described(step)], training=step.training)

    def described(self, step):
        return [*super().described(step), step.batch["places"]]

    # The game of points.

    def placed(self, z, texts, points, training=False):
        """G_k: all points (n, points, 3), of which those that are visible in `points` are kept."""
        points = tf.convert_to_tensor(points)
        given = tf.cast(points[..., 2:] > 0.5, tf.float32)
        made = self.placer([z, texts, points * given], training=training)
        return given * points + (1 - given) * made

    def _points(self, step):
        z, points = step.normal("z of points", self.latent_dim), step.batch["places"]
        keep = tf.cast(step.uniform("which points", self.points) > self.drop, tf.float32)
        return self.placed(z, self.texts(step), points * keep[..., None], step.training)

    def played_points(self, step):
        """As `played`, of points instead of images."""
        real, fake, texts = step.batch["places"], step.once(self._points, self.placer), self.texts(step)
        real = real * real[..., 2:]  # of a point that is not visible the place says nothing
        scores = (self.judge_of_points([x, texts], training=step.training) for x in (real, fake))
        return Played(*scores, step.batch["images"], self.made(step))

    def points_discriminator_objective(self, step):
        real, fake = step.batch["places"], tf.stop_gradient(step.once(self._points, self.placer))
        texts, judge = self.texts(step), self.judge_of_points
        scores = (judge([x, texts], training=step.training) for x in (real * real[..., 2:], fake))
        return matching_loss(*scores), {}

    def points_generator_objective(self, step):
        fake = step.once(self._points, self.placer)
        scores = self.judge_of_points([fake, self.texts(step)], training=step.training)
        return self.adversarial_loss.generator(scores), {}

    # Use.

    def generate(self, z, captions, places):
        """Images (n, h, w, c) in [-1, 1] of latents z (n, latent_dim), captions, strings or int32 (n,
        length), and places (n, boxes, 4) or (n, points, 3), all of which are given."""
        given = [tf.convert_to_tensor(x) for x in (z, self.encode_text(captions), places)]
        return self.network("generator", False)(given, training=False)

    def draw(self, key, n, first_row, captions, places):
        if self.points:
            places = self.draw_points(random.fold_in(key, POINTS), n, first_row, captions, places)
        z = self.prior.draw(key, (n, self.latent_dim), first_row)
        return self.generate(z, captions, places)

    def draw_points(self, key, n, first_row, captions, places):
        """All points (n, points, 3) of captions; those of `places` that are visible are kept."""
        z = self.prior.draw(key, (n, self.latent_dim), first_row)
        return self.placed(z, self.encode_text(captions), places)

    def call(self, z, captions, places, training=False):
        texts = self.text_encoder(captions, training=False)
        return self.network("generator", training)([z, texts, places], training=training)


def upwards(image_shape):
    """How often the grid is doubled to the image's size: it has 16 places along the shorter side, or half."""
    return max(1, int(math.log2(min(image_shape[:2]))) - 4)


def _grid(image_shape):
    return tuple(size >> upwards(image_shape) for size in image_shape[:2])


def _convolved(x, filters, size=3, stride=1, slope=0.0):
    how = dict(strides=stride, padding="same", use_bias=False, kernel_initializer=small())
    stack = [layers.Conv2D(filters, size, **how), BatchNormalization(), layers.LeakyReLU(slope)]
    return chained(x, stack)


def _doubled(x, filters):
    how = dict(strides=2, padding="same", use_bias=False, kernel_initializer=small())
    return chained(x, [layers.Conv2DTranspose(filters, 4, **how), BatchNormalization(), layers.ReLU()])


def _mapped(vector, size, filters):
    """Maps (n, *size, filters) of a vector (n, k)."""
    dense = layers.Dense(math.prod(size) * filters, use_bias=False)
    return chained(vector, [dense, layers.Reshape((*size, filters)), BatchNormalization(), layers.ReLU()])


def _laid(text, places, grid):
    """A text's features (n, k) where the places are: the mean over boxes, or with the maps of points."""
    text = layers.Reshape((1, 1, text.shape[-1]))(text)
    if places.shape[-1] == 4:
        return ops.mean(PasteBoxes(grid)(text, places), axis=1)
    maps, there = _pointed(places, grid)
    return layers.Concatenate()([text * there, maps])


def _pointed(points, grid):
    """Maps (n, *grid, points), and whether any point is at a place, (n, *grid, 1)."""
    maps = PointMaps(grid)(points)
    return maps, ops.max(maps, axis=-1, keepdims=True)


def generator(image_shape, latent_dim, text_dim, where, width):
    """[z, texts, places] -> images in [-1, 1]: a path of all of the image, and one of its places.

    Args:
        where: the shape of an example's places, (boxes, 4) or (points, 3).
        width: filters; the grid has twice as many.
    """
    z, text, places = keras.Input((latent_dim,)), keras.Input((text_dim,)), keras.Input(where)
    grid = _grid(image_shape)
    down = networks.halvings((*grid, 1))
    first = tuple(size >> down for size in grid)

    x = _laid(text, places, grid)
    for _ in range(down):
        x = _convolved(x, 2 * width, 4, 2)
    x = layers.Dense(4 * width, activation="relu")(layers.Flatten()(x))
    noise = layers.Dense(4 * width, activation="relu")(z)
    x = _mapped(layers.Concatenate()([x, noise]), first, 2 * width * 2**down)
    part = _mapped(layers.Concatenate()([z, text]), first, 2 * width * 2**down)
    for step in reversed(range(down)):
        x, part = (_doubled(maps, 2 * width * 2**step) for maps in (x, part))
    if where[-1] == 4:
        part = ops.mean(PasteBoxes()(part, places), axis=1)
    else:
        maps, there = _pointed(places, grid)
        part = layers.Concatenate()([part * there, maps])
    x = _convolved(layers.Concatenate()([x, part]), 2 * width)
    for step in range(upwards(image_shape) - 1):
        x = _doubled(x, max(width >> step, 1))
    how = dict(strides=2, padding="same", kernel_initializer=small(), dtype="float32")
    images = layers.Conv2DTranspose(image_shape[2], 4, activation="tanh", **how)(x)
    return keras.Model([z, text, places], images, name="generator")


def discriminator(image_shape, text_dim, where, width):
    """[images, texts, places] -> logits (n, 1). Its layers "see", of images, and "judge", of maps, texts and
    places, are its halves, so that images that are judged with several texts are seen once."""
    images, grid = keras.Input(image_shape), _grid(image_shape)
    how = dict(strides=2, padding="same", kernel_initializer=small())
    x = chained(images, [layers.Conv2D(width, 4, **how), layers.LeakyReLU(0.2)])
    for step in range(1, upwards(image_shape)):
        x = _convolved(x, width * min(2**step, 2), 4, 2, 0.2)
    see = keras.Model(images, _convolved(x, 2 * width, slope=0.2), name="see")

    maps, text, places = keras.Input(see.output.shape[1:]), keras.Input((text_dim,)), keras.Input(where)
    told = layers.LeakyReLU(0.2)(layers.Dense(text_dim)(text))
    # The places: what is there, with the text.
    both = networks.told(maps, told)
    both = _convolved(both, 2 * width, slope=0.2)
    if where[-1] == 4:
        both = ops.reshape(CropBoxes()(both, places), (-1, *grid, 2 * width))
    else:
        both = both * _pointed(places, grid)[1]
    both = layers.Conv2D(width, 1, kernel_initializer=small())(_convolved(both, 2 * width, 1, slope=0.2))
    both = ops.mean(both, axis=(1, 2))
    if where[-1] == 4:
        both = ops.mean(ops.reshape(both, (-1, where[0], width)), axis=1)
    # All of the image, and the text where the places are.
    x, laid = maps, _laid(told, places, grid)
    for step in range(networks.halvings((*grid, 1))):
        x, laid = _convolved(x, 4 * width * 2**step, 4, 2, 0.2), _convolved(laid, 2 * width, 4, 2)
    x = _convolved(layers.Concatenate()([x, laid]), 4 * width, 1, slope=0.2)
    x = layers.LeakyReLU(0.2)(layers.Dense(width)(layers.Flatten()(x)))
    x = layers.Concatenate()([layers.LeakyReLU(0.2)(both), x])
    x = layers.LeakyReLU(0.2)(layers.Dense(2 * width)(x))
    judge = keras.Model([maps, text, places], layers.Dense(1, dtype="float32")(x), name="judge")

    images, text, places = keras.Input(image_shape), keras.Input((text_dim,)), keras.Input(where)
    return keras.Model([images, text, places], judge([see(images), text, places]), name="discriminator")


def placer(points, latent_dim, text_dim, width):
    """f: [z, texts, points (n, points, 3)] -> points in (0, 1)."""
    z, text, given = keras.Input((latent_dim,)), keras.Input((text_dim,)), keras.Input((points, 3))
    x = layers.Concatenate()([z, text, layers.Flatten()(given)])
    for _ in range(3):
        x = chained(x, [layers.Dense(4 * width, use_bias=False), BatchNormalization(), layers.ReLU()])
    x = layers.Dense(points * 3, activation="sigmoid", dtype="float32")(x)
    made = layers.Reshape((points, 3), dtype="float32")(x)
    return keras.Model([z, text, given], made, name="placer")


def judge_of_points(points, text_dim, width):
    """[points (n, points, 3), texts] -> logits (n, 1)."""
    given, text = keras.Input((points, 3)), keras.Input((text_dim,))
    x = layers.Concatenate()([layers.Flatten()(given), text])
    for _ in range(2):
        x = layers.LeakyReLU(0.2)(layers.Dense(4 * width)(x))
    return keras.Model([given, text], layers.Dense(1, dtype="float32")(x), name="judge_of_points")
