"""Scores of translated sentences."""

from pathlib import Path

import tfgen
from tfgen.data import sentences
from tfgen.errors import InputError
from tfgen.metrics.score import Score

BATCH = 256  # sentences at a time
NAMES = ("bleu",)


def corpus_bleu(translations: list[str], references: list[str]) -> float:
    """BLEU of translations by one reference each, 0 to 100, by sacrebleu; words stand between spaces.

    Raises:
        InputError: sacrebleu is not installed, not as many of both.
    """
    try:
        import sacrebleu
    except ImportError:
        raise InputError(
            "BLEU needs the package sacrebleu; pip install sacrebleu, or tfgen[sentences]"
        ) from None
    if len(translations) != len(references) or not references:
        raise InputError(
            f"BLEU compares as many translations as references; received {len(translations)} and "
            f"{len(references)}"
        )
    return float(sacrebleu.corpus_bleu(translations, [references], tokenize="none", force=True).score)


def scores(model, source, split, n, metrics=None):
    """[Score] of the likeliest translations of a split's sentences, by BLEU."""
    for name in metrics or ():
        if name not in NAMES:
            raise InputError(f"{type(model).__name__} has no {name}; its metrics are {', '.join(NAMES)}")
    pairs = sentences.opened(source, split, model.length).pairs[:n]
    texts, references = ([text.lower() for text in side] for side in zip(*pairs))
    made = [
        text
        for start in range(0, len(texts), BATCH)
        for text in model.translate(texts[start : start + BATCH])
    ]
    protocol = {
        "source": Path(source).name if isinstance(source, (str, Path)) else f"a {type(source).__name__}",
        "split": split,
        "n_real": len(references),
        "compared": f"sentences of at most {model.length} words, by sacrebleu",
        "tfgen": tfgen.__version__,
    }
    return [Score("bleu", corpus_bleu(made, references), None, protocol)]
