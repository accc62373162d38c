"""CSGAN: the policy's gradient by enumeration, sentences that end, and what a reward may not move."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import CSGAN
from tfgen.models.sentences.csgan import bleu, lived

RNG, SMALL = np.random.default_rng(0), {**CSGAN.tiny, "length": 3}
INPUTS = np.int32([[2, 3, 0], [4, 0, 0], [5, 1, 6]])
WANTED = np.int32([[3, 2, 0], [4, 5, 0], [2, 3, 4]])


@pytest.fixture(scope="module")
def model():
    model = CSGAN(**SMALL, seed=0)
    model.compile(run_eagerly=True)
    return model


def test_a_sentence_lives_up_to_its_first_end():
    np.testing.assert_array_equal(
        lived(np.int32([[2, 0, 3], [0, 2, 2], [2, 3, 4]])), [[1, 1, 0], [1, 0, 0], [1] * 3]
    )


def test_bleu_is_sacrebleus():
    sacrebleu = pytest.importorskip("sacrebleu")
    tokens, references = RNG.integers(1, 5, (2, 40, 7)).astype("int32")
    for row, end in zip(tokens, RNG.integers(1, 9, 40)):
        row[end:] = 0
    for row, end in zip(references, RNG.integers(4, 9, 40)):
        row[end:] = 0
    references[:5], tokens[5] = tokens[:5], 0
    found = bleu(tf.constant(tokens), tf.constant(references)).numpy()

    def text(row):
        return " ".join(f"w{word}" for word in row if word)

    how = dict(smooth_method="add-k", smooth_value=1, tokenize="none", use_effective_order=False)
    for row, reference, value in zip(tokens, references, found):
        if len(set(row)) < 2:
            assert value == 0
            continue
        want = sacrebleu.sentence_bleu(text(row), [text(reference)], **how).score / 100
        assert value == pytest.approx(want, abs=1e-4), (row, reference)
    assert found[0] == pytest.approx(1, abs=1e-4)


class Table(CSGAN):
    """Two words of three: logits are a table of the last token, and a reward one of the sentence."""

    def __init__(self, **kwargs):
        super().__init__(("a",), ("u",), length=2, width=2, rollouts=4, seed=0, **kwargs)
        self.table = self.add_weight((2, 3, 3), "zeros", name="table")
        rng = np.random.default_rng(1)  # of its own: the test is of chance
        self.table.assign(rng.normal(size=(2, 3, 3)))
        self.worth = rng.normal(size=(3, 3)).astype("float32")
        self.worth[0] = self.worth[0, 0]  # behind the end nothing counts

    def go_through(self, encoded, choose, training=False):
        rows = tf.shape(encoded[2])[0]
        last, tokens, logits = tf.zeros([rows], tf.int32), [], []
        for t in range(2):
            scores = tf.gather(self.table.value[t], last)
            last = choose(t, scores)
            tokens.append(last), logits.append(scores)
        return tf.stack(tokens, 1), tf.stack(logits, 1)

    def reward(self, inputs, tokens, references):
        return tf.gather_nd(self.worth, tokens)


def test_the_policy_gradient_by_rollouts_is_that_of_all_nine_sentences():
    """V = 3, T = 2: within 3 standard errors, and rewards of beginnings are their expectations."""
    model = Table()
    log_p = tf.nn.log_softmax(model.table.value).numpy()
    p, expected = np.exp(log_p), 0.0
    exact = np.zeros((2, 3, 3))
    for first, second in itertools.product(range(3), range(3)):
        chance, worth = p[0, 0, first] * p[1, first, second], model.worth[first, second]
        if first == 0:
            chance, worth = p[0, 0, 0] * p[1, 0, second], model.worth[0, 0]
        else:
            exact[1, first] += chance * worth * ((np.arange(3) == second) - p[1, first])
        exact[0, 0] += chance * worth * ((np.arange(3) == first) - p[0, 0])
        expected += chance * worth
    two = tf.fill((300, 2), 2)

    @tf.function(autograph=False)
    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(model.table.value)
            loss, logs = model.policy_objective(step_of(model, two, two))
        return -tape.gradient(loss, model.table.value), logs["reward"]

    found, rewards = [], []
    for _ in range(60):
        model.step.assign_add(1)
        slope, reward = gradient()
        found.append(slope.numpy()), rewards.append(float(reward))
    mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / len(found) ** 0.5
    assert (abs(mean - exact) <= 3 * error + 1e-6).all()
    assert (abs(exact) > 10 * error).any()
    assert np.mean(rewards) == pytest.approx(expected, abs=3 * np.std(rewards) / 60**0.5)


def test_a_rollout_keeps_its_beginning_and_is_masked_by_its_own_end(model):
    encoded = model.encoded(tf.repeat(INPUTS[:1], 60, axis=0))
    kept = np.tile(np.int32([[3, 4, 5]]), (60, 1))
    first = np.repeat(np.int32([1, 2, 3]), 20)
    noise = RNG.uniform(size=(60, 3)).astype("float32")
    made, _ = model.drawn(encoded, noise, tf.constant(kept), tf.constant(first))
    made = made.numpy()
    for row, count in zip(made, first):
        np.testing.assert_array_equal(row[:count], kept[0, :count])
    assert len(np.unique(made[:20], axis=0)) > 3 and (made[40:] == kept[0]).all()
    # One that ends at once is shorter than the one it began as, and nothing lives behind its end.
    ended, _ = model.drawn(encoded, 0 * noise, tf.constant(kept), tf.constant(first))
    np.testing.assert_array_equal(ended[:20, 1:], 0)
    scores = model.score(INPUTS[:1], np.int32([[3, 0, 5]])), model.score(INPUTS[:1], np.int32([[3, 0, 0]]))
    np.testing.assert_allclose(*scores)


def test_rewards_of_the_end_are_those_of_the_sentence_itself(model):
    step = step_of(model, INPUTS, WANTED)
    encoded = model.encoded(INPUTS)
    tokens = tf.constant(np.int32([[3, 2, 4], [0, 0, 0], [2, 0, 0]]))
    found, whole = model.rewards(step, encoded, tokens), model.reward(INPUTS, tokens, WANTED)
    np.testing.assert_allclose(found[:, 2], whole, rtol=1e-5)
    np.testing.assert_allclose([found[1, 0], found[2, 1]], [whole[1], whole[2]], rtol=1e-5)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_weight_of_0_is_bleu_alone_and_one_of_1_the_judge_less_its_baseline(weight):
    model = CSGAN(**SMALL, weight=weight, seed=0)
    judged = 1 / (1 + np.exp(-model.score(INPUTS, WANTED)[:, 0].numpy()))
    want = judged - 0.5 if weight else np.ones(3)
    np.testing.assert_allclose(model.reward(INPUTS, WANTED, WANTED), want, atol=1e-4)


def test_the_reward_has_no_gradient(model):
    """The policy's loss moves G by log p alone: not D, and nothing through what was drawn."""
    step = step_of(model, INPUTS, WANTED)
    with tf.GradientTape(persistent=True) as tape:
        loss, _ = model.policy_objective(step)
        encoded = model.encoded(INPUTS, True)
        tokens, logits = model.drawn(encoded, step.uniform("policy", 3), training=True)
        rewards = model.rewards(step, encoded, tokens)
        own = -tf.reduce_mean(tf.reduce_sum(rewards * model.log_likelihoods(logits, tokens), axis=1))
    judge = [v.value for v in model.discriminator.trainable_variables]
    assert all(g is None for g in tape.gradient(loss, judge))
    weights = [v.value for v in model.decoder.trainable_variables]
    for a, b in zip(tape.gradient(loss, weights), tape.gradient(own, weights)):
        np.testing.assert_allclose(tf.convert_to_tensor(a), tf.convert_to_tensor(b), rtol=1e-4, atol=1e-6)


def test_likelihood_is_of_the_words_and_the_end(model):
    step = step_of(model, INPUTS, WANTED)
    _, logits = model.go_through(model.encoded(INPUTS), lambda t, _: tf.constant(WANTED[:, t]))
    log_p = tf.nn.log_softmax(logits).numpy()
    total = sum(log_p[row, t, WANTED[row, t]] for row, t in np.ndindex(3, 3))
    assert float(model.teacher_objective(step)[0]) == pytest.approx(
        -total / 9, rel=1e-5
    )  # all live to the end


def test_stages_and_what_is_played_in_each(model):
    model = CSGAN(**{**SMALL, "teacher": 3, "judging": 2})
    due = [[name for name, one in model.objectives().items() if one.due(k)] for k in (1, 3, 4, 5, 6)]
    every = ["policy", "teacher", "discriminator"]
    assert due == [["teacher"], ["teacher"], ["discriminator"], ["discriminator"], every]


def test_a_saved_model_translates_text_alone(model, tmp_path):
    import keras

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    made = loaded.translate(["a b", "C d e"])
    assert made == model.translate(["a b", "c d e"]) and loaded.translate("a b") == made[0]
    field = model.fields["inputs"]
    np.testing.assert_array_equal(field.parsed("a zz c"), [2, 1, 4])
    assert field.text([2, 1, 0]) == "a <unk>" and set(" ".join(made).split()) <= {"<unk>", *"uvwxyz"}
    drawn = model.sample(2, seed=0, inputs=["a b", "c"])
    np.testing.assert_array_equal(drawn, model.sample(2, seed=0, inputs=np.int32([[2, 3, 0], [4, 0, 0]])))


@pytest.mark.parametrize(
    "texts, told",
    [
        ([], "translate needs a sentence at least"),
        (["a", " "], "a sentence must be a string that is not empty; received ' '"),
        ([3], "a sentence must be a string that is not empty; received 3"),
        (["a b c d"], "a sentence has at most 3 words; received 4: 'a b c d'"),
    ],
)
def test_a_wrong_text_is_one_line(model, texts, told):
    with pytest.raises(InputError) as error:
        model.translate(texts)
    assert str(error.value).startswith(told) and "\n" not in str(error.value)


def test_wrong_arguments_are_one_line():
    for given, told in (
        (dict(length=1), "CSGAN needs length >= 2"),
        (dict(rollouts=0), "rollouts >= 1"),
        (dict(weight=70), "weight is D's share of the reward"),
    ):
        with pytest.raises(InputError, match=told):
            CSGAN(**given)
