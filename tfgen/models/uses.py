"""Systems that are uses of models, not models of their own: see `tfgen list` and `tfgen show`."""

from typing import NamedTuple


class Use(NamedTuple):
    """What the catalogue says of a use.

    Attributes:
        name: as the field has it.
        title, year: of its paper.
        does: what it does, and to what.
        how: a command, or a line of Python.
        study: its recorded run, of results/studies.
    """

    name: str
    title: str
    year: int
    does: str
    how: str
    study: str


_ALL = (
    Use(
        "AnoGAN",
        "Unsupervised Anomaly Detection with Generative Adversarial Networks to Guide Marker Discovery",
        2017,
        "finds the unusual among images by a model trained on usual ones, as dcgan: a search for the code "
        "whose image comes nearest says how far it stays",
        'tfgen.metrics.outlier_scores(model, images, by="search")',
        "anogan",
    ),
    Use(
        "iGAN",
        "Generative Visual Manipulation on the Natural Image Manifold",
        2016,
        "edits images by strokes, lines or a part that is moved, so that they stay what a GAN can make",
        "tfgen latent edit RUN --paint strokes.png",
        "inpainting",
    ),
    Use(
        "Inpainting",
        "Semantic Image Inpainting with Deep Generative Models",
        2017,
        "fills holes of images by a search for the code whose image fits around them",
        "tfgen latent inpaint RUN --hide middle",
        "inpainting",
    ),
    Use(
        "Colourisation",
        "Colorful Image Colorization",
        2016,
        "colours grey images, by pix2pix's losses on the lightness and the colours of CIE Lab",
        "tfgen train pix2pix --data photos/ --set colour=lab --out RUN",
        "colour",
    ),
)
USES = {use.name.lower(): use for use in _ALL}
