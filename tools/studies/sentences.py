"""Does a reward by a discriminator and BLEU better a translator that has learnt by likelihood?"""

from pathlib import Path

from tfgen import data
from tfgen.data import sentences as pairs_of
from tfgen.metrics.sentences import corpus_bleu
from tfgen.models import CSGAN
from tools.studies._training import core_seconds, forget

published = (
    "Yang et al. (2018), as a second-hand summary has it: BLEU of RNNSearch 33.94 -> 35.77 (Zh-En) and 21.20 "
    "-> 22.89 (En-De), of Transformer 41.80 -> 42.61 and 27.30 -> 27.92, by large networks on millions of "
    "pairs; ours is small, on some thousand short captions: what is compared is before and after."
)
MODEL = dict(length=12, width=96, rollouts=2)
WORDS, BATCH, TEACHER, JUDGING, GAME = 2500, 32, 2500, 100, 150
WAYS = {"likelihood alone": None, "BR-CSGAN, l = 0.7": 0.7, "BLEU alone, l = 0": 0.0}

PROTOCOL = """Multi30k, English to German, pairs of at most 12 words ({count} of the train split,
{tested} of test_2016_flickr), the {WORDS} commonest words of either language; {MODEL}, batches of
{BATCH}, the model's own optimizers. {teacher} steps by likelihood, from which each way goes on with
new optimizers for as many steps: {game} of the game (after {judging} of the discriminator alone),
each with an update by likelihood, or as many by likelihood alone. BLEU of the likeliest words, by
sacrebleu, in lower case, where a word that is none of the vocabulary counts as an error. D right:
share of sentences of the last steps that D puts on the right side. examples.txt: the first
sentences of the test split."""


def run(folder, data_dir, seed, teacher=TEACHER, judging=JUDGING, game=GAME):
    path = str(Path(data_dir or ".").parent / "npz" / "multi30k_en_de.npz")
    words = data.vocabulary(path, words=WORDS, length=MODEL["length"])
    test = pairs_of.opened(path, "test", MODEL["length"]).pairs
    count, tested = pairs_of.opened(path, "train", MODEL["length"]).count, len(test)
    texts, references = zip(*test)
    rows, shown = [], {}
    stages = dict(teacher=teacher, judging=judging)

    def measured(what, model, cost, **more):
        made = [text for k in range(0, tested, 250) for text in model.translate(list(texts[k : k + 250]))]
        shown[what] = made[:8]
        score = round(corpus_bleu(made, list(references)), 2)
        rows.append({"network": what, "BLEU": score, **more, "core-seconds": round(cost)})
        print(rows[-1], flush=True)

    def trained(model, batches):
        start = core_seconds()
        history = model.fit(batches, verbose=2).history
        return core_seconds() - start, history

    def batches(model, first, steps):
        return data.load(path, "train", model, BATCH, seed=seed, epochs=range(100)).skip(first).take(steps)

    base = CSGAN(*words, **MODEL, **stages, seed=seed)
    base.compile()
    cost, _ = trained(base, batches(base, 0, teacher))
    measured("likelihood", base, cost, steps=teacher)
    for what, weight in WAYS.items():
        alone = weight is None
        given = dict(teacher=10**6, judging=0) if alone else dict(stages, weight=weight)
        model = CSGAN(*words, **MODEL, **given, seed=seed)
        model.compile()
        model.set_weights(base.get_weights())  # and the number of steps
        cost, history = trained(model, batches(model, teacher, game if alone else judging + game))
        last = {name: round(history[name][-1], 3) for name in ("reward", "accuracy") if not alone}
        more = {"D right": last["accuracy"]} if last else {}
        measured(what, model, cost, steps=teacher + game, **more)
    forget()
    lines = []
    for place, (source, target) in enumerate(test[:8]):
        lines += [
            source,
            f"  person: {target}",
            *(f"  {what}: {made[place]}" for what, made in shown.items()),
            "",
        ]
    (folder / "examples.txt").write_text("\n".join(lines), encoding="utf-8")
    return {
        "protocol": PROTOCOL.replace("\n", " ").format_map({**globals(), **locals()}),
        "rows": rows,
    }
