"""Pairs of sentences: files, arrays, numbers in words, and the words that a model knows of them."""

import numpy as np
import pytest

from tfgen import data
from tfgen.data import sentences
from tfgen.errors import InputError
from tfgen.models import CSGAN, DCGAN

PAIRS = (["a man", "The man rides a horse", "a b c d e f"], ["ein mann", "der mann reitet", "x"])


@pytest.fixture(scope="module")
def model():
    words = data.vocabulary(PAIRS, words=4)
    return CSGAN(*words, length=5, width=2, seed=0)


def test_a_vocabulary_is_of_the_commonest_words_of_short_sentences():
    assert data.vocabulary(PAIRS, words=2, length=5) == (("a", "man"), ("mann", "der"))
    assert len(data.vocabulary(PAIRS)[0]) == 10


def test_a_batch_is_of_numbers_of_words(model):
    batch = next(data.load(PAIRS, for_model=model, batch_size=2, shuffle=False).as_numpy_iterator())
    words = ("", "<unk>", *model.source_words)
    read = [[words[number] for number in row if number] for row in batch["inputs"]]
    assert read == [["a", "man"], ["<unk>", "man", "<unk>", "a", "<unk>"]]
    assert batch["images"].shape == (2, 5) and batch["images"].dtype == np.int32
    assert data.describe(PAIRS, for_model=model, batch_size=2).startswith("the tuple: 2 pairs of sentences")


def test_files_and_arrays_are_read_alike(tmp_path, model):
    (tmp_path / "pairs.tsv").write_text("a man\tein mann\n\nthe man\tder mann\n")
    folder = tmp_path / "folder"
    folder.mkdir()
    texts = {
        "train.en": "a man\nthe man\n",
        "train.de": "ein mann\nder mann\n",
        "test.en": "a\n",
        "test.de": "x",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    lines = {"train_a": b"a man", "train_b": b"x y"}
    np.savez(tmp_path / "two.npz", **{name: np.frombuffer(text, np.uint8) for name, text in lines.items()})
    assert data.size(tmp_path / "pairs.tsv") == 2
    names = {"names": model.fields}
    from tfgen.data.opening import open_source

    # Languages come in the order of the files' names, here de before en.
    assert open_source(folder, "train", **names).pairs == [("ein mann", "a man"), ("der mann", "the man")]
    assert open_source(folder, "test", **names).count == 1
    assert open_source(tmp_path / "two.npz", "train", **names).pairs == [("a man", "x y")]


@pytest.mark.parametrize(
    "source, told",
    [
        (
            (["a", "b"], ["c"]),
            "the tuple has 2 sentences of one language and 1 of the other; give",
        ),
        (([" "], ["c"]), "the tuple has no pair of sentences of 1 to 5 words in 'train'"),
        ("none.tsv", "none.tsv does not exist"),
        ({"train_en": ["a"]}, "the dict has no sentences of two languages; name them"),
        ("digits", "a model of sentences needs pairs of them; digits has none"),
    ],
)
def test_sentences_that_make_no_pairs_are_one_line(model, source, told):
    with pytest.raises(InputError) as error:
        data.load(source, for_model=model, batch_size=1)
    assert str(error.value).startswith(told) and "\n" not in str(error.value)


def test_a_table_of_other_columns_and_other_models_are_one_line(tmp_path, model):
    (tmp_path / "bad.tsv").write_text("a\tb\na b\n")
    with pytest.raises(InputError, match="a tab between them; line 2 has 1"):
        data.load(tmp_path / "bad.tsv", for_model=model)
    with pytest.raises(InputError, match="numerals has sentences, of which DCGAN"):
        data.load("numerals", for_model=DCGAN((8, 8, 1), latent_dim=2, width=4))
    with pytest.raises(InputError, match="knows no words of its languages; build it with the source_words"):
        data.load("numerals", for_model=CSGAN(length=8, width=2))


def test_numerals_are_numbers_in_two_languages():
    assert sentences._numeral(4237, "en") == "four thousand two hundred thirty seven"
    assert sentences._numeral(4237, "de") == "vier tausend zwei hundert sieben und dreißig"
    assert sentences._numeral(1001, "de") == "ein tausend eins" and sentences._numeral(0, "en") == "zero"
    assert (
        sentences._numeral(121, "de") == "ein hundert ein und zwanzig"
        and sentences._numeral(20, "en") == "twenty"
    )
    found = sentences.numerals()
    assert len(set(found["train"] + found["test"])) == 10_000
    assert max(len(text.split()) for pair in found["train"] for text in pair) <= 8
