"""One iteration of EM: an epoch of `fit` against scikit-learn's E and M steps, without its start.

Both go on from the same mixture on the same float32 examples. scikit-learn's `_e_step` and
`_m_step` are what its `fit` repeats; calling them leaves its initialisation and its last E out.
"""

import numpy as np

from tfgen.models import GaussianMixture
from tools.benchmarks import ratio, take_turns

COMPONENTS, BATCH = 10, 1000
CASES = {(10_000, 64): dict(rounds=10, warm_up=2), (50_000, 784): dict(rounds=3, warm_up=1)}


def examples(n, size, seed=0):
    """From as many Gaussians as there are components, of other means and other covariances."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(COMPONENTS):
        mix = (np.eye(size) + rng.normal(size=(size, size)) / size**0.5).astype("float32")
        z = rng.standard_normal((n // COMPONENTS, size), dtype="float32")
        parts.append(z @ mix + rng.standard_normal(size, dtype="float32"))
    return rng.permutation(np.concatenate(parts))


def peer(model, x):
    """scikit-learn's mixture with the parameters of `model`."""
    from sklearn.mixture import GaussianMixture as Mixture

    mixture = Mixture(model.components, reg_covar=model.regularization)
    mixture.weights_, mixture.means_ = model.mixing.numpy(), model.means.numpy()
    mixture.covariances_ = model.covariances
    mixture.precisions_cholesky_ = model.whitening.numpy()
    return mixture


def run():
    rows = []
    for (n, size), how in CASES.items():
        x = examples(n, size)
        model = GaussianMixture((size,), COMPONENTS, seed=0)
        model.compile()
        model.start(x[:2000])
        other = peer(model, x)

        def epoch():
            model.fit(x, batch_size=BATCH, shuffle=False, verbose=0)

        def iteration():
            _, responsibilities = other._e_step(x)
            other._m_step(x, responsibilities)

        times = take_turns({"tfgen": epoch, "scikit-learn": iteration}, **how)
        np.testing.assert_allclose(model.means, other.means_, atol=1e-2)
        case = f"{n:,} x {size}, {COMPONENTS} full covariances"
        rows.append({"case": case, "batch": BATCH, **times, **ratio(times, "tfgen", "scikit-learn")})
    return rows
