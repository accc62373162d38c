"""The run folder: what it holds, and that a run which was killed ends as one which was not."""

import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from eager import eagerly
from PIL import Image

from tfgen import onednn, runs
from tfgen.errors import InputError
from tfgen.files import replacing
from tfgen.models import DCGAN
from tfgen.runs import folder as files
from tfgen.runs.callbacks import Checkpoint, Metrics, SampleGrid

EPOCHS, STEPS = 6, 1437 // 64  # of digits, in batches of 64
TINY = {"arguments": {"width": 8, "latent_dim": 8}, "batch_size": 64, "seed": 3}
FLAGS = ["--data", "digits", "--set", "width=8", "--set", "latent_dim=8", "--batch-size", "64", "--seed", "3"]
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
AS_CONFTEST = """
import gc, sys
gc.disable()
sys.argv[0] = "tfgen"
from tfgen.cli import main
import tensorflow as tf
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
main()
"""


@pytest.fixture
def start():
    """`tfgen ARGS` in a process of its own, which ends with the test: one that fails leaves none behind."""
    started = []

    def starts(*args, program=("-m", "tfgen"), **environment):
        # As a user has it, who has not quieted TensorFlow as conftest.py does.
        own = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
        process = subprocess.Popen(
            [sys.executable, *program, *map(str, args)],
            env={**own, **ONE_THREAD, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield starts
    for process in started:
        with process:
            process.kill()


def state(path):
    """All that a saved model knows, by name: weights, averages, optimizers and counts."""
    found = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item, np.float64)

    with zipfile.ZipFile(path) as file, h5py.File(io.BytesIO(file.read("model.weights.h5"))) as weights:
        weights.visititems(note)
    return found


def rows(folder):
    return np.atleast_1d(np.genfromtxt(folder / "metrics.csv", delimiter=",", names=True))


def assert_same_rows(folder, other):
    """The numbers and pictures of a run are those of the first epochs of the other."""
    ours, theirs = rows(folder), rows(other)[: len(rows(folder))]
    assert ours.dtype.names == theirs.dtype.names
    for name in ours.dtype.names:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-5)
    pictures = sorted(path.name for path in folder.glob("samples/*"))
    assert pictures == sorted(path.name for path in other.glob("samples/*"))[: len(ours)]
    for name in pictures:
        a, b = (np.asarray(Image.open(run / "samples" / name), int) for run in (folder, other))
        assert np.abs(a - b).max() <= 1  # a float that differs by 1e-5 may round to the next byte
    assert not list(folder.rglob(".part-*"))


def assert_same_end(folder, other):
    ours, theirs = state(folder / "model.keras"), state(other / "model.keras")
    assert ours.keys() == theirs.keys() and any("optimizer" in name for name in ours)
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], atol=1e-5, err_msg=name)
    assert len(rows(folder)) == len(rows(other))
    assert_same_rows(folder, other)


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
    assert run["onednn"] == onednn.is_on()
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


def stop_at(process, moment):
    while not stopped_at(process, moment):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.0005)


def epochs_in(folder):
    """(epochs in metrics.csv, epochs in the checkpoint)."""
    text = (folder / "metrics.csv").read_text() if (folder / "metrics.csv").exists() else ""
    path = files.latest(folder)
    saved = int(state(path)["vars/0"]) // STEPS if path else 0  # the first count is that of steps
    return max(0, text.count("\n") - 1), saved


@pytest.mark.timeout(240)
def test_a_run_killed_in_saving_and_in_an_epoch_ends_as_one_that_was_not(straight, start, tmp_path):
    """What it has printed by then, into a pipe, has no control codes."""
    run, saving = tmp_path / "run", tmp_path / "saving"
    part, checkpoint = run / ".part-checkpoint.keras", run / "checkpoint.keras"
    process = start("train", "dcgan", *FLAGS, "--epochs", EPOCHS, "--out", run)

    # In the midst of saving, with an earlier checkpoint there: the folder now is what a kill would leave.
    stop_at(process, lambda: checkpoint.exists() and part.exists())
    shutil.copytree(run, saving)
    assert (saving / part.name).exists()
    seen, saved = epochs_in(saving)
    assert seen == saved + 1  # what is seen of the epoch that was not saved must go

    # In a later epoch, when nothing is being saved.
    before = checkpoint.stat().st_mtime_ns
    wait = random.uniform(0, 0.1)
    os.kill(process.pid, signal.SIGCONT)
    while not checkpoint.stat().st_mtime_ns > before:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.0005)
    time.sleep(wait)
    stop_at(process, lambda: not part.exists())
    process.kill()
    out, err = process.communicate()
    _, saved = epochs_in(run)
    assert 2 <= saved < EPOCHS, f"killed too late, after {wait:.3f} s"
    assert not (run / "model.keras").exists()

    about, length, *_ = out.splitlines()
    assert about.startswith("digits: 1437 images of 8x8x1, in 10 classes; split train")
    assert length == f"1437 images in batches of 64: {EPOCHS} epochs, {STEPS} steps each"
    assert "generator_loss: " in out and not set(out) & {"\x1b", "\b", "\r"} and err == ""

    for folder in (saving, run):
        runs.resume(folder, verbose=0)
        assert_same_end(folder, straight)


def test_a_run_killed_before_its_first_checkpoint_starts_again(straight, tmp_path):
    run = tmp_path / "run"
    files.write(run, {**files.read(straight), "epochs": 2})
    lines = (straight / "metrics.csv").read_text().splitlines(keepends=True)
    (run / "metrics.csv").write_text("".join(lines[:2]))  # the row of an epoch that was not saved
    runs.resume(run, verbose=0)
    assert_same_rows(run, straight)
    assert rows(run)["epoch"].tolist() == [1, 2]


def test_a_run_belongs_to_one_process_and_can_be_extended_when_it_is_complete(straight, tmp_path):
    """The system's lock belongs to an opened file, so that a second opening stands for a process."""
    run, lines = tmp_path / "run", []

    class Second(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            with pytest.raises(InputError) as caught:
                runs.resume(run, epochs=9)
            lines.append(str(caught.value))

    runs.train("dcgan", run, "digits", epochs=1, verbose=0, callbacks=[Second()], **TINY)
    assert len(lines) == 1 and f"another process trains {run} now" in lines[0]
    assert files.read(run)["epochs"] == 1
    runs.resume(run, epochs=2, verbose=0)  # the lock is gone with its training
    assert files.read(run)["epochs"] == 2
    assert_same_rows(run, straight)
    assert rows(run)["epoch"].tolist() == [1, 2]
    before = (run / "model.keras").stat().st_mtime_ns
    runs.resume(run, verbose=0)  # nothing is left to do
    assert (run / "model.keras").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="2 epochs, which can only grow; received 1"):
        runs.resume(run, epochs=1)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.mark.timeout(240)
def test_two_workers_end_as_one_process(start, tmp_path):
    """Statistics of batches, averages, and an objective that is due in every second step."""
    arguments = dict(width=8, latent_dim=8, discriminator_steps=2, ema_decay=0.9)
    flags = ["wgan", "--data", "digits", "--batch-size", "64", "--seed", "3", "--epochs", "1"]
    flags += [word for name, value in arguments.items() for word in ("--set", f"{name}={value}")]
    flags += ["--data-set", "split=train[:256]", "--strategy", "multi_worker"]
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    two, mine = tmp_path / "two", tmp_path / "temporary"
    mine.mkdir()
    processes = []
    for index in range(2):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        environment = dict(TF_CONFIG=json.dumps(task), TMPDIR=str(mine))
        processes.append(start("train", *flags, "--out", two, program=("-c", AS_CONFTEST), **environment))
    one, how = tmp_path / "one", {**TINY, "arguments": arguments}
    runs.train("wgan", one, "digits", epochs=1, options={"split": "train[:256]"}, verbose=0, **how)
    assert any("BatchNormalization" in type(layer).__name__ for layer in runs.load(one)._flatten_layers())
    for process in processes:
        output = process.communicate()
        assert process.returncode == 0, output
    assert_same_end(two, one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "temporary", "two"]
    assert not list(mine.rglob("*.keras")) and not list(mine.rglob("*.png"))


def test_resume_refuses_another_configuration(straight, tmp_path):
    for asked, name in (
        ({"seed": 4}, "seed is 3"),
        ({"model": "vae"}, "model is 'dcgan'"),
        ({"arguments": {"width": 16}}, "config.width is 8"),
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
    assert not list(run.glob(".part-*"))


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


# Faults of whom and of what continues a run.


def begin(run, **options):
    options = {"options": {"split": "train[:128]"}, "epochs": 2, "verbose": 0, **TINY, **options}
    with eagerly():
        return runs.train("dcgan", run, "digits", **options)


def events(run):
    """[(step, tag)] of TensorBoard's numbers, in order; Keras numbers the optimizers of a process."""
    found = []
    for path in sorted((run / "tensorboard").rglob("events.out.*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            found += [(event.step, value.tag) for value in event.summary.value]
    return sorted((step, tag.rstrip("_0123456789")) for step, tag in found if tag.startswith("epoch_"))


def test_a_log_that_comes_late_has_a_column_of_its_own(tmp_path):
    metrics = Metrics(tmp_path / "metrics.csv")
    metrics.on_epoch_end(0, {"loss": 1.0})
    metrics.on_epoch_end(1, {"rate": 0.5, "loss": 2.0})
    metrics.on_epoch_end(2, {"loss": 3.0})
    assert (tmp_path / "metrics.csv").read_text() == "epoch,loss,rate\n1,1.0,\n2,2.0,0.5\n3,3.0,\n"
    assert files.history(tmp_path)[1:] == [
        {"epoch": 2.0, "loss": 2.0, "rate": 0.5},
        {"epoch": 3.0, "loss": 3.0},
    ]
    files.cut(tmp_path, 2)
    metrics.on_epoch_end(2, {"loss": 4.0})
    assert (tmp_path / "metrics.csv").read_text().endswith("\n3,4.0,\n")


def test_data_that_moved_or_changed_are_named_by_the_user_and_known_by_their_fingerprint(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (16, 8, 8, 1), np.uint8)
    old, new, run = tmp_path / "old.npz", tmp_path / "new.npz", tmp_path / "run"
    np.savez(old, images=images)
    one, eight = np.int64([1, 8])  # of NumPy, as len and shape are often
    how = dict(seed=one, learning_rate=np.float32(1e-3), verbose=0)
    how["arguments"] = {"width": eight, "body": "dense"}
    with eagerly():
        runs.train("vae", run, old, epochs=one, batch_size=eight, **how)
    old.rename(new)
    with pytest.raises(InputError, match=rf"no longer there; .* tfgen train --resume {run} --data PATH"):
        runs.resume(run, epochs=2)
    for other in (images[::-1], 255 - images):
        np.savez(old, images=other)
        for source in (None, old):
            with pytest.raises(InputError, match="data differ: fingerprint"):
                runs.resume(run, epochs=2, source=source)
    np.savez(old, images=images[:15])
    with pytest.raises(InputError, match=r"data differ: examples was 16, .* now has 15"):
        runs.resume(run, epochs=2)
    runs.resume(run, epochs=np.int64(2), source=new, verbose=0)
    runs.resume(run, verbose=0)  # it remembers the place
    assert files.read(run)["data"]["source"] == str(new)


def test_rates_and_numbers_of_tensorboard_are_the_same_after_a_resume(tmp_path, monkeypatch):
    """Of a schedule and of the user; and each number of a run that was killed in its third epoch, once."""
    recipe = DCGAN.recipe._replace(schedule=("linear", 0.25, 1.0))
    rates, run = [], tmp_path / "run"

    class Rates(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            rates.append([float(one.learning_rate) for one in self.model.optimizers.values()])

    class Killed(Checkpoint):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt
            super().on_epoch_end(epoch, logs)

    asked = {"learning_rate": {"generator": 4e-4}, "clip_norm": 1.0, "epochs": 4}
    with monkeypatch.context() as patch:  # what is resumed is the run's, not the recipe's
        patch.setattr(DCGAN, "recipe", recipe)
        straight = begin(tmp_path / "straight", callbacks=[Rates()], **asked)
        patch.setattr("tfgen.runs.training.Checkpoint", Killed)
        with pytest.raises(KeyboardInterrupt):
            begin(run, **asked)
    shares = np.repeat([1, 1, 2 / 3, 1 / 3], 2)  # two steps an epoch
    np.testing.assert_allclose(rates, np.outer(shares, [2e-4, 4e-4]), rtol=1e-5)
    assert {step for step, _ in events(run)} == {0, 1, 2}
    newest = max((run / "tensorboard").rglob("events.out.*"), key=lambda path: path.stat().st_size)
    newest.write_bytes(newest.read_bytes()[:-7])  # killed in the midst of a record
    seen, rates = rates, []
    resumed = runs.resume(run, verbose=0, callbacks=[Rates()])
    assert {one.global_clipnorm for one in resumed.optimizers.values()} == {1.0}
    np.testing.assert_array_equal(rates, seen[4:])
    for a, b in zip(straight.trainable_variables, resumed.trainable_variables):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert events(run) == events(tmp_path / "straight")
    assert_same_rows(run, tmp_path / "straight")  # the doctor's numbers too, of fewer images than it looks at
    with pytest.raises(InputError, match=r"clip_norm is 1\.0"):
        runs.resume(run, clip_norm=2.0)


def test_a_name_in_capitals_is_the_same_model(straight):
    runs.resume(straight, model="DCGAN", verbose=0)


def test_an_existing_folder_is_called_a_run_only_if_it_is(straight, tmp_path):
    with pytest.raises(InputError, match=r"is a run already; continue it with `tfgen train --resume"):
        runs.train("dcgan", straight, "digits")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="is not empty; choose a new folder"):
        runs.train("dcgan", tmp_path, "digits")


def test_few_updates_are_said_with_the_command_that_continues(straight, monkeypatch):
    net = runs.load(straight)
    assert runs.few_updates(straight, net) == (
        f"only {EPOCHS * STEPS} updates of the discriminator, which is seldom enough: "
        f"tfgen train --resume {straight} --epochs {-(-5000 // STEPS)}"
    )
    net.step.assign(1000)
    assert runs.few_updates(straight, net) is None
