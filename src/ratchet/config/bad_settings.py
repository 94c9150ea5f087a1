"""The error of settings that cannot be used: one line for a person, never with a secret in it."""


class BadSettings(Exception):
    """Settings that cannot be used. The text is one line: where, which key, its value, what is wanted.

    Reads like `runtime.json: risk.day_loss_fraction_max is 5, a fraction below 1 is wanted: 5 % is 0.05`.
    """

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(" ".join(f"{where}: {problem}".splitlines()))
        self.where = where
