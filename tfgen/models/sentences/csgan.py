"""CSGAN: sentences translated by a policy that a discriminator and BLEU reward.

Yang, Chen, Wang and Xu. Improving Neural Machine Translation with Conditional Sequence Generative Adversarial
Nets. NAACL 2018. https://arxiv.org/abs/1703.04887

G is a recurrent network with attention, p(y_t | y_<t, x); D a convolutional one that tells a person's
translations of x from G's. What G is rewarded for (BR-CSGAN, of which this is the acronym's second half):

    R(x, y) = l (D(x, y) - b) + (1 - l) Q(y, y*),    Q the smoothed BLEU of a sentence, y* a person's

    grad J = E_{y ~ G} sum_t R_t grad log G(y_t | y_<t, x),
    R_t = the mean R of N sentences that begin with y_1..t and that G goes on with; R(x, y) itself at the end

l = 0.7, b = 0.5, N = 20. First G learns by likelihood (objective "teacher"), then D alone; then each update
by the policy is followed by one by likelihood, and D learns too, its weights held within [-1, 1].

Unlike the authors' code, a sentence is masked by its own end, not by that of the one it began as. Unlike
the paper, the networks are small, an LSTM in both directions and a GRU, and for D convolutions of 1 to 3
words of either sentence, by Adam; D learns in each step of the game, where the paper looks at its accuracy;
a word beyond the vocabulary is one unknown word.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import random
from tfgen.errors import InputError
from tfgen.fields import Words
from tfgen.layers import BidirectionalLSTM, Clip
from tfgen.models.abilities import TranslatesSentences
from tfgen.models.base import GenerativeModel, Objective, Recipe
from tfgen.models.registry import model

ORDERS = 4  # of BLEU's n-grams
CONVOLVED = (1, 2, 3)  # words at a time, that D sees


def lived(tokens):
    """1 for the tokens (n, length) of a sentence with its end, the first 0, and 0 behind it: float32."""
    ended = tf.cumsum(tf.cast(tokens == 0, tf.int32), axis=1, exclusive=True)
    return tf.cast(ended == 0, tf.float32)


def bleu(tokens, references):
    """The smoothed BLEU of sentences (n, length) by their references: float32 (n,), in [0, 1].

    Of n-grams of up to 4 words, where those of more than one count one more found among one more (Lin and
    Och, 2004); the same as sacrebleu's sentence_bleu with smooth_method="add-k".
    """
    log_precision, words = 0.0, None
    there, wanted = (lived(x) * tf.cast(x != 0, tf.float32) for x in (tokens, references))
    sizes = [tf.reduce_sum(x, axis=1) for x in (there, wanted)]
    for order in range(1, ORDERS + 1):
        ours, theirs, valid, known = _grams(tokens, there, references, wanted, order)
        if ours is None:
            found = total = tf.zeros_like(sizes[0])
        else:
            alike = valid[:, None] * valid[:, :, None] * _equal(ours, ours)
            given = known[:, None] * valid[:, :, None] * _equal(ours, theirs)
            own, others = tf.reduce_sum(alike, axis=2), tf.reduce_sum(given, axis=2)
            # Each of c n-grams that the reference has r times is found min(c, r) / c times.
            found = tf.reduce_sum(valid * tf.minimum(1.0, others / tf.maximum(own, 1.0)), axis=1)
            total = tf.reduce_sum(valid, axis=1)
        words = found if order == 1 else words
        more = 0.0 if order == 1 else 1.0
        log_precision += tf.math.log((found + more + 1e-9) / (total + more + 1e-9)) / ORDERS
    short = tf.minimum(0.0, 1 - sizes[1] / tf.maximum(sizes[0], 1e-9))
    return tf.where(words > 0, tf.exp(log_precision + short), 0.0)


def _grams(tokens, there, references, wanted, order):
    if min(tokens.shape[1], references.shape[1]) < order:
        return None, None, None, None
    found = []
    for x, inside in ((tokens, there), (references, wanted)):
        count = x.shape[1] - order + 1
        found.append((tf.stack([x[:, k : k + count] for k in range(order)], axis=2), inside[:, order - 1 :]))
    (ours, valid), (theirs, known) = found
    return ours, theirs, valid, known


def _equal(a, b):
    """Whether n-grams are the same, float32 (n, i, j), of (n, i, order) and (n, j, order)."""
    return tf.reduce_prod(tf.cast(a[:, :, None] == b[:, None], tf.float32), axis=3)


@model(
    title="Improving Neural Machine Translation with Conditional Sequence Generative Adversarial Nets",
    year=2018,
)
class CSGAN(TranslatesSentences, GenerativeModel):
    """A translator of sentences that learns by likelihood, then by a reward.

    Sentences are words between spaces; `tfgen.data.vocabulary` finds those of a set of pairs, and a run does
    so itself. They are kept with the model, so that it translates text.

    Args:
        source_words, target_words: the words that the model knows, of either language, in order.
        length: words of a sentence, at most.
        width: units of the recurrent layers and of each word.
        teacher: steps by likelihood alone.
        judging: steps of D alone, after them.
        weight: of D in the reward, l in [0, 1]; the rest is BLEU's.
        baseline: b, what is taken off D's probability.
        rollouts: N, sentences that say what a beginning is worth.
    """

    tiny = dict(
        source_words=tuple("abcdefg"), target_words=tuple("uvwxyz"), length=2, width=6,
        **dict(teacher=0, judging=0, rollouts=2),
    )  # fmt: skip
    recipe = Recipe("numerals", batch_size=32, epochs=20, model=dict(length=8, width=64, rollouts=2))
    averaged_networks = ("encoder", "decoder")

    def __init__(
        self,
        source_words=(),
        target_words=(),
        length=12,
        width=128,
        teacher=2000,
        judging=200,
        weight=0.7,
        baseline=0.5,
        rollouts=20,
        **kwargs,
    ):
        if length < 2 or rollouts < 1 or min(teacher, judging) < 0:
            raise InputError(
                f"CSGAN needs length >= 2, rollouts >= 1 and stages of 0 steps or more; received {length}, "
                f"{rollouts}, {teacher} and {judging}"
            )
        if not 0 <= weight <= 1:
            raise InputError(f"weight is D's share of the reward, in [0, 1]; received {weight}")
        super().__init__(**kwargs)
        self.source_words, self.target_words = tuple(source_words), tuple(target_words)
        self.length, self.width, self.teacher, self.judging = length, width, teacher, judging
        self.weight, self.baseline, self.rollouts = weight, baseline, rollouts
        with self.building():
            self.encoder, self.decoder = self._encoder(), self._decoder()
            self.discriminator = self._discriminator()

    @property
    def fields(self):
        return {
            "inputs": Words(self.length, self.source_words),
            "images": Words(self.length, self.target_words),
        }

    @property
    def value_range(self):
        """Of the numbers of words."""
        return (0.0, float(self.fields["images"].vocabulary - 1))

    @property
    def image_shape(self):
        """(length,), of what `sample` makes: numbers of words."""
        return (self.length,)

    def _encoder(self):
        """Tokens (n, length) -> what attention looks at (n, length, 2 width), and a state (n, width)."""
        tokens = keras.Input((self.length,), dtype="int32")
        x = layers.Embedding(self.fields["inputs"].vocabulary, self.width)(tokens)
        x = BidirectionalLSTM(self.width)(x)
        state = layers.Dense(self.width, "tanh")(layers.GlobalAveragePooling1D()(x))
        return keras.Model(tokens, [x, state], name="encoder")

    def _decoder(self):
        """(last token (n,), state, what the encoder said, where it counts) -> (logits, state): a step."""
        last, state = keras.Input((), dtype="int32"), keras.Input((self.width,))
        seen, there = keras.Input((self.length, 2 * self.width)), keras.Input((self.length,))
        vocabulary = self.fields["images"].vocabulary
        word = layers.Embedding(vocabulary, self.width)(last)
        query = layers.Reshape((1, self.width))(layers.Dense(self.width)(state))
        energy = layers.Activation("tanh")(layers.Add()([layers.Dense(self.width)(seen), query]))
        energy = layers.Flatten()(layers.Dense(1)(energy))
        hidden = layers.Rescaling(1e4, -1e4)(there)  # far below all others where nothing is
        share = layers.Softmax()(layers.Add()([energy, hidden]))
        context = layers.Flatten()(layers.Dot(axes=1)([layers.Reshape((self.length, 1))(share), seen]))
        x, now = layers.GRUCell(self.width)(layers.Concatenate()([word, context]), state)
        now = now[0] if isinstance(now, (list, tuple)) else now
        x = layers.Dense(self.width, "tanh")(layers.Concatenate()([x, context, word]))
        logits = layers.Dense(vocabulary, dtype="float32")(x)
        return keras.Model([last, state, seen, there], [logits, now], name="decoder")

    def _discriminator(self):
        """(source, target), tokens (n, length) each -> the logit that a person translated (n, 1)."""
        given, seen = [], []
        for name in ("inputs", "images"):
            given.append(keras.Input((self.length,), dtype="int32"))
            x = layers.Embedding(self.fields[name].vocabulary, self.width)(given[-1])
            for size in CONVOLVED:
                how = dict(padding="same", activation="relu", kernel_constraint=Clip(1.0))
                seen.append(layers.GlobalMaxPooling1D()(layers.Conv1D(self.width, size, **how)(x)))
        x = layers.Dense(2 * self.width, "relu", kernel_constraint=Clip(1.0))(layers.Concatenate()(seen))
        logit = layers.Dense(1, kernel_constraint=Clip(1.0), dtype="float32")(x)
        return keras.Model(given, logit, name="discriminator")

    def default_optimizers(self):
        """Adam of rate 1e-3 for likelihood and D, RMSprop of rate 1e-4 for the policy."""
        return {
            "policy": keras.optimizers.RMSprop(1e-4, global_clipnorm=5.0),
            "teacher": keras.optimizers.Adam(1e-3, global_clipnorm=5.0),
            "discriminator": keras.optimizers.Adam(1e-3),
        }

    def objectives(self):
        alone, last = self.teacher, self.teacher + self.judging
        networks = self.encoder, self.decoder
        return {
            "policy": Objective(
                self.policy_objective, networks, ("reward", "bleu"), stage=lambda k: k > last
            ),
            "teacher": Objective(self.teacher_objective, networks, stage=lambda k: k <= alone or k > last),
            "discriminator": Objective(
                self.discriminator_objective, (self.discriminator,), ("accuracy",), stage=lambda k: k > alone
            ),
        }

    # Sentences, step by step.

    def encoded(self, inputs, training=False):
        """(state (n, width), what attention looks at, where it counts (n, length)) of tokens (n, length)."""
        seen, state = self.network("encoder", training)(inputs, training=training)
        return state, seen, lived(inputs)

    def go_through(self, encoded, choose, training=False):
        """(tokens (n, length), logits (n, length, vocabulary)) of a sentence, word by word.

        Args:
            encoded: of `encoded`.
            choose: choose(t, logits (n, vocabulary)) gives the t-th token, int32 (n,).
        """
        state, seen, there = encoded
        decoder, last = self.network("decoder", training), tf.zeros(tf.shape(there)[:1], tf.int32)
        tokens, logits = [], []
        for t in range(self.length):  # a short loop, in which each step is one of the graph
            scores, state = decoder([last, state, seen, there], training=training)
            last = choose(t, scores)
            tokens.append(last), logits.append(scores)
        return tf.stack(tokens, axis=1), tf.stack(logits, axis=1)

    def drawn(self, encoded, noise, kept=None, first=None, training=False):
        """(tokens, logits) that noise (n, length) on (0, 1) draws from the policy; 0 behind the end.

        Args:
            kept, first: tokens (n, length) of which the first `first` (n,) stay; None: none.
        """

        def choose(t, logits):
            below = tf.cumsum(tf.nn.softmax(logits), axis=1) < noise[:, t : t + 1]
            token = tf.minimum(tf.reduce_sum(tf.cast(below, tf.int32), axis=1), logits.shape[1] - 1)
            return token if kept is None else tf.where(t < first, kept[:, t], token)

        tokens, logits = self.go_through(encoded, choose, training)
        return tokens * tf.cast(lived(tokens), tf.int32), logits

    def log_likelihoods(self, logits, tokens):
        """log p of each token, and 0 behind a sentence's end: (n, length)."""
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, logits)
        return -each * lived(tokens)

    def score(self, inputs, tokens, training=False):
        """The logit that a person translated inputs as tokens, (n, 1)."""
        sides = [x * tf.cast(lived(x), tf.int32) for x in (inputs, tokens)]
        return self.discriminator(sides, training=training)

    # What is learnt.

    def teacher_objective(self, step):
        """Minus the log-likelihood of a person's translation, nats a word."""
        inputs, wanted = step.batch["inputs"], step.batch["images"]
        encoded = self.encoded(inputs, step.training)
        _, logits = self.go_through(encoded, lambda t, _: wanted[:, t], step.training)
        words = tf.reduce_mean(tf.reduce_sum(lived(wanted), axis=1))
        return -tf.reduce_mean(tf.reduce_sum(self.log_likelihoods(logits, wanted), axis=1)) / words, {}

    def reward(self, inputs, tokens, references):
        """R of translations (n, length), without a gradient: (n,)."""
        judged = tf.sigmoid(self.score(inputs, tokens))[:, 0] - self.baseline
        matched = bleu(tokens, references)
        return tf.stop_gradient(self.weight * judged + (1 - self.weight) * matched)

    def rewards(self, step, encoded, tokens):
        """R_t of each token of translations (n, length), by rollouts; what has ended stays as it is."""
        inputs, references = step.batch["inputs"], step.batch["images"]
        length, copies = self.length, self.rollouts
        noise = step.uniform("rollouts", (length - 1) * copies * length)

        def repeated(x):
            return tf.repeat(x, (length - 1) * copies, axis=0)

        noise = tf.reshape(noise, (-1, length))
        first = tf.tile(tf.repeat(tf.range(1, length), copies), tf.shape(tokens)[:1])
        wholes, _ = self.drawn([repeated(x) for x in encoded], noise, repeated(tokens), first, step.training)
        found = self.reward(repeated(inputs), wholes, repeated(references))
        found = tf.reduce_mean(tf.reshape(found, (-1, length - 1, copies)), axis=2)
        whole = self.reward(inputs, tokens, references)
        return tf.concat([found, whole[:, None]], axis=1)

    def policy_objective(self, step):
        """Minus sum_t R_t log G(y_t), whose gradient is minus that of J."""
        encoded = self.encoded(step.batch["inputs"], step.training)
        tokens, logits = self.drawn(encoded, step.uniform("policy", self.length), training=step.training)
        tokens = tf.stop_gradient(tokens)
        rewards = self.rewards(step, [tf.stop_gradient(x) for x in encoded], tokens)
        loss = -tf.reduce_sum(rewards * self.log_likelihoods(logits, tokens), axis=1)
        logs = {
            "reward": tf.reduce_mean(rewards[:, -1]),
            "bleu": tf.reduce_mean(bleu(tokens, step.batch["images"])),
        }
        return tf.reduce_mean(loss), logs

    def discriminator_objective(self, step):
        inputs, wanted = step.batch["inputs"], step.batch["images"]
        encoded = self.encoded(inputs)
        made, _ = self.drawn(encoded, step.uniform("fakes", self.length))
        made = tf.stop_gradient(made)
        real, fake = (self.score(inputs, x, step.training) for x in (wanted, made))
        loss = tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))
        right = tf.concat([real > 0, fake < 0], axis=0)
        return loss, {"accuracy": tf.reduce_mean(tf.cast(right, tf.float32))}

    # Use.

    def draw(self, key, n, first_row, inputs):
        """Translations drawn from the policy, tokens (n, length)."""
        return self.drawn(self.encoded(inputs), random.uniform(key, (n, self.length), first_row))[0]

    def likeliest(self, inputs):
        """The translation that takes the likeliest word each time, tokens int32 (n, length)."""
        tokens, _ = self.go_through(
            self.encoded(inputs), lambda t, logits: tf.argmax(logits, axis=1, output_type=tf.int32)
        )
        return tokens * tf.cast(lived(tokens), tf.int32)

    def call(self, inputs, training=False):
        return self.likeliest(inputs)

    def signatures(self):
        inputs = self.fields["inputs"].spec("inputs")
        return {"translate": (self.likeliest, [inputs]), "sample": self.sampler()}
