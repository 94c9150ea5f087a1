"""The guardian: looks at the account again and again; what stands without cover gets a stop, or is closed.

It never opens, never cancels a stop, and keeps nothing for longer than what it reads may be behind: see
docs/decisions/0007-guardian.md for why it and the trader do not get in each other's way.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import MarketOrder, StopOrder
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import BadReply, ExchangeError, Meaning, Rejected
from ratchet.guardian.case import Case, Flatten, Leave, Patience, Protect
from ratchet.guardian.order_names import OrderNames
from ratchet.guardian.sight import Sight, sight_of

LOOK_TIMEOUT_S = 10.0  # with all that is done in it
RULES_AGE_MS_MAX = 3_700_000.0  # just longer than the client keeps them
WEIGHT_PER_S_MAX = 20.0  # half of what Binance allows an address: many positions are looked at less often
WEIGHT_POSITIONS, WEIGHT_STOPS = 5, 1
AGAIN_MS = 200.0  # until the next look after something was done

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Deeds:
    """What was done so far, for the status line."""

    looks: int = 0
    stops_placed: int = 0
    closes_sent: int = 0


@dataclass(frozen=True, slots=True)
class _Taken:
    """A stop that the exchange has taken, and when, real ms."""

    stop: StopOrder
    at: float


class Guardian:
    """One account. Holds something for as long as it is held, and nothing else."""

    def __init__(
        self,
        client: BinanceClient,
        clock: Clock,
        patience: Patience,
        interval_s: float,
        names: OrderNames | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._patience = patience
        self._interval_ms = interval_s * 1_000
        self._names = names or OrderNames()
        self._rules: Mapping[Symbol, SymbolRules] = {}
        self._rules_at: float | None = None
        self._cases: dict[Symbol, Case] = {}
        self._stops: dict[Symbol, frozenset[ClientOrderId]] = {}  # seen to stand, or placed
        self._taken: dict[Symbol, dict[ClientOrderId, _Taken]] = {}  # not seen yet: also over what reads deny just now
        self._unsettled: dict[Symbol, ClientOrderId] = {}  # stops of which it is not known whether they arrived
        self._unsettled_closes: dict[Symbol, ClientOrderId] = {}  # and closes
        self.deeds = Deeds()

    @property
    def held(self) -> int:
        """Positions at the last look."""
        return len(self._cases)

    async def look(self) -> float:
        """Look once at everything that is held, and do what follows.

        Returns: the pause until the next look, s.
        Raises: ExchangeError, TimeoutError if not all could be asked or done; what could has been.
        """
        began = self._clock.elapsed_ms()
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            positions = await self._client.fetch_positions()
            self._forget_all_but({position.symbol for position in positions})
            if positions and not self._rules:
                await self._load_rules()
            told = await asyncio.gather(*(self._keep(each, began) for each in positions), return_exceptions=True)
            for failure in told:
                if isinstance(failure, BaseException):
                    raise failure
            await self._load_rules()
        self.deeds.looks += 1
        weight = WEIGHT_POSITIONS + WEIGHT_STOPS * len(positions)
        calm_ms = max(self._interval_ms, weight / WEIGHT_PER_S_MAX * 1_000)
        due_ms = [again_ms for again_ms in told if isinstance(again_ms, float)]
        return max(0.0, min([calm_ms, *due_ms])) / 1_000

    async def _keep(self, position: Position, asked: float) -> float | None:
        """Look at one position and do what follows. Returns: in how many ms to look again, None if all is well."""
        symbol = position.symbol
        sight = await self._see(position, asked)
        case = self._cases.setdefault(symbol, Case(self._patience))
        rules = self._rules.get(symbol)
        match case.judge(sight, rules, asked=asked, answered=self._clock.elapsed_ms()):
            case Leave(look_again_ms=again_ms):
                return again_ms
            case Protect() as protect:
                if not await self._protect(sight, case, protect):
                    return 0.0
            case Flatten(reason=reason):
                await self._flatten(position, case, rules, reason)
        return AGAIN_MS

    async def _see(self, position: Position, asked: float) -> Sight:
        """The position with its stops. One that stood before and is not in the list is asked for by its name; one that
        the exchange has taken stands though it is not known by its name yet, for as long as reads may be behind."""
        symbol = position.symbol
        try:
            reports = await self._client.fetch_open_stops(symbol)
        except BadReply as error:  # of a kind that is not known here: what is known by name counts
            log.warning("stops_not_understood", symbol=symbol, error=str(error))
            reports = []
        listed = {report.client_order_id for report in reports}
        if self._unsettled.get(symbol) in listed:
            del self._unsettled[symbol]
        taken = self._taken.setdefault(symbol, {})
        for name in sorted((self._stops.get(symbol, frozenset()) | taken.keys()) - listed):
            report = await self._client.fetch_stop(symbol, name)
            if report is not None:
                reports.append(report)
        lag_ms = self._patience.lag_ms
        for name in [name for name, each in taken.items() if asked - each.at >= lag_ms]:
            del taken[name]
        for report in reports:
            taken.pop(report.client_order_id, None)
        sight = sight_of(position, reports, [each.stop for each in taken.values()])
        self._stops[symbol] = frozenset(stop.client_order_id for stop in (*sight.standing, *sight.under_way))
        return sight

    async def _protect(self, sight: Sight, case: Case, protect: Protect) -> bool:
        """Have a stop. False when it is refused.

        Raises: ExchangeError when the outcome is not known: the next look shows it, and it is sent again by its name.
        """
        position = sight.position
        symbol = position.symbol
        name = self._unsettled.setdefault(symbol, self._names.next())
        stop = StopOrder(
            client_order_id=name,
            symbol=symbol,
            side=position.side.opposite,
            quantity=protect.quantity,
            price_trigger=protect.price,
            closes_position=protect.closes_position,
        )
        about = {"symbol": symbol, "held": str(position.quantity_signed), "price": str(protect.price)}
        try:
            await self._client.place_stop(stop)
        except Rejected as no:
            if no.meaning is not Meaning.DUPLICATE:
                del self._unsettled[symbol]
                is_beyond = no.meaning is Meaning.WOULD_TRIGGER
                case.refused(f"stop refused: {no}", self._clock.elapsed_ms(), is_beyond=is_beyond)
                log.error("stop_refused", **about, closes_position=protect.closes_position, error=str(no))
                return False
        del self._unsettled[symbol]
        now = self._clock.elapsed_ms()
        self._taken[symbol][name] = _Taken(stop, now)
        case.placed(now)
        self.deeds.stops_placed += 1
        log.warning("stop_placed", **about, client_order_id=name, closes_position=protect.closes_position)
        return True

    async def _flatten(self, position: Position, case: Case, rules: SymbolRules | None, reason: str) -> None:
        """Close at market, once: the next look shows whether it is gone.

        Raises: ExchangeError when the outcome is not known: it is asked for before another one is sent.
        """
        symbol = position.symbol
        if (unsettled := self._unsettled_closes.get(symbol)) is not None:
            report = await self._client.fetch_order(symbol, unsettled)
            del self._unsettled_closes[symbol]
            if report is not None and report.quantity_filled:
                case.closed(position.quantity, self._clock.elapsed_ms())
                return
        log.error("position_closing", symbol=symbol, held=str(position.quantity_signed), reason=reason)
        is_clear = True
        try:
            # Resting reduce-only orders reserve what they would close.
            await self._client.cancel_all(symbol)
        except ExchangeError as error:
            is_clear = False
            log.error("orders_not_cancelled", symbol=symbol, error=str(error))
        most = position.quantity if rules is None else rules.quantity_market_max
        close = MarketOrder(
            client_order_id=self._names.next(),
            symbol=symbol,
            side=position.side.opposite,
            quantity=min(position.quantity, most),
            reduce_only=True,
        )
        self._unsettled_closes[symbol] = close.client_order_id
        try:
            await self._client.place(close)
        except Rejected as no:
            log.error("close_refused", symbol=symbol, error=str(no))
            if is_clear and no.meaning is Meaning.NOTHING_TO_REDUCE:
                # Another hand was faster, and that is as good.
                case.closed(position.quantity, self._clock.elapsed_ms())
        else:
            case.closed(position.quantity, self._clock.elapsed_ms())
            self.deeds.closes_sent += 1
        del self._unsettled_closes[symbol]

    async def _load_rules(self) -> None:
        """Raises: ExchangeError while there never were any."""
        now = self._clock.elapsed_ms()
        if self._rules_at is None or now - self._rules_at > RULES_AGE_MS_MAX:
            self._rules = await self._client.load_rules()
            self._rules_at = now

    def _forget_all_but(self, held: set[Symbol]) -> None:
        for symbol in self._cases.keys() - held:
            del self._cases[symbol]
            self._stops.pop(symbol, None)
            self._unsettled.pop(symbol, None)
            self._unsettled_closes.pop(symbol, None)
            log.info("position_gone", symbol=symbol)
