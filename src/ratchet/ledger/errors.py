"""Errors of the ledger, one line each."""


class LedgerError(Exception):
    """The ledger cannot be opened, or was asked for something that contradicts it."""


class UnknownFill(LedgerError):
    """A fill of an order that is not in the ledger."""


class LedgerUnavailable(LedgerError):
    """The database cannot be written just now (locked, full, gone): the same may work later."""
