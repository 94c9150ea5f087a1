"""A refusal: what a user can mend, in one line: what, where, how."""


class Refusal(Exception):
    """The command cannot be carried out as asked."""
