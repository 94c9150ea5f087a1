"""What is wrong with a recording."""


class BadRecording(Exception):
    """A recording that cannot be served. One line: which file, where in it, what, and how to mend it."""
