"""AL-CGAN: losses by hand, what the discriminator asks for, attributes by image and of any size."""

import keras
import numpy as np
import pytest
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import ALCGAN

RNG = np.random.default_rng(0)
INPUTS = np.float32(RNG.uniform(-1, 1, (3, 8, 8, 3)))
IMAGES = np.float32(RNG.uniform(-1, 1, (3, 8, 8, 1)))
LABELS = np.float32(RNG.uniform(0, 1, (3, 2)))


def build(**kwargs):
    model = ALCGAN(**{**ALCGAN.tiny, "seed": 0, **kwargs})
    model.compile()
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def test_the_losses_are_the_papers(model):
    step = step_of(model, INPUTS, IMAGES, LABELS)
    fakes = model.fakes(step)
    real, fake = (model.score(x, INPUTS, LABELS, True).numpy() for x in (IMAGES, fakes))
    loss, _ = model.discriminator_objective(step)
    assert float(loss) == pytest.approx(
        np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake))), rel=1e-5
    )
    assert float(model.generator_objective(step)[0]) == pytest.approx(
        np.mean(np.log1p(np.exp(-fake))), rel=1e-5
    )


def scenes(n, rng):
    """Layouts that say left or right by their sign, and photos whose other half is as bright as asked."""
    right, bright = rng.integers(0, 2, n), rng.uniform(0, 1, n).astype("float32")
    layouts = np.where(right, 1.0, -1.0).reshape(n, 1, 1, 1) * np.ones((n, 8, 8, 1))
    photos = np.full((n, 8, 8, 1), -1.0)
    for photo, side, light in zip(photos, right, bright):
        photo[:, 4 * side : 4 * side + 4] = 2 * light - 1
    return layouts.astype("float32"), photos.astype("float32"), bright[:, None]


def test_what_is_asked_is_made_and_exchanged_attributes_are_noticed():
    """After 300 steps on two halves, of which the layout names one, as bright as the attribute says."""
    model = ALCGAN((8, 8, 1), 1, 1, latent_dim=2, width=16, depth=1, seed=0)
    model.compile({name: keras.optimizers.Adam(1e-3, beta_1=0.5) for name in model.objectives()})
    rng = np.random.default_rng(0)
    model.fit(scenes(1600, rng), batch_size=32, epochs=6, shuffle=False, verbose=0)
    layouts, photos, bright = scenes(64, rng)
    named = layouts[:, 0, 0, 0] > 0
    made = np.asarray(model.translate(layouts, labels=bright))
    left, right = made[:, :, :4].mean((1, 2, 3)), made[:, :, 4:].mean((1, 2, 3))
    assert np.corrcoef(np.where(named, right, left), bright[:, 0])[0, 1] > 0.9
    assert np.where(named, left, right).mean() < -0.9
    given = ((layouts, bright), (layouts, 1 - bright), (-layouts, bright))
    right, *exchanged = (model.score(photos, *asked).numpy().mean() for asked in given)
    assert right > max(exchanged) + 0.3


def test_attributes_and_noise_are_of_their_own_image_alone(model):
    made = model.translate(INPUTS, seed=3, labels=LABELS).numpy()
    np.testing.assert_allclose(model.sample(3, seed=3, inputs=INPUTS, labels=LABELS), made, atol=1e-6)
    np.testing.assert_allclose(model.translate(INPUTS[:1], seed=3, labels=LABELS[0]), made[:1], atol=1e-6)
    other = model.translate(INPUTS, seed=3, labels=np.float32([1 - LABELS[0], *LABELS[1:]])).numpy()
    changed = np.abs(other - made).max(axis=(1, 2, 3))
    assert changed[0] > 1e-5 and changed[1:].max() < 1e-6
    assert np.abs(model.translate(INPUTS, seed=4, labels=LABELS) - made).max(axis=(1, 2, 3)).min() > 1e-5
    # Without attributes they are drawn, by the seed.
    drawn = model.translate(INPUTS, seed=3).numpy()
    np.testing.assert_array_equal(model.translate(INPUTS, seed=3), drawn)
    assert np.abs(drawn - made).max() > 1e-5


def test_layouts_of_any_size_are_told_everywhere(model):
    wide = np.tile(INPUTS[:1], (1, 1, 3, 1))
    made = model.translate(wide, seed=3, labels=LABELS[0]).numpy()
    other = model.translate(wide, seed=3, labels=1 - LABELS[0]).numpy()
    assert made.shape == (1, 8, 24, 1) and np.abs(other - made).max(axis=(0, 1, 3)).min() > 1e-6


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: build(image_shape=(9, 8, 1)), "of depth 1 takes images whose sizes are multiples of 2"),
        (lambda m: build(attributes=0), "attributes must be at least 1; received 0"),
        (lambda m: m.translate(INPUTS, labels=2 * np.ones(2)), r"takes labels in \[0, 1\]; received 2 to 2"),
        (
            lambda m: m.translate(INPUTS, labels=[0.5]),
            r"takes labels float32 of shape \(3, 2\), or one",
        ),
        (lambda m: m.translate(INPUTS, captions=1), "unknown argument of ALCGAN.translate 'captions'"),
        (
            lambda m: m.translate(3.0, labels=LABELS),
            r"inputs \(n, height, width, 3\); received \(\)",
        ),
        (lambda m: m.sample(2), "ALCGAN translates images; give inputs, or use translate"),
    ],
)
def test_bad_input_is_named(model, call, message):
    with pytest.raises(InputError, match=message):
        call(model)
