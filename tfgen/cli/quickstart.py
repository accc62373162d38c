"""`tfgen quickstart`."""


def command():
    pass
