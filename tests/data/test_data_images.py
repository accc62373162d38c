import io

import numpy as np
import tensorflow as tf
from data_cases import everything, model, noise, smooth
from PIL import Image

from tfgen.data import images as ops
from tfgen.data import load


def test_resizing_is_antialiased_and_keeps_proportions():
    picture = smooth(24, 40)
    got = everything(load(picture[None], image_shape=(12, 12, 3), batch_size=1))[0]
    want = np.asarray(Image.fromarray(picture).resize((20, 12), Image.BILINEAR))[:, 4:16]
    assert np.abs(got.astype(int) - want).max() <= 1
    checks = np.indices((24, 24)).sum(0)[None] % 2 * 255
    grey = everything(load(checks, image_shape=(8, 8, 1), batch_size=1))
    assert np.abs(grey[:, 1:-1, 1:-1] - 127.0).max() < 25  # without antialiasing it is 0 or 255
    larger = everything(
        load(smooth(28, 28, 1)[None], for_model=model((32, 32, 1)), batch_size=1, dtype="uint8")
    )
    want = np.asarray(Image.fromarray(smooth(28, 28, 1)).resize((32, 32), Image.BILINEAR))
    assert np.abs(larger[0, :, :, 0].astype(int) - want).max() <= 1
    odd = everything(load(smooth(17, 31)[None], image_shape=(10, 13, 3), batch_size=1))
    assert odd.shape == (1, 10, 13, 3)


def test_random_crops_are_windows_that_move_by_epoch():
    rows, columns = np.indices((12, 8))
    places = np.stack([rows, columns, rows * 0], -1).astype(np.uint8)
    images = np.repeat(places[None], 40, 0)
    images[..., 2] = np.arange(40)[:, None, None]

    def crops(**options):
        options = dict(image_shape=(8, 8, 3), batch_size=8, crop="random", **options)
        found = everything(load(images, **options))
        moved = found - found[:, :1, :1]
        np.testing.assert_array_equal(moved, np.broadcast_to(places[:8], moved.shape))
        return {int(number): int(row) for row, _, number in found[:, 0, 0]}

    first = crops(epochs=range(1))
    assert set(first.values()) == {0, 1, 2, 3, 4}
    assert crops(epochs=range(1), shuffle=False) == first  # by example, not by position
    assert crops(epochs=range(1, 2)) != first and crops(epochs=range(1), seed=1) != first
    centre = everything(load(images, image_shape=(8, 8, 3), batch_size=8))
    assert set(centre[:, 0, 0, 0].tolist()) == {2}


def test_channels_are_converted():
    colour = smooth(8, 8)
    grey = np.asarray(Image.fromarray(colour).convert("L"))
    alpha = np.concatenate([colour, np.full((8, 8, 1), 9, np.uint8)], -1)

    def converted(image, channels):
        return everything(load(image[None], image_shape=(8, 8, channels), batch_size=1))[0]

    np.testing.assert_array_equal(converted(colour, 1)[..., 0], grey)
    np.testing.assert_array_equal(converted(colour, 3), colour)
    np.testing.assert_array_equal(converted(grey, 3), np.repeat(grey[..., None], 3, -1))
    assert everything(load(alpha[None], batch_size=1)).shape == (1, 8, 8, 4)


def test_what_is_transparent_is_white(tmp_path):
    """Where a viewer shows white, a model trains on white, and no hidden colour bleeds into what is seen."""
    pixels = np.concatenate([smooth(16, 16), noise(16, 16, 1)], -1)
    pixels[:, :8, 3] = 0  # hidden colours
    image = Image.fromarray(pixels)
    want = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "b.webp", lossless=True, exact=True)
    for source in (pixels[None], tmp_path):
        for got in everything(load(source, image_shape=(16, 16, 3), batch_size=1)):
            assert np.abs(got.astype(int) - np.asarray(want)).max() <= 1
            assert (got[:, :8] == 255).all()
            small = everything(load(source, image_shape=(4, 4, 3), batch_size=1))[0]
            assert (small[:, 0] == 255).all()
    grey = np.stack([smooth(8, 8, 1), np.zeros((8, 8), np.uint8)], -1)
    assert (everything(load(grey[None], image_shape=(8, 8, 1), batch_size=1)) == 255).all()
    (tmp_path / "c").mkdir()
    palette = Image.fromarray(smooth(8, 8)).quantize(4)
    palette.save(tmp_path / "c" / "c.png", transparency=bytes(4))
    palette.save(tmp_path / "c" / "d.gif", transparency=palette.getpixel((0, 0)))
    got = everything(load(tmp_path / "c", batch_size=2, shuffle=False))
    assert (got[0] == 255).all() and (got[1, 0, 0] == 255).all()


# Binarisation


def test_static_ink_belongs_to_the_example():
    images = np.full((40, 8, 8, 1), 102, np.uint8)
    images[:, 0] = 255
    images[:, 1] = 0

    def ink(**options):
        pair = everything(load((images, np.arange(40)), binarize="static", **options))
        return pair[0][np.argsort(pair[1])]

    first = ink(epochs=range(1), batch_size=8)
    assert set(np.unique(first)) == {0, 255}
    assert (first[:, 0] == 255).all() and (first[:, 1] == 0).all()
    assert abs((first[:, 2:] == 255).mean() - 102 / 255) < 0.04  # 3.5 sigma
    assert len(np.unique(first.reshape(40, -1), axis=0)) == 40
    np.testing.assert_array_equal(ink(epochs=range(5, 6), batch_size=20), first)
    np.testing.assert_array_equal(ink(shuffle=False, batch_size=7), first)
    assert (ink(seed=1, batch_size=8) != first).any()


def test_dynamic_ink_is_drawn_anew_each_epoch():
    images = np.full((16, 8, 8, 1), 128, np.uint8)

    def ink(epoch, **options):
        pair = everything(
            load((images, np.arange(16)), binarize="dynamic", epochs=range(epoch, epoch + 1), **options)
        )
        return pair[0][np.argsort(pair[1])]

    first = ink(0, batch_size=8)
    np.testing.assert_array_equal(ink(0, batch_size=16, shuffle=False), first)
    assert 0.4 < (ink(1, batch_size=8) != first).mean() < 0.6
    unit = everything(
        load(images, for_model=model(value_range=(0.0, 1.0)), batch_size=16, binarize="dynamic")
    )
    assert set(np.unique(unit)) == {0.0, 1.0}


def test_decoding_is_pillows():
    contents = io.BytesIO()
    Image.fromarray(smooth(33, 47)).save(contents, "JPEG", quality=60)
    got = tf.function(ops.decode)(tf.constant(contents.getvalue()), tf.constant("x"))
    np.testing.assert_array_equal(got, np.asarray(Image.open(contents)))
