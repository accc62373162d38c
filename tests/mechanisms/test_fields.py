"""Each field answers every question about an input: tensor, values, the door, draws, text."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError
from tfgen.fields import Attributes, Classes, Image, Tokens, Vector

KEY = random.key(3)


@pytest.mark.parametrize(
    "field, shape, dtype, values",
    [
        (Image((8, 6, 3)), (None, 8, 6, 3), "float32", {"distribution": "uniform", "low": -1.0, "high": 1.0}),
        (
            Image((None, None, 1), 0.0, 1.0),
            (None, None, None, 1),
            "float32",
            {"distribution": "uniform", "low": 0.0, "high": 1.0},
        ),
        (Image((4, 8, 8, 1)), (None, 4, 8, 8, 1), "float32", Image((1,)).values),
        (Classes(10), (None,), "int32", {"distribution": "integers", "low": 0, "high": 9}),
        (Attributes(4), (None, 4), "float32", {"distribution": "integers", "low": 0, "high": 1}),
        (
            Tokens(5),
            (None, 5),
            "int32",
            {"distribution": "integers", "low": 0, "high": 127, "encoding": "ascii"},
        ),
        (Vector((2, 3)), (None, 2, 3), "float32", {"distribution": "normal"}),
        (Vector((2,), 0.0, 5.0), (None, 2), "float32", {"distribution": "uniform", "low": 0.0, "high": 5.0}),
    ],
    ids=lambda x: type(x).__name__,
)
def test_its_tensor_and_its_values(field, shape, dtype, values):
    spec = field.spec("a_name")
    assert spec.shape.as_list() == list(shape) and spec.dtype.name == dtype and spec.name == "a_name"
    assert field.values == values


@pytest.mark.parametrize(
    "field, given, prepared",
    [
        (Image((1, 2, 1)), np.uint8([[[[0], [255]]]]), [[[[-1], [1]]]]),
        (Image((1, 2, 1), 0.0, 1.0), np.uint8([[[[0], [51]]]]), [[[[0], [0.2]]]]),
        (Image((1, 2, 1)), np.float64([[[[0.25], [-1]]]]), [[[[0.25], [-1]]]]),
        (Classes(300), np.uint8([0, 255]), [0, 255]),
        (Classes(3), np.int64([[2], [0]]), [2, 0]),
        (Classes(3), np.float32([2, 0]), [2, 0]),
        (Attributes(2), np.uint8([[1, 0], [1, 1]]), [[1, 0], [1, 1]]),  # no bytes of an image
        (Attributes(2), np.array([[True, False]]), [[1, 0]]),
        (Tokens(2), np.int64([[104, 0]]), [[104, 0]]),
        (Vector((2,)), np.int32([[3, -4]]), [[3, -4]]),
    ],
)
def test_a_batch_is_prepared(field, given, prepared):
    for got in (field.prepared(given), field.prepared(tf.constant(given))):
        assert got.dtype == field.dtype
        np.testing.assert_allclose(got, prepared, rtol=1e-6)
    assert field.takes(tf.constant(given))
    at_the_door = field.received(given, "x", "Model")
    np.testing.assert_allclose(field.prepared(at_the_door), prepared, rtol=1e-6)
    field.check(given, "x", "Model")


@pytest.mark.parametrize(
    "field, given",
    [
        (Image((2, 2, 1)), np.zeros((3, 2, 3, 1), np.float32)),
        (Image((2, 2, 1)), np.zeros((3, 2, 2, 1), np.int64)),
        (Classes(3), np.zeros((3, 2), np.int32)),
        (Attributes(3), np.zeros((3, 2), np.float32)),
        (Tokens(3), np.zeros((3, 2), np.int32)),
        (Vector((3,)), np.zeros((3, 3, 1), np.float32)),
        (Vector((3,)), np.array([["a", "b", "c"]])),
    ],
)
def test_another_tensor_is_none_of_it(field, given):
    assert not field.takes(tf.constant(given))


NAN = float("nan")


@pytest.mark.parametrize(
    "field, given, line",
    [
        (
            Image((1,)),
            [[3.0], [-1.0]],
            "Model takes x in [-1, 1]; received -1 to 3; scale them, give bytes 0..2",
        ),
        (
            Image((1,)),
            [[0.0], [1.0]],
            "Model takes x in [-1, 1]; received 0 to 1; scale them",
        ),  # as [0, 1] is
        (Image((1,), 0.0, 1.0), [[0.0], [1.1]], "Model takes x in [0, 1]; received 0 to 1.1; "),
        (Image((1,)), [[NAN], [0.5]], "the x hold NaN; remove or repair those that do"),
        (
            Classes(3),
            [0, 3],
            "x of Model lie in 0..2; received 0 to 3; number the classes from 0, or build the",
        ),
        (Classes(3), [-1, 2], "x of Model lie in 0..2; received -1 to 2; number the classes from 0"),
        (
            Attributes(2),
            [[0.0, 2.0]],
            "x of Model lie in 0..1; received 0 to 2; give 1 for an attribute that",
        ),
        (Attributes(2), [[0.0, NAN]], "the x hold NaN; remove or repair those that do"),
        (Tokens(2), [[5, 128]], "x of Model are numbers from 0 to 127; received 5 to 128"),
        (Tokens(2, 8), [[5, -1]], "x of Model are numbers from 0 to 7; received -1 to 5"),
        (Vector((1,), 0.0, 1.0), [[2.0]], "Model takes x in [0, 1]; received 2 to 2"),
        (Vector((1,)), [[NAN]], "the x hold NaN"),
    ],
)
def test_values_that_cannot_be_meant_are_named(field, given, line):
    with pytest.raises(InputError) as caught:
        field.check(given, "x", "Model")
    assert str(caught.value).startswith(line) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "field, given",
    [
        (Image((1,)), np.full((2, 1), 0.0)),  # grey
        (Image((1,)), [[0.2], [0.9]]),  # bright
        (Image((1,)), [[-1.0005], [1.0]]),  # by rounding
        (Image((1,)), np.uint8([[0], [255]])),
        (Classes(3), [0, 2]),
        (Attributes(2), [[0.0, 0.5]]),
        (Tokens(2), [[0, 127]]),
        (Vector((1,)), [[-1e9]]),
        (Classes(3), np.zeros(0, np.int32)),
    ],
)
def test_values_that_can_be_meant_pass(field, given):
    field.check(np.asarray(given), "x", "Model")


def test_classes_that_are_fixed_are_not_to_be_more():
    with pytest.raises(InputError) as caught:
        Classes(2, fixed=True).check([0, 2], "labels", "DBVAE")
    assert str(caught.value).endswith("number the classes from 0")


def test_what_is_drawn_is_a_function_of_key_and_row():
    classes = Classes(3).draw(KEY, 3000).numpy()
    assert classes.dtype == np.int32 and set(classes) == {0, 1, 2}
    np.testing.assert_allclose(np.bincount(classes) / 3000, 1 / 3, atol=0.03)
    np.testing.assert_array_equal(Classes(3).draw(KEY, 5, 7), classes[7:12])
    for frequencies in (None, np.float32([0.1, 0.9, 0.5, 0])):
        field = Attributes(4, frequencies)
        drawn = field.draw(KEY, 3000).numpy()
        assert drawn.dtype == np.float32 and set(np.unique(drawn)) == {0, 1}
        np.testing.assert_allclose(drawn.mean(0), 0.5 if frequencies is None else frequencies, atol=0.03)
        np.testing.assert_array_equal(field.draw(KEY, 5, 7), drawn[7:12])
    for field in (Image((8, 8, 1)), Tokens(3), Vector((2,))):
        assert field.draw(KEY, 5) is None  # only data give them


def test_a_network_sees_classes_one_hot_and_the_rest_as_it_is():
    encoded = Classes(3).encoded(tf.constant([2, 0]))
    assert encoded.dtype == tf.float32
    np.testing.assert_array_equal(encoded, [[0, 0, 1], [1, 0, 0]])
    for field in (Image((2,)), Attributes(2), Vector((2,)), Tokens(2)):
        x = tf.constant([[1.0, 0.0]])
        assert field.encoded(x) is x


def test_a_text_is_parsed():
    assert Classes(3).parsed("2") == 2 and Classes(2).parsed("dog", ["cat", "dog"]) == 1
    names = ["Smiling", "Male", "Young"]
    np.testing.assert_array_equal(Attributes(3).parsed("1,0,1"), [1, 0, 1])
    np.testing.assert_array_equal(Attributes(3).parsed("Young, smiling", names), [1, 0, 1])
    np.testing.assert_array_equal(Tokens(4).parsed("Ab"), [97, 98, 0, 0])
    assert Vector(()).parsed("50") == 50
    np.testing.assert_allclose(Vector((2, 2)).parsed("0.1, 0.2,0.3,1"), [[0.1, 0.2], [0.3, 1]])


@pytest.mark.parametrize(
    "field, text, names, line",
    [
        (Classes(3), "two", (), "a class is a number from 0 to 2; received 'two'"),
        (Classes(2), "dgo", ("cat", "dog"), "unknown label 'dgo'; did you mean dog"),
        (Attributes(2), "Smilng", ("Smiling", "Male"), "unknown label 'Smilng'; did you mean Smiling"),
        (
            Attributes(2),
            "1,0,1",
            ("a", "b"),
            "attributes are 2 numbers 0 or 1 between commas; received '1,0,1'",
        ),
        (Attributes(2), "Male", (), "attributes are 2 numbers 0 or 1 between commas; received 'Male'"),
        (Vector((), unit="GeV"), "much", (), "labels are numbers in GeV, as 50; received 'much'"),
        (Vector((2,)), "1", ("a", "b"), r"labels are 2 numbers \(a, b\) between commas; received '1'"),
        (Tokens(3), " ", None, "a text must be a string that is not empty; received ' '"),
        (Tokens(3), 7, None, "a text must be a string that is not empty; received 7"),
        (Tokens(3), "long", None, "a text has at most 3 characters; received 4: 'long'"),
        (Tokens(3), "é", None, "a text is of ASCII characters that are printable; received 'é'"),
        (Tokens(3), "a\0b", None, r"a text is of ASCII characters that are printable; received 'a\\x00b'"),
    ],
)
def test_a_text_that_is_none_is_named(field, text, names, line):
    with pytest.raises(InputError, match=line):
        field.parsed(text, *([] if names is None else [names]))


def test_texts_of_data_are_cut_and_lose_what_the_model_cannot_have():
    field = Tokens(6)
    texts = ["Pi\u00f1ata", " a \n b", "caf\u00e9".encode(), "\u201cI\u201d", np.int64([97, 98])]
    rows = field.rows(texts, "captions", "Model")
    assert [field.text(row) for row in rows] == ["pinata", "a b", "cafe", "i", "ab"]
    assert field.text(field.rows(["long text"], "x", "Model")[0]) == "long t"
    np.testing.assert_array_equal(
        field.received(np.array(["a", "bc"]), "x", "Model")[1], [98, 99, 0, 0, 0, 0]
    )
    for text in (" ", "\u00df", 3, [0, 0]):
        with pytest.raises(InputError, match="Model takes x of ASCII characters; number 1 has none"):
            field.rows(["a", text], "x", "Model")


def test_values_for_samples_are_one_for_each_or_one_for_all():
    for field, one in (
        (Classes(3), 2),
        (Attributes(2), [1.0, 0.0]),
        (Vector((2,)), [3.5, -1.0]),
        (Tokens(2), [97, 0]),
        (Image((1, 1, 1)), [[[0.5]]]),
    ):
        each = np.array([one] * 4)
        for values in (one, each):
            got = field.for_samples(values, 4, "x", "Model")
            assert got.dtype == field.dtype
            np.testing.assert_array_equal(got, each)
    np.testing.assert_array_equal(Classes(3).for_samples([[0], [1]], 2, "x", "Model"), [0, 1])
    np.testing.assert_array_equal(Tokens(2).for_samples("a", 2, "x", "Model"), [[97, 0]] * 2)
    np.testing.assert_array_equal(Tokens(2).for_samples(["a", "b"], 2, "x", "Model"), [[97, 0], [98, 0]])


@pytest.mark.parametrize(
    "field, values, line",
    [
        (
            Classes(3),
            [0, 1],
            r"Model takes x int32 of shape \(3,\), or one for all of shape \(\); received int",
        ),
        (Classes(3), [0.5] * 3, r"received float64 of shape \(3,\)"),
        (Classes(3), 3, r"x of Model lie in 0\.\.2; received 3 to 3"),
        (
            Attributes(2),
            [1.0] * 3,
            r"x float32 of shape \(3, 2\), or one for all of shape \(2,\); received float",
        ),
        (Attributes(2), [1.0, 2.0], r"x of Model lie in 0\.\.1; received 1 to 2"),
        (Vector((2,), 0.0, 1.0), [0.5, 2.0], r"Model takes x in \[0, 1\]; received 0\.5 to 2"),
        (
            Tokens(2),
            ["a"] * 4,
            "Model takes x, a text for each sample, or one for all; received 4 texts for n=3",
        ),
        (Tokens(2), [], "or one for all; received 0 texts for n=3"),
        (Tokens(2), ["a", 3, "b"], "a text must be a string that is not empty; received 3"),
        (Tokens(2), ["a", "", "b"], "a text must be a string that is not empty; received ''"),
        (Tokens(2), [[97, 300]] * 3, "x of Model are numbers from 0 to 127; received 97 to 300"),
    ],
)
def test_values_for_samples_that_do_not_fit_are_named(field, values, line):
    with pytest.raises(InputError, match=line):
        field.for_samples(values, 3, "x", "Model")
