import io

import numpy as np
import pytest
import tensorflow as tf
from data_cases import everything, model, noise, smooth
from PIL import Image, ImageOps

from tfgen.data import images as ops
from tfgen.data import load
from tfgen.errors import InputError


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


def encoded(pixels, form, **options):
    contents = io.BytesIO()
    Image.fromarray(pixels).save(contents, form, **options)
    return contents.getvalue()


UPRIGHT, TURNED = Image.Exif(), Image.Exif()
UPRIGHT[0x0112], TURNED[0x0112] = 1, 6
BY_TENSORFLOW = {
    "jpeg": encoded(smooth(33, 47), "JPEG", quality=60),
    "grey": encoded(smooth(33, 47, 1)[..., 0], "JPEG"),
    "camera": encoded(smooth(33, 47), "JPEG", exif=UPRIGHT),
    "png": encoded(smooth(33, 47), "PNG"),
    "png of a camera": encoded(smooth(33, 47), "PNG", exif=UPRIGHT),
}
BY_PILLOW = {
    "turned": encoded(smooth(33, 47), "JPEG", exif=TURNED),
    "webp": encoded(smooth(33, 47), "WEBP", lossless=True),
    "bmp": encoded(smooth(33, 47), "BMP"),
}


@pytest.mark.parametrize("name", [*BY_TENSORFLOW, *BY_PILLOW])
def test_decoding_is_pillows_and_tensorflows_where_it_can_be(name):
    """Pillow holds Python's lock, so that most files must not need it."""
    contents = {**BY_TENSORFLOW, **BY_PILLOW}[name]
    assert ops.for_tensorflow(contents, "x") == (name in BY_TENSORFLOW)
    got = tf.function(ops.decode)(contents, "x", tf.constant(name in BY_TENSORFLOW))
    want = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(contents))))
    np.testing.assert_array_equal(got, want.reshape(*want.shape[:2], -1))


def test_a_file_is_tried_when_its_first_turn_comes_and_then_decoded_by_tensorflow(tmp_path, monkeypatch):
    contents = {**BY_TENSORFLOW, **BY_PILLOW}
    for name in contents:
        (tmp_path / f"{name}.png").write_bytes(contents[name])
    tried, by_pillow = [], []
    for_tensorflow, pillow = ops.for_tensorflow, ops._by_pillow
    monkeypatch.setattr(ops, "for_tensorflow", lambda *a: (tried.append(a[1]), for_tensorflow(*a))[1])
    monkeypatch.setattr(ops, "_by_pillow", lambda *a: (by_pillow.append(a[1]), pillow(*a))[1])
    images = load(tmp_path, image_shape=(8, 8, 3), batch_size=2, drop_remainder=False, epochs=range(3))
    assert not tried
    assert len(everything(images)) == 3 * len(contents)
    assert sorted(tried) == sorted(str(tmp_path / f"{name}.png") for name in contents)
    assert {path: by_pillow.count(path) for path in by_pillow} == {
        str(tmp_path / f"{name}.png"): 1 + 3 for name in BY_PILLOW
    }


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"\xff",
        BY_TENSORFLOW["jpeg"][:-200],  # has lost its end
        BY_TENSORFLOW["jpeg"][:300] + b"\xff\xd9",  # and has one again
        BY_TENSORFLOW["png"][:60] + BY_TENSORFLOW["png"][-20:],
        BY_TENSORFLOW["camera"][:300] + b"\xff\xd9",
        b"GIF89a",
    ],
)
def test_what_cannot_be_decoded_is_named(contents, tmp_path):
    with pytest.raises(InputError, match=r"cannot read the image a/b\.jpg: "):
        ops.for_tensorflow(contents, "a/b.jpg")
    (tmp_path / "b.jpg").write_bytes(contents)
    with pytest.raises(InputError, match=rf"cannot read the image {tmp_path}/b\.jpg: "):
        ops.read(tmp_path / "b.jpg", 3)
