"""What a training does to its images: mirrors, places, repetitions; and what shows a run."""

import numpy as np
from data_cases import (
    everything,
    folders,
    model,
    noise,
    numbered,
    numbers,
    paired,
    smooth,
)

from tfgen.data import examples, load, size


def test_half_of_the_images_are_mirrored_each_epoch_anew():
    ramp = np.broadcast_to(np.arange(8, dtype=np.uint8) * 10, (200, 8, 8)).copy()
    ramp[:, 0, :] = np.arange(200, dtype=np.uint8)[:, None]

    def mirrored(epoch, **options):
        images = everything(load(ramp, flip=True, epochs=range(epoch, epoch + 1), **options))[..., 0]
        falling = images[:, 1, 0] > images[:, 1, -1]
        assert (np.sort(images[:, 1]) == ramp[0, 1]).all()
        return {int(number): bool(each) for number, each in zip(images[:, 0, 0], falling)}

    first = mirrored(0, batch_size=50)
    assert 70 < sum(first.values()) < 130
    assert mirrored(0, batch_size=200) == mirrored(0, batch_size=200, cache=True) == first
    assert mirrored(1, batch_size=50) != first and mirrored(0, batch_size=50, seed=1) != first
    assert not any(mirrored(0, batch_size=50, shuffle=False).values())
    assert not any(mirrored(0, batch_size=50, split="train[:50]", shuffle=False).values())


def test_enlarged_images_are_cut_at_random_places():
    images = np.stack([smooth(16, 16)] * 30)

    def cut(epoch, **options):
        options = {"image_shape": (8, 8, 3), "enlarge": 1.25, "batch_size": 30, **options}
        return everything(load(images, epochs=range(epoch, epoch + 1), **options))

    whole = everything(load(images[:1], image_shape=(10, 10, 3), batch_size=1))[0]
    windows = {whole[y : y + 8, x : x + 8].tobytes() for y in range(3) for x in range(3)}
    assert {image.tobytes() for image in cut(0)} == windows  # 30 draws of 9 places miss one with 0.26
    assert (cut(0) == cut(0, cache=True)).all() and (cut(0) != cut(1)).any()
    assert len(np.unique(cut(0, shuffle=False), axis=0)) == 1


def test_an_epoch_may_take_each_image_several_times():
    pair = numbered(5)
    options = dict(image_shape=(8, 8, 1), batch_size=5, repeat=3)
    assert size(pair[0], repeat=3) == 15
    straight = numbers(load(pair, epochs=range(2), **options))
    assert len(straight) == 6 and all(sorted(batch) == list(range(5)) for batch in straight)
    assert len({str(batch) for batch in straight}) > 3
    assert numbers(load(pair, epochs=range(1, 2), **options)) == straight[3:]
    assert len(load(pair, batch_size=15, repeat=3)) == 1
    assert len(load(pair, batch_size=1, repeat=3, shuffle=False)) == 5
    grey = np.full((1, 8, 8), 128, np.uint8)
    for how, kinds in (("static", 1), ("dynamic", 3)):
        ink = everything(load(grey, binarize=how, batch_size=3, repeat=3, epochs=range(1)))
        assert len(np.unique(ink, axis=0)) == kinds
    places = np.stack(np.indices((12, 12)), -1).astype(np.uint8)
    places = np.stack([np.concatenate([places, places[..., :1] * 0], -1)])
    got = everything(
        load(places, image_shape=(8, 8, 3), resample="never", crop="random", batch_size=20, repeat=20)
    )
    assert len(np.unique(got[:, 0, 0], axis=0)) > 8  # of 25 places


def test_resampling():
    classes = np.kron(noise(4, 4) // 128 * 200, np.ones((5, 5), np.uint8)).astype(np.uint8)
    got = everything(load(classes[None], image_shape=(12, 12, 1), resample="nearest", batch_size=1))
    assert set(np.unique(got)) <= {0, 200}
    assert len(np.unique(everything(load(classes[None], image_shape=(12, 12, 1), batch_size=1)))) > 2
    picture = smooth(20, 24)
    got = everything(load(picture[None], image_shape=(8, 8, 3), resample="never", batch_size=1))
    np.testing.assert_array_equal(got[0], picture[6:14, 8:16])
    assert load(smooth(4, 6)[None], image_shape=(8, 8, 3), resample="never", batch_size=1)


# Examples


def test_examples_are_the_same_each_time(tmp_path):
    root = folders(tmp_path, 6, splits=("train", "test"))
    net = paired()
    first, again = (examples(root, 4, net, flip=True, enlarge=2.0) for _ in range(2))
    assert list(first) == ["inputs", "images"] and first["inputs"].shape == (4, 8, 8, 1)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    np.testing.assert_allclose(first["images"], 2 * first["inputs"] + 100 / 127.5 - 1, atol=1e-5)
    assert (examples(root, 4, net, seed=1)["inputs"] != first["inputs"]).any()
    assert len(examples(root, 40, net)["inputs"]) == 6
    bare = examples(numbered(9), 3)
    assert list(bare) == ["images", "labels"] and bare["images"].dtype == np.uint8
    arrays = {"x_train": numbered(9)[0], "x_test": numbered(3)[0] + 50}
    assert examples(arrays, 9, model())["images"].max() > -0.7 and len(examples(arrays, 9)["images"]) == 3
