"""ccxt without the hundred exchanges that its package loads: for a process that has to be quick and speaks Binance."""

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType


def load_binance_alone() -> None:
    """Have `ccxt` and `ccxt.async_support` hold what this package uses of them, in a fifth of the time.

    To be called before anything imports ccxt; where that has happened already, nothing is done.
    """
    if "ccxt" in sys.modules:
        return
    package = _unexecuted("ccxt")
    from ccxt.base import errors

    for name in errors.__all__:
        setattr(package, name, getattr(errors, name))
    from ccxt.base.exchange import Exchange

    # ccxt's own modules import it from the package.
    package.__dict__["Exchange"] = Exchange
    asynchronous = _unexecuted("ccxt.async_support")
    package.__dict__["async_support"] = asynchronous
    from ccxt.async_support.binance import binance

    asynchronous.__dict__["binance"] = binance


def _unexecuted(name: str) -> ModuleType:
    """A package whose modules can be imported and whose `__init__` has not been run."""
    spec: ModuleSpec | None = find_spec(name)
    if spec is None:
        raise ImportError(f"{name} is not installed")
    sys.modules[name] = module = module_from_spec(spec)
    return module
