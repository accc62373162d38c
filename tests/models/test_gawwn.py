"""GAWWN: what is where. Boxes and points by hand, the games' losses, samples where they are asked for."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.cli.sampling import places_of
from tfgen.errors import InputError
from tfgen.models import GANCLS, GAWWN

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, (4, 8, 8, 1)).astype("float32")
WORDS = np.array(["red", "a cat", "two", "sun"])
BOXES = np.float32([[0, 0, 0.5, 0.5], [0.5, 0.25, 0.5, 0.75], [0.25, 0, 0.5, 1], [0.5, 0.5, 0.5, 0.5]])[
    :, None
]
POINTS = RNG.uniform(0, 1, (4, 2, 3)).astype("float32")
POINTS[..., 2] = [[1, 0], [1, 1], [0, 0], [0, 1]]


@pytest.fixture(scope="module")
def model():
    return GAWWN(**GAWWN.tiny, seed=0)


@pytest.fixture(scope="module")
def pointed():
    return GAWWN(**GAWWN.tiny, points=2, seed=0)


def captions_of(model):
    return model.fields["captions"].rows(WORDS, "captions", "GAWWN")


def run(network, *parts):
    return network([tf.convert_to_tensor(part) for part in parts]).numpy()


def softplus(x):
    return np.log1p(np.exp(x))


def test_the_losses_are_those_of_gan_cls_and_places_stay_with_their_image(model):
    step = step_of(model, IMAGES, captions_of(model), BOXES, training=False)
    h, fakes = model.texts(step), model.made(step)
    real, fake, wrong = (
        run(model.discriminator, x, text, BOXES)
        for x, text in ((IMAGES, h), (fakes, h), (IMAGES, tf.gather(h, [3, 0, 1, 2])))
    )
    loss, _ = model.discriminator_objective(step)
    want = softplus(-real).mean() + (softplus(wrong).mean() + softplus(fake).mean()) / 2
    assert float(loss) == pytest.approx(want, rel=1e-5)
    assert float(model.generator_objective(step)[0]) == pytest.approx(softplus(-fake).mean(), rel=1e-5)


@pytest.mark.parametrize("kind", ["boxes", "points"])
def test_both_players_see_text_and_place(model, pointed, kind):
    """And of points that are not visible neither sees anything."""
    net, places = (model, BOXES) if kind == "boxes" else (pointed, POINTS)
    h, z = net.encode_text(captions_of(net)), RNG.normal(size=(4, 4)).astype("float32")
    moved = places.copy()
    moved[..., :2] = moved[..., :2][::-1]
    hidden = places.copy()
    hidden[0, -1, :2] = 0.9  # the second point of the first image, which is not visible; or half a box
    for network, first in ((net.generator, z), (net.discriminator, IMAGES)):
        seen = run(network, first, h, places)
        assert np.abs(run(network, first, h, moved) - seen).max() > 1e-6
        assert np.abs(run(network, first, h[::-1], places) - seen).max() > 1e-6
        if kind == "points":
            np.testing.assert_array_equal(run(network, first, h, hidden), seen)


def test_points_that_are_given_stay_and_the_others_are_made(pointed):
    h, z = pointed.encode_text(captions_of(pointed)), tf.constant(RNG.normal(size=(4, 4)), tf.float32)
    made = pointed.placed(z, h, POINTS).numpy()
    visible = POINTS[..., 2] == 1
    np.testing.assert_array_equal(made[visible], POINTS[visible])
    assert np.abs(made - POINTS)[~visible].min() > 1e-6 and 0 < made[~visible].min() and made.max() <= 1
    other = POINTS.copy()
    other[~visible, :2] = 0.123  # nobody looks at what is not visible
    np.testing.assert_array_equal(pointed.placed(z, h, other), made)
    drawn = pointed.sample(4, seed=1, captions=list(WORDS)).numpy()
    assert np.abs(pointed.sample(4, seed=1, captions=list(WORDS), places=POINTS).numpy() - drawn).max() > 1e-6


def test_the_game_of_points_is_a_plain_one(pointed):
    step = step_of(pointed, IMAGES, captions_of(pointed), POINTS, training=False)
    real, fake = (scores.numpy() for scores in pointed.played_points(step)[:2])
    shown = run(pointed.judge_of_points, POINTS * POINTS[..., 2:], pointed.texts(step))
    np.testing.assert_allclose(real, shown, rtol=1e-5)
    loss, _ = pointed.points_discriminator_objective(step)
    assert float(loss) == pytest.approx(softplus(-real).mean() + softplus(fake).mean(), rel=1e-5)
    loss, _ = pointed.points_generator_objective(step)
    assert float(loss) == pytest.approx(softplus(-fake).mean(), rel=1e-5)
    due = [name for name, one in pointed.objectives().items() if one.due(3)]
    assert due == ["discriminator", "generator", "points_discriminator", "points_generator"]


@pytest.mark.parametrize(
    "places, line",
    [
        (
            [0.1, 0.2, 0.95, 0.5],
            r"\(top, left, height, width\) within \[0, 1\]; received 0.1 to 1.05; div",
        ),
        ([-0.1, 0.2, 0.5, 0.5], r"within \[0, 1\]; received -0.1 to 0.7; divide pixels by the image's size"),
        ([4, 4, 10, 10], "received 4 to 14; divide pixels"),
        ([0.1, 0.2, np.nan, 0.5], "the places hold NaN; remove or repair"),
        ([0.1, 0.2, 0.5], r"takes places float32 of shape \(2, 1, 4\), or one for all of shape \(1, 4\)"),
    ],
)
def test_bad_places_are_named(model, places, line):
    with pytest.raises(InputError, match=line):
        model.sample(2, seed=0, captions="red", places=places)


def test_the_command_line_says_places(model, pointed):
    np.testing.assert_allclose(places_of(["0.1,0.2,.5,0.5", "0,0,1,1"], model)[1], [[0, 0, 1, 1]])
    np.testing.assert_allclose(places_of(["0.1,0.2,1"], pointed), np.float32([[[0.1, 0.2, 1], [0, 0, 0]]]))
    for texts, net, line in (
        (
            ["1,2,3"],
            model,
            "a place is top,left,height,width in .0, 1., as 0.1,0.2,0.5,0.5; received '1,2,3'",
        ),
        (["0.5,0.5,0.6,0.1"], model, "within .0, 1.; received 0.1 to 1.1; divide pixels"),
        (["0,0,1"] * 3, pointed, "GAWWN takes 2 places for an image; received 3 --place"),
        (["0,0,1"], GANCLS(**GANCLS.tiny), "GANCLS does not take places; omit --place"),
    ):
        with pytest.raises(InputError, match=line):
            places_of(texts, net)


def test_one_box_needs_no_axis_and_without_any_they_are_drawn(model):
    one = model.sample(2, seed=0, captions="red", places=BOXES[1, 0]).numpy()
    np.testing.assert_array_equal(model.sample(2, seed=0, captions="red", places=BOXES[[1, 1]]), one)
    np.testing.assert_array_equal(model.sample(2, seed=0, captions="red", places=BOXES[[1, 1], 0]), one)
    assert np.abs(model.sample(2, seed=0, captions="red").numpy() - one).max() > 1e-6
    with pytest.raises(InputError, match="sides are multiples of 2, at least 8; received"):
        GAWWN(**{**GAWWN.tiny, "image_shape": (9, 8, 1)})
    with pytest.raises(InputError, match="takes boxes >= 1, or points; received boxes=0"):
        GAWWN(**GAWWN.tiny, boxes=0)
