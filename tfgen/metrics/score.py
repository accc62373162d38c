"""A number together with what it compared."""

import dataclasses
import json

from tfgen.arguments import plain
from tfgen.errors import InputError

WHOSE = "weights"  # the part of a protocol that says whose score it is, not how it was measured
# Of a protocol, beside its scores.
SHOWN = ("source", "split", "n_real", "n_fake", "extractor", "features", "compared", "seed")
# What took the samples' place.
REFERENCES = {
    "_train": "train images",
    "_shuffled": "shuffled pixels",
    "_bicubic": "bicubic",
    "_copied": "last frame",
    "_data": "real tunes",
}
LOWER = (
    *("frechet", "kernel", "mode_kl", "distortion", "reconstruction_error", "am_score"),
    *("elbo_bits_per_dim", "log_prob_bits_per_dim", "l1", "feature_distance", "kl", "classify_error"),
)
HIGHER = (
    *("precision", "recall", "density", "coverage", "modes", "high_quality", "class_agreement"),
    *("elbo", "log_prob", "two_sample_p_value", "psnr", "ssim", "psnr_y", "ssim_y"),
    *("psnr_1", "ssim_1", "sharpness_1", "psnr_2", "ssim_2", "sharpness_2"),
    *("cc", "sim", "auc_judd", "nss", "pixel_accuracy", "class_accuracy", "class_iou"),
)
HALF = (
    *("two_sample_accuracy", "discriminator_accuracy"),
    *("discriminator_accuracy_real", "discriminator_accuracy_fake"),
)


@dataclasses.dataclass(frozen=True)
class Score:
    """The value of a metric, and the protocol that produced it.

    Scores of one name and one protocol, but for its `weights`, can be compared: `a < b`, `a > b`, and
    `a - b`, the difference of the values. Others raise an `InputError` that names what differs, for a
    distance between 2,000 images says nothing about one between 10,000.

    Attributes:
        name: the metric, as "frechet".
        value: in the units that the metric's function states.
        standard_error: of the value, in the same units; None where the metric has none.
        protocol: what was compared with what, and how; plain JSON.
    """

    name: str
    value: float
    standard_error: float | None = None
    protocol: dict = dataclasses.field(default_factory=dict, hash=False)

    def __post_init__(self):
        object.__setattr__(self, "protocol", json.loads(json.dumps(plain(self.protocol))))

    def _check_like(self, other):
        if not isinstance(other, Score):
            raise InputError(f"expected a Score to compare {self.name!r} with; received {other!r}")
        a, b = {"metric": self.name, **self.protocol}, {"metric": other.name, **other.protocol}
        unlike = [
            f"{field} ({a.get(field)!r} and {b.get(field)!r})"
            for field in dict.fromkeys([*a, *b])
            if field != WHOSE and a.get(field) != b.get(field)
        ]
        if unlike:
            raise InputError(
                f"scores of unlike protocols cannot be compared: they differ in {', '.join(unlike)}; "
                "evaluate both with the same arguments"
            )

    def __lt__(self, other):
        self._check_like(other)
        return self.value < other.value

    def __sub__(self, other):
        self._check_like(other)
        return self.value - other.value

    @property
    def better(self):
        """Which values are better: "lower", "higher", "1/2" for one half, or None where neither is."""
        name = self.name.removesuffix("_train")
        kinds = {"lower": LOWER, "higher": HIGHER, "1/2": HALF}
        return next((kind for kind, names in kinds.items() if name in names), None)

    def __str__(self):
        error = "" if self.standard_error is None else f" +- {self.standard_error:.2g}"
        return f"{self.name} {self.value:.6g}{error}"

    def to_json(self):
        """One JSON object, with the fields of this class."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text):
        """The score that `to_json` wrote."""
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise InputError(f"expected a score as Score.to_json writes it; received {text!r}") from error


def beside_references(scores):
    """[(score, {what took the samples' place: its score})] of what `evaluate` gives."""
    of = {score.name: score for score in scores}
    return [
        (score, {what: of[name] for end, what in REFERENCES.items() if (name := score.name + end) in of})
        for score in scores
        if not score.name.endswith(tuple(REFERENCES))
    ]


def said(protocol):
    """What is shown of a protocol, in one line."""
    return ", ".join(f"{name} {protocol[name]}" for name in SHOWN if name in protocol)
