"""Generative models that classify, by Bayes' rule.

Ng and Jordan. On Discriminative vs. Generative Classifiers. NIPS 2001.
https://ai.stanford.edu/~ang/papers/nips01-discriminativegenerative.pdf

    log p(y|x) = log p(x|y) + log p(y) - log sum_y' p(x|y') p(y')

Gaussian p(x|y) of one covariance make a linear classifier (linear discriminant analysis), of the
same form as logistic regression, which fits p(y|x) itself; of several, a quadratic one.
"""

import inspect

import numpy as np
from scipy.special import logsumexp

from tfgen.errors import InputError
from tfgen.models.abilities import Density


class GenerativeClassifier:
    """p(y|x) from p(x|y), under the names of scikit-learn's classifiers.

    Args:
        model: a model of `classes` with `log_prob(images, labels=...)`, as `CVAE`; or one density
            for each class, {class: model with `log_prob(images)`} or a list of them.
        prior: p(y), (classes,) in their order, positive with sum 1; all classes alike if None.
        samples: K, where log_prob is a bound by K samples. Bounds are compared as if they were
            log p(x|y).
        seed: of the bound's noise, which is the same for all classes, so that their differences
            do not feel it.
        batch_size: images at a time.

    Attributes:
        classes_: the classes, in the order of the columns of `predict_proba`.
    """

    def __init__(self, model, prior=None, samples=100, seed=0, batch_size=250):
        if isinstance(model, (dict, list, tuple)):
            models = model if isinstance(model, dict) else dict(enumerate(model))
            self.classes_ = np.array(list(models))
            densities = [(one, {}) for one in models.values()]
        else:
            conditional = getattr(model, "label_spec", None) is not None  # else its classes are no condition
            classes = model.classes if conditional else 0
            if not classes and isinstance(model, Density):
                raise InputError(
                    f"GenerativeClassifier needs a model of several classes, or one model for each; "
                    f"received one {type(model).__name__} without classes"
                )
            self.classes_ = np.arange(classes)
            densities = [(model, {"labels": label}) for label in range(classes)] or [(model, {})]
        for one, _ in densities:
            if not hasattr(one, "log_prob"):
                raise InputError(
                    f"GenerativeClassifier needs log_prob, as CVAE or GaussianMixture have it; "
                    f"{type(one).__name__} has none"
                )
        if len(densities) < 2:
            raise InputError(f"GenerativeClassifier needs two classes or more; received {len(densities)}")
        k = len(densities)
        prior = np.full(k, 1 / k) if prior is None else np.asarray(prior, np.float64)
        if prior.shape != (k,) or not (prior > 0).all() or abs(prior.sum() - 1) > 1e-6:
            raise InputError(f"expected a prior of {k} positive numbers with sum 1; received {prior}")
        self.model, self.prior, self.samples = model, prior, samples
        self.seed, self.batch_size, self._densities = seed, batch_size, densities

    def predict_joint_log_proba(self, images):
        """log p(x|y) + log p(y), or the bound on it: nats, float64 (n, classes).

        Args:
            images: (n, h, w, c), or of whatever shape the densities take.
        """
        images = np.asarray(images)
        if not len(images):
            raise InputError("expected at least one image; received none")
        joint = np.empty((len(images), len(self._densities)))
        for start in range(0, len(images), self.batch_size):
            batch = images[start : start + self.batch_size]
            for column, (model, options) in enumerate(self._densities):
                if options:
                    options = {"labels": np.full(len(batch), options["labels"], np.int32)}
                noise = {"samples": self.samples, "seed": self.seed, "first_row": start}
                known = inspect.signature(model.log_prob).parameters
                noise = {name: value for name, value in noise.items() if name in known}
                joint[start : start + len(batch), column] = model.log_prob(batch, **options, **noise)
        if np.isnan(joint).any() or (joint.max(axis=1) == -np.inf).any():
            raise InputError("expected images that some class gives a density; received one that none does")
        return joint + np.log(self.prior)

    def predict_log_proba(self, images):
        """log p(y|x): nats, (n, classes)."""
        joint = self.predict_joint_log_proba(images)
        return joint - logsumexp(joint, axis=1, keepdims=True)

    def predict_proba(self, images):
        """p(y|x), (n, classes)."""
        return np.exp(self.predict_log_proba(images))

    def predict(self, images):
        """The most probable class of each image, (n,)."""
        return self.classes_[self.predict_joint_log_proba(images).argmax(axis=1)]

    def score(self, images, labels):
        """The share of images whose most probable class is their label, of labels (n,)."""
        labels = np.asarray(labels)
        if labels.shape != (len(images),) or not np.isin(labels, self.classes_).all():
            raise InputError(
                f"expected {len(images)} labels of the classes {self.classes_.tolist()}; received "
                f"{labels.size}, among them {np.unique(labels)[:12].tolist()}"
            )
        return float(np.mean(self.predict(images) == labels))
