"""Volumes, measured values and numbers as labels: what the loader takes as it is."""

import numpy as np
import pytest

from tfgen import data
from tfgen.data import formulas
from tfgen.errors import InputError
from tfgen.models import DCGAN, GAN3D, LAGAN, CaloGAN

VOLUMES = np.random.default_rng(0).integers(0, 2, (6, 8, 8, 8, 1)).astype(bool)


@pytest.fixture(scope="module")
def gan3d():
    return GAN3D(**GAN3D.tiny, seed=0)


def batch(*args, **options):
    return next(data.load(*args, **{"shuffle": False, "batch_size": 6, **options}).as_numpy_iterator())


def told(*args, **options):
    with pytest.raises(InputError) as error:
        batch(*args, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_volumes_come_from_files_and_arrays_as_they_are(gan3d, tmp_path):
    np.save(tmp_path / "volumes.npy", VOLUMES)
    np.savez(tmp_path / "volumes.npz", train_images=VOLUMES, test_images=VOLUMES[:2])
    for source in (VOLUMES, VOLUMES.astype("float32"), tmp_path / "volumes.npy", tmp_path / "volumes.npz"):
        np.testing.assert_array_equal(batch(source, for_model=gan3d), VOLUMES)
    assert batch(str(tmp_path / "volumes.npy")).dtype == np.uint8
    half = batch(VOLUMES * 0.5, for_model=gan3d)
    np.testing.assert_allclose(half, VOLUMES * 128 / 255, atol=1e-6)
    shuffled = batch(VOLUMES, for_model=gan3d, shuffle=True, epochs=range(1))
    assert not np.array_equal(shuffled, VOLUMES) and shuffled.sum() == VOLUMES.sum()
    line = data.describe(tmp_path / "volumes.npz", for_model=gan3d, batch_size=4)
    assert "6 volumes of 8x8x8x1" in line and "leave out 2" in line


def test_volumes_that_do_not_fit_are_one_line(gan3d):
    holes = VOLUMES.astype("float32")
    holes[3, 1] = np.nan
    assert told(holes) == "the volumes hold NaN, first in volume 3; remove or repair it"
    assert (
        "takes images of 8x8x8x1; the ndarray has volumes of 6x8x8x1, which are not resized; resample"
        in told(VOLUMES[:, :6], for_model=gan3d)
    )
    assert "GAN3D takes volumes of 8x8x8x1; digits has images; give an .npy or" in told(
        "digits", for_model=gan3d
    )
    assert "has volumes that are taken as they are; omit flip, enlarge and crop" in told(VOLUMES, flip=True)
    dcgan = DCGAN(**DCGAN.tiny, seed=0)
    assert "DCGAN takes images of 16x16x1; the ndarray has volumes of 8x8x8x1" in told(
        VOLUMES, for_model=dcgan
    )


def test_measured_values_keep_their_unit_and_numbers_their_values():
    images, energies = (np.float32(x[:6]) for x in formulas.showers(np.random.RandomState(0), 6))
    model = CaloGAN(latent_dim=4, width=4, seed=0)
    x, y = batch((images, energies), for_model=model, dtype="uint8")
    np.testing.assert_array_equal(x, images)
    np.testing.assert_array_equal(y, energies)
    np.testing.assert_allclose(x.sum((1, 2, 3)), energies, rtol=0.2)
    assert "found 0 to" in told(images) and "must lie in [0, 1]" in told(images)
    bytes_of = (images > 0).astype("uint8")
    assert "CaloGAN takes images in GeV, floats in [0, 100], of which some are above 1" in told(
        (bytes_of, energies), for_model=model
    )
    assert "CaloGAN takes images in [0, 100] GeV; received" in told((images * 50, energies), for_model=model)
    lagan = LAGAN(**LAGAN.tiny, seed=0)
    jets = np.random.default_rng(0).uniform(0, 9, (6, 9, 9, 1))
    assert "LAGAN has 2 classes, but the labels of the tuple are numbers" in told(
        (jets, energies + 0.5), for_model=lagan
    )


def test_formulas_are_drawn_once_and_for_all():
    for name, shape in (("solids", (24, 24, 24, 1)), ("jets", (25, 25, 1)), ("showers", (15, 96, 1))):
        draw = formulas.FORMULAS[name]
        (x, y), (again, _) = (draw(np.random.RandomState(3), 12) for _ in range(2))
        np.testing.assert_array_equal(x, again)
        assert x.shape == (12, *shape) and len(y) == 12 and x.reshape(12, -1).any(1).all()
        assert 0.005 < (x > 0).mean() < 0.5
