"""The run folder: what it holds, and that a run which was killed ends as one which was not."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image

from tfgen import runs
from tfgen.errors import InputError
from tfgen.files import replacing
from tfgen.runs import folder as files
from tfgen.runs.callbacks import SampleGrid

EPOCHS, STEPS = 12, 1437 // 64  # of digits, in batches of 64
TINY = {"arguments": {"width": 8, "latent_dim": 8}, "batch_size": 64, "seed": 3}
FLAGS = ["--data", "digits", "--set", "width=8", "--set", "latent_dim=8", "--batch-size", "64", "--seed", "3"]
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def start(*args, **environment):
    """`tfgen ARGS` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tfgen", *map(str, args)],
        env={**os.environ, **ONE_THREAD, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def state(path):
    """All that a saved model knows, in one order."""
    model = keras.models.load_model(path)
    optimizers = [variable for one in model.optimizers.values() for variable in one.variables]
    return [np.asarray(variable.numpy(), np.float64) for variable in [*model.weights, *optimizers]]


def rows(folder):
    return np.genfromtxt(folder / "metrics.csv", delimiter=",", names=True)


def assert_same_end(folder, other):
    ours, theirs = state(folder / "model.keras"), state(other / "model.keras")
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert rows(folder).dtype.names == rows(other).dtype.names
    for name in rows(folder).dtype.names:
        np.testing.assert_allclose(rows(folder)[name], rows(other)[name], atol=1e-5)
    pictures = sorted(path.name for path in other.glob("samples/*"))
    assert pictures == sorted(path.name for path in folder.glob("samples/*"))
    for name in pictures:
        a, b = (np.asarray(Image.open(run / "samples" / name), int) for run in (folder, other))
        assert np.abs(a - b).max() <= 1  # a float that differs by 1e-5 may round to the next byte
    assert not list(folder.rglob(".part-*"))


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A run that nothing stopped."""
    folder = tmp_path_factory.mktemp("runs") / "straight"
    runs.train("dcgan", folder, "digits", epochs=EPOCHS, verbose=0, **TINY)
    return folder


def test_the_folder_holds_the_run(straight):
    run = json.loads((straight / "run.json").read_text())
    assert run["model"] == "dcgan"
    assert run["config"]["image_shape"] == [8, 8, 1]  # of the data, for nobody set it
    assert run["config"]["width"] == 8
    assert run["data"]["source"] == "digits"
    assert run["data"]["examples"] == 1437
    assert (run["batch_size"], run["epochs"], run["seed"]) == (64, EPOCHS, 3)
    assert (run["strategy"], run["precision"]) == ("none", "float32")
    assert {"tfgen", "tensorflow", "keras", "numpy", "python"} == set(run["versions"])
    assert rows(straight).dtype.names[:3] == ("epoch", "discriminator_loss", "generator_loss")
    assert {name[:7] for name in rows(straight).dtype.names[3:]} == {"doctor_"}
    assert rows(straight)["epoch"].tolist() == list(range(1, EPOCHS + 1))
    names = [path.name for path in sorted((straight / "samples").iterdir())]
    assert names == [f"epoch-{k:04}.png" for k in range(1, EPOCHS + 1)]
    assert list((straight / "tensorboard").rglob("events.out.*"))
    assert (straight / "model.keras").exists()
    assert not (straight / "checkpoint.keras").exists()
    model = runs.load(straight)
    assert int(model.step.numpy()) == EPOCHS * STEPS
    assert model.value_range == (-1, 1)


def stopped_at(process, moment):
    """Whether the process, once it is stopped in its tracks, is at the `moment`; else it goes on."""
    if not moment():
        return False
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(0.02)
    if moment():
        return True
    os.kill(process.pid, signal.SIGCONT)
    return False


def kill_at(process, moment):
    with process:
        while not stopped_at(process, moment):
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.0005)
        process.kill()


def epochs_in(folder):
    """(epochs in metrics.csv, epochs in the checkpoint)."""
    text = (folder / "metrics.csv").read_text() if (folder / "metrics.csv").exists() else ""
    path = files.latest(folder)
    saved = int(keras.models.load_model(path).step.numpy()) // STEPS if path else 0
    return max(0, text.count("\n") - 1), saved


@pytest.mark.timeout(240)
def test_a_run_killed_in_saving_and_in_an_epoch_ends_as_one_that_was_not(straight, tmp_path):
    run = tmp_path / "run"
    part, checkpoint = run / ".part-checkpoint.keras", run / "checkpoint.keras"

    # In the midst of saving, with an earlier checkpoint there.
    kill_at(
        start("train", "dcgan", *FLAGS, "--epochs", EPOCHS, "--out", run),
        lambda: checkpoint.exists() and part.exists(),
    )
    assert part.exists()
    seen, saved = epochs_in(run)
    assert seen == saved + 1  # what is seen of the epoch that was not saved must go

    # In a later epoch, when nothing is being saved.
    before = checkpoint.stat().st_mtime_ns
    wait = random.uniform(0, 0.1)
    resumed = start("train", "--resume", run)
    while not checkpoint.stat().st_mtime_ns > before:
        assert resumed.poll() is None, resumed.stdout.read()
        time.sleep(0.0005)
    time.sleep(wait)
    kill_at(resumed, lambda: not part.exists())
    _, saved = epochs_in(run)
    assert 2 <= saved < EPOCHS, f"killed too late, after {wait:.3f} s"
    assert not (run / "model.keras").exists()

    runs.resume(run, verbose=0)
    assert_same_end(run, straight)


def test_a_run_killed_before_its_first_checkpoint_starts_again(straight, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("run.json", "metrics.csv"):  # the row of an epoch that was not saved
        lines = (straight / name).read_text().splitlines(keepends=True)
        (run / name).write_text("".join(lines if name == "run.json" else lines[:2]))
    runs.resume(run, verbose=0)
    assert_same_end(run, straight)


def test_a_complete_run_can_be_extended(straight, tmp_path):
    run = tmp_path / "run"
    runs.train("dcgan", run, "digits", epochs=EPOCHS - 1, verbose=0, **TINY)
    runs.resume(run, epochs=EPOCHS, verbose=0)
    assert files.read(run)["epochs"] == EPOCHS
    assert_same_end(run, straight)
    before = (run / "model.keras").stat().st_mtime_ns
    runs.resume(run, verbose=0)  # nothing is left to do
    assert (run / "model.keras").stat().st_mtime_ns == before
    with pytest.raises(InputError, match=f"{EPOCHS} epochs, which can only grow; received 3"):
        runs.resume(run, epochs=3)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.mark.timeout(240)
def test_two_workers_end_as_one_process(tmp_path):
    flags = ["dcgan", *FLAGS, "--epochs", "2", "--data-set", "split=train[:256]"]
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    two, mine = tmp_path / "two", tmp_path / "temporary"
    mine.mkdir()
    processes = [
        start(
            "train",
            *flags,
            "--strategy",
            "multi_worker",
            "--out",
            two,
            TF_CONFIG=json.dumps(
                {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
            ),
            TMPDIR=str(mine),
        )
        for index in range(2)
    ]
    one = tmp_path / "one"
    runs.train("dcgan", one, "digits", epochs=2, options={"split": "train[:256]"}, verbose=0, **TINY)
    for process in processes:
        output, _ = process.communicate()
        assert process.returncode == 0, output
    assert_same_end(two, one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "temporary", "two"]
    assert not list(mine.rglob("*.keras")) and not list(mine.rglob("*.png"))


def test_resume_refuses_another_configuration(straight, tmp_path):
    for asked, name in (
        ({"seed": 4}, "seed is 3"),
        ({"model": "vae"}, "model is 'dcgan'"),
        ({"arguments": {"width": 16}}, "config.width is 8"),
        ({"source": "mnist"}, "data.source is 'digits'"),
        ({"options": {"binarize": "static"}}, "data.options.binarize is None"),
        ({"batch_size": 32}, "batch_size is 64"),
        ({"precision": "mixed_bfloat16"}, "precision is 'float32'"),
    ):
        with pytest.raises(InputError, match=f"configuration differs: {name}"):
            runs.resume(straight, **asked)
    runs.resume(straight, verbose=0, seed=3, arguments={"width": 8}, source="digits")  # is no change


def copy(straight, tmp_path, **changes):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("run.json", "metrics.csv", "model.keras"):
        (run / name).write_bytes((straight / name).read_bytes())
    content = files.read(run)
    content.update(changes)
    (run / "run.json").write_text(json.dumps(content))
    return run


def test_resume_refuses_an_edited_run_json(straight, tmp_path):
    run = copy(straight, tmp_path, batch_size=32)
    with pytest.raises(InputError, match=r"batch_size is 32 in .*run\.json and 64 in model\.keras"):
        runs.resume(run, epochs=EPOCHS + 1)


def test_resume_refuses_other_data(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (40, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "data.npz", images=images)
    run = tmp_path / "run"
    runs.train("vae", run, tmp_path / "data.npz", epochs=1, batch_size=8, arguments={"width": 8}, verbose=0)
    np.savez(tmp_path / "data.npz", images=images[:39])
    with pytest.raises(InputError, match=r"data differ: examples was 40, .* now has 39"):
        runs.resume(run, epochs=2)
    np.savez(tmp_path / "data.npz", images=255 - images)
    with pytest.raises(InputError, match="data differ: fingerprint"):
        runs.resume(run, epochs=2)
    np.savez(tmp_path / "data.npz", images=images)
    runs.resume(run, epochs=2, verbose=0)


def test_a_damaged_checkpoint_is_named(straight, tmp_path):
    run = copy(straight, tmp_path)
    path = run / "model.keras"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    for use in (runs.resume, runs.load):
        with pytest.raises(InputError, match=r"model\.keras is truncated or damaged .*delete it"):
            use(run)
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    with pytest.raises(InputError, match="truncated or damaged"):
        runs.load(run)


def test_lost_metrics_are_named(straight, tmp_path):
    run = copy(straight, tmp_path)
    (run / "metrics.csv").unlink()
    with pytest.raises(InputError, match=rf"metrics\.csv lacks epochs of the {EPOCHS}"):
        runs.resume(run, epochs=EPOCHS + 1)


def test_arrays_are_no_data_of_a_run(tmp_path):
    with pytest.raises(InputError, match=r"received ndarray: save arrays as \.npz"):
        runs.train("vae", tmp_path / "run", np.zeros((8, 8, 8, 1), np.uint8))


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(InputError, match="no run folder"):
        runs.resume(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        runs.load(tmp_path)


def test_a_full_disk_leaves_the_last_checkpoint(straight, tmp_path):
    run = copy(straight, tmp_path)
    (run / ".part-checkpoint.keras").symlink_to("/dev/full")  # where each write finds no space
    with pytest.raises(OSError, match="No space left"):
        runs.resume(run, epochs=EPOCHS + 1, verbose=0)
    assert int(runs.load(run).step.numpy()) == EPOCHS * STEPS
    runs.resume(run, verbose=0)
    assert int(runs.load(run).step.numpy()) == (EPOCHS + 1) * STEPS


def test_replacing_keeps_what_was_there_when_the_block_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as part:
        part.write_text("half of the new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    with replacing(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_sample_grid_draws_every_so_often(straight, tmp_path):
    grids = SampleGrid(tmp_path, every=2, n=4, seed=5)
    grids.set_model(runs.load(straight))
    for epoch in range(5):
        grids.on_epoch_end(epoch)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-0002.png", "epoch-0004.png"]
    assert (tmp_path / "epoch-0002.png").read_bytes() == (tmp_path / "epoch-0004.png").read_bytes()
