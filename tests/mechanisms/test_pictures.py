"""Pictures of many images."""

import numpy as np
import pytest
from PIL import Image

from tfgen import pictures
from tfgen.errors import InputError


def test_a_grid_has_every_image_at_its_place():
    images = np.zeros((3, 8, 16, 1), np.float32)
    images[:] = np.array([-1.0, 0.5, 5.0])[:, None, None, None]  # black, middle, beyond white
    image = pictures.grid(images, (-1, 1), columns=2, gap=2)
    pixels = np.asarray(image)  # enlarged four times, to 32x64
    assert image.mode == "L" and pixels.shape == (32 + 2 + 32, 64 + 2 + 64)
    assert (pixels[:32, :64] == 0).all()
    assert (pixels[:32, 66:] == 191).all()
    assert (pixels[34:, :64] == 255).all()
    assert (pixels[34:, 66:] == 128).all() and (pixels[32:34] == 128).all()  # no image
    with pytest.raises(InputError, match="NaN"):
        pictures.grid(np.full((1, 8, 8, 1), np.nan))
    with pytest.raises(InputError, match="a grid needs"):
        pictures.grid(np.zeros((8, 8, 1)))


@pytest.mark.parametrize("n, columns, rows", [(1, 1, 1), (5, 5, 1), (32, 8, 4), (64, 8, 8), (100, 10, 10)])
def test_a_grid_has_no_holes(n, columns, rows):
    assert pictures.grid(np.zeros((n, 40, 40, 3))).size == (columns * 82 - 2, rows * 82 - 2)


def test_titles_stand_above_their_columns():
    images = np.zeros((4, 64, 64, 3))
    plain = np.asarray(pictures.grid(images, columns=2))
    titled = np.asarray(pictures.grid(images, columns=2, titles=["cat", "1" * 99]))
    np.testing.assert_array_equal(titled[pictures.TITLE :], plain)
    dark = (titled[: pictures.TITLE] < 128).all(axis=(0, 2)) | (titled[: pictures.TITLE] < 128).any(
        axis=(0, 2)
    )
    left, right = dark[:64], dark[66:]
    assert 10 < left.sum() < 40 and abs(np.flatnonzero(left).mean() - 32) < 3
    assert right.sum() > 20 and not dark[64:66].any()  # cut, not over the edge
    assert pictures.grid(images[..., :1], columns=2, titles="ab").mode == "L"
    with pytest.raises(InputError, match="a grid of 2 columns needs as many titles"):
        pictures.grid(images, columns=2, titles=["cat"])


def test_a_table_has_titled_columns_of_grey_and_colour():
    grey, colour = np.full((2, 64, 64, 1), 0.2), np.zeros((2, 64, 64, 3))
    colour[1, ..., 0] = 1
    picture = pictures.table({"before": grey, "after": colour})
    pixels = np.asarray(picture)
    assert pixels.shape == (16 + 64 + 2 + 64, 64 + 2 + 64, 3)
    assert (pixels[16:80, :64] == 51).all() and (pixels[16:80, 66:] == 0).all()
    assert (pixels[82:, 66:] == (255, 0, 0)).all() and (pixels[:, 64:66] == 128).all()
    assert all((pixels[:16, x : x + 64] < 128).any() for x in (0, 66))
    assert pictures.table({"before": grey}).mode == "L"


def test_a_volume_is_seen_from_three_sides():
    """Two voxels in a volume of depth 4, height 3 and width 5; the one behind is darker."""
    volume = np.zeros((1, 4, 3, 5, 1), np.uint8)
    volume[0, 0, 1, 2] = volume[0, 3, 2, 4] = 255
    front, above, side = np.split(pictures.views(volume)[0, ..., 0], [5, 10], axis=1)
    far = 255 * pictures.FAR
    lit = {name: dict(zip(zip(*np.nonzero(x)), x[x > 0])) for name, x in zip("fas", (front, above, side))}
    assert lit["f"] == {(1, 2): 255, (2, 4): round(far)}
    assert lit["a"] == {(0, 2): round((255 + far) / 2), (3, 4): round(far)}  # of the rows 1 and 2 of 0..2
    assert lit["s"] == {(1, 0): round((255 + far) / 2), (2, 3): round(far)}
    assert front.shape == above.shape == (4, 5) and side.shape == (4, 4)
    assert pictures.grid(volume, (0, 255)).size == ((5 + 5 + 4) * 13, 4 * 13)
    assert pictures.to_picture(volume[0]).size == (14, 4)


def test_volumes_turn_about_their_vertical_axis(tmp_path):
    volume = np.zeros((2, 8, 8, 8, 1))
    volume[:, 4:, 2, 4:] = 1  # a quarter of a storey
    pictures.turning(volume, (0, 1), tmp_path / "turning.gif")
    with Image.open(tmp_path / "turning.gif") as gif:
        frames = []
        for k in range(gif.n_frames):
            gif.seek(k)
            frames.append(np.asarray(gif.convert("L"))[:64, :64] > 64)
    assert len(frames) == pictures.FRAMES
    assert all(x[16:24].any() and not x[32:].any() for x in frames)  # it keeps its height
    assert frames[0][:, 32:].any() and not frames[0][:, :24].any()
    assert frames[12][:, :32].any() and not frames[12][:, 40:].any()  # half a turn
    with pytest.raises(InputError, match="volumes have shape"):
        pictures.turning(volume[0], (0, 1), tmp_path / "turning.gif")


def test_clips_are_played_side_by_side(tmp_path):
    clips = np.zeros((2, 3, 64, 64, 1))
    for k in range(3):
        clips[0, k, 20 * k : 20 * k + 20] = clips[1, k, :, 20 * k : 20 * k + 20] = 1
    pictures.moving(clips, (0, 1), tmp_path / "moving.gif")
    with Image.open(tmp_path / "moving.gif") as gif:
        assert gif.n_frames == 3 and gif.size == (130, 64)
        for k in range(3):
            gif.seek(k)
            seen = np.asarray(gif.convert("L")) > 127
            np.testing.assert_array_equal(seen[:, :64], clips[0, k, ..., 0] > 0)
            np.testing.assert_array_equal(seen[:, 66:], clips[1, k, ..., 0] > 0)
    with pytest.raises(
        InputError, match=r"clips have shape \(n, frames, height, width, channels\); received"
    ):
        pictures.moving(clips[0], (0, 1), tmp_path / "moving.gif")


def test_a_text_stands_above_its_row():
    rows = {"a red bird": np.zeros((3, 32, 32, 3)), "w" * 99: np.ones((3, 32, 32, 3))}
    pixels = np.asarray(pictures.captioned(rows))
    assert pixels.shape == (2 * (pictures.TITLE + 64), 3 * 66 - 2, 3)
    wrapped = pictures.captioned({"a": np.zeros((3, 32, 32, 1)), "b": np.ones((1, 32, 32, 1))}, columns=2)
    assert wrapped.size == (130, 2 * pictures.TITLE + 130 + 64) and wrapped.getpixel((129, 200)) == 128
    for row, value in enumerate((0, 255)):
        top = row * (pictures.TITLE + 64)
        line, images = pixels[top : top + pictures.TITLE], pixels[top + pictures.TITLE :][:64]
        assert (line < 128).any() and (line[0] == 255).all() and (images[:, :64] == value).all()
