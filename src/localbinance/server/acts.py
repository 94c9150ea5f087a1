"""Acts, read from a JSON object and performed: upon the exchange, or upon the prices of its market."""

from dataclasses import fields, is_dataclass
from typing import Annotated, Any, TypeAlias, get_args

from pydantic import Field, TypeAdapter, ValidationError

from localbinance.core.act import CoreAct, Withdraw
from localbinance.core.exchange import Exchange
from localbinance.core.spot.act import (
    SpotAct,
    SpotCancelByHand,
    SpotFillSlowly,
    SpotFilter,
    SpotOrderByHand,
    SpotStatus,
    SpotThin,
    SpotWithdraw,
)
from localbinance.market.disturbed import Disturbed, Flash, Gap
from localbinance.server.spot.floor import SpotFloor

Act: TypeAlias = CoreAct | Withdraw | Gap | Flash | SpotAct

_KINDS: dict[str, Any] = {kind.__dataclass_fields__["act"].default: kind for kind in get_args(Act)}
_READER: TypeAdapter[Act] = TypeAdapter(Annotated[Act, Field(discriminator="act")])


class BadAct(ValueError):
    """What was given is no act. One line: what, where, how to mend."""


def read_act(found: object) -> Act:
    """An act from what JSON is made of: its name in `act`, its fields beside it.

    Raises: BadAct.
    """
    name = found.get("act") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(name, str) or name not in _KINDS:
        raise BadAct(f"act is {name!r}; give an object whose act is one of {', '.join(sorted(_KINDS))}")
    _check_names(name, found, _KINDS[name])
    try:
        return _READER.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        what = f"act {name}, {where}" if where else f"act {name}"
        raise BadAct(f"{what}: {first['msg'].removeprefix('Value error, ')}") from None


def perform(
    exchange: Exchange, market: Disturbed, account: str, act: Act, now_ms: int, *, spot: SpotFloor | None = None
) -> None:
    """Perform an act now; those upon an account upon this one, given by its API key.

    Raises: Rejection for what the exchange refuses; ValueError for an act upon spot where there is none.
    """
    match act:
        case SpotOrderByHand() | SpotCancelByHand() | SpotWithdraw() | SpotStatus() | SpotFilter():
            _perform_on_spot(spot, account, act, now_ms)
        case SpotThin() | SpotFillSlowly():
            _perform_on_spot(spot, account, act, now_ms)
        case Gap() | Flash():
            market.disturb(act)
        case Withdraw():
            exchange.deposit(account, act.asset, -act.amount, now_ms)
        case _:
            exchange.interfere(account, act, now_ms)


def _perform_on_spot(spot: SpotFloor | None, account: str, act: SpotAct, now_ms: int) -> None:
    if spot is None:
        raise ValueError(f"{act.act} is an act upon spot, which is not played here")
    symbol = act.order.symbol if isinstance(act, SpotOrderByHand) else getattr(act, "symbol", None)
    if symbol is not None:
        spot.listed(symbol)
    spot.exchange.interfere(account, act, now_ms)


def _check_names(where: str, found: dict[Any, Any], kind: Any) -> None:
    """A misspelt field would silently be its default."""
    known = {field.name: field.type for field in fields(kind)}
    for name, value in found.items():
        if name not in known:
            raise BadAct(f"act {where}: {name} is no field of it; it has {', '.join(known)}")
        if isinstance(value, dict) and is_dataclass(known[name]):
            _check_names(f"{where}, {name}", value, known[name])
