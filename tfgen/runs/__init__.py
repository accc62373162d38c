"""The run folder: a training that can be stopped at any moment and continued.

    RUN/run.json            what was asked for: model, arguments, data, seed, versions, command
    RUN/metrics.csv         a row for each epoch;  RUN/tensorboard/ the same for TensorBoard; with the
                            numbers of `tfgen.doctor.callback` of a model with games
    RUN/samples/            epoch-0001.png and so on, from the same noise; of a model that translates, rows of
                            the same examples
    RUN/checkpoint.keras    after the last whole epoch, while the run is not complete
    RUN/model.keras         the model, when the run is complete

A checkpoint is written under another name and renamed, so one rename decides what a run has
done; its number of epochs is that of its model's steps. Everything else follows it:
`resume` cuts the metrics, the samples and TensorBoard's events to that epoch and does the unfinished
one again. An epoch's order of examples is a function of (seed, epoch), its noise of (seed, step), so
that the run ends as if it had never been stopped.

An epoch is one pass over the data, or several of a small set where the length of the run is given
in steps (`passes` in run.json).
"""

from tfgen.runs.plan import model_class, planned
from tfgen.runs.training import few_updates, load, resume, save, train

__all__ = ["few_updates", "load", "model_class", "planned", "resume", "save", "train"]
