"""Models with few signatures: each takes seconds to export, and tests of folders need no more."""


def only(model, *names):
    """The model, with these of its signatures alone."""
    every = model.signatures()
    model.signatures = {name: every[name] for name in names}.copy
    return model


def only_of(monkeypatch, kind, *names):
    """All models of a class have these of their signatures alone, until `monkeypatch` is undone."""
    every = kind.signatures
    monkeypatch.setattr(kind, "signatures", lambda model: {name: every(model)[name] for name in names})
