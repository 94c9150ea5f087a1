"""A play of the spot companion: life after life on the venue's spot, with people at the account and troubles."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path

from localbinance.core.order import Side as ThereSide
from localbinance.core.order import TimeInForce
from localbinance.core.spot.act import SpotCancelByHand, SpotOrderByHand, SpotWithdraw
from localbinance.core.spot.order import SpotOrder, SpotRequest, SpotType
from localbinance.rules.market_rules import MarketRules, load_market_rules
from localbinance.server.fault import FeedSide
from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.config.rebound_settings import ReboundSettings
from ratchet.domain.identity import REBOUNDS
from ratchet.domain.money import ZERO, floor_to
from ratchet.domain.rebound import base_of
from ratchet.domain.symbol import Symbol
from ratchet.drill.event_log import EventLog
from ratchet.drill.market import drill_market
from ratchet.drill.memory_ledger import Disk
from ratchet.drill.network import Network, SimulatedSocket, SimulatedTransport
from ratchet.drill.process import Died, WorldClock
from ratchet.drill.rebound_draw import Deed, Hand, Operated, ReboundTrouble, Rest, Rival, Word
from ratchet.drill.trouble import DiskTrouble, Freeze, Interference, Kill, KillAfterOrder, WireTrouble
from ratchet.drill.venue import ACCOUNT, Json, Venue
from ratchet.drill.world import ProcessLoop, World
from ratchet.exchange.product import SPOT
from ratchet.exchange.requests import Requests
from ratchet.exchange.spot_client import SpotClient
from ratchet.exchange.spot_user_stream import SpotUserStream
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.spot_books import SpotBooks
from ratchet.observe.notices import Kind, Notice, Noticeboard
from ratchet.rebound.companion import Companion
from ratchet.rebound.operations import CannotResume
from ratchet.rebound.panic import SpotPanicReport
from ratchet.rebound.terms import Terms

SYMBOLS = (Symbol("TRUMPUSDC"), Symbol("DOGEUSDC"))
FEE_SYMBOL = Symbol("BNBUSDC")
WALLET = {"USDC": Decimal(1_000_000), "TRUMP": Decimal(3)}
LATENCY_MS = 10.0
LIVES_MAX = 60
WHO = "drill"  # of operators
OPERATED_AGAIN_MS = 500.0
QUIET_MS = 120_000  # at the end, for everything to come to rest
PROGRAMS = ("rb-else-9-sell0", "rt-else-9-entry0", "rg-9")  # names that programs of ours give, in other ledgers
SETTINGS = ReboundSettings(settle_s=5, sweep_s=20, buy_back_count=2, buy_back_quote_max=Decimal(4_000))


class SpotVenue(Venue):
    """The venue as a companion sees it: frames come as the WebSocket API wraps them. It notes when what was traded."""

    def __init__(self, world: World, rules: MarketRules, seed: int, wallet: Mapping[str, Decimal]) -> None:
        self.traded_ms: dict[tuple[str, int], float] = {}  # world time
        self._now = world
        market = drill_market(rules, (*SYMBOLS, FEE_SYMBOL), seed)
        super().__init__(world, rules, market, ZERO, seed, wallet)
        for symbol in SYMBOLS:
            self.spot.wake(symbol)

    def connect(
        self, side: FeedSide, send: Callable[[Json, float], None], cut_off: Callable[[], None], streams: Sequence[str]
    ) -> bool:
        """See `Venue`."""
        return super().connect(
            side, lambda frame, extra_ms: send({"subscriptionId": 0, "event": frame}, extra_ms), cut_off, streams
        )

    def _on_frame(self, side: FeedSide, stream: str, frame: Json) -> None:
        if frame.get("x") == "TRADE":
            self.traded_ms[str(frame["s"]), int(str(frame["t"]))] = self._now.now_ms
        super()._on_frame(side, stream, frame)

    def orders(self, symbol: str) -> list[SpotOrder]:
        """Every order ever."""
        return self.spot.exchange.all_orders(ACCOUNT, symbol)

    def free(self, asset: str) -> Decimal:
        """What of it can be spent."""
        held = {each.asset: each.free for each in self.spot.exchange.account_state(ACCOUNT).balances}
        return held.get(asset, ZERO)


@dataclass(slots=True)
class Life:
    """One process of the companion. World times."""

    born_ms: float
    watched_ms: dict[Symbol, float] = field(default_factory=dict)  # when it said that it watches
    doubts: list[str] = field(default_factory=list)  # what it said of the books
    stopped_ms: float | None = None  # when it was asked to end
    ended_ms: float = 0.0
    # As the ledger stood then: symbols that are watched on by the next life, and those that are left alone until then.
    goes_on: set[Symbol] = field(default_factory=set)
    left_alone: set[Symbol] = field(default_factory=set)


@dataclass(slots=True)
class Spell:
    """A time in which an operator has placing held back. World times."""

    from_ms: float
    until_ms: float | None = None  # None: it lasts


@dataclass(slots=True, kw_only=True)
class ReboundPlayed:
    """What was seen."""

    venue: SpotVenue
    disk: Disk
    rival: Disk | None  # of another companion
    log: EventLog
    troubles: Sequence[ReboundTrouble]
    lives: list[Life] = field(default_factory=list)
    taken: set[Symbol] = field(default_factory=set)  # of which somebody sold or withdrew coins
    spells: list[Spell] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # promises to operators, as they were seen to be broken
    ended: str = ""  # how a process ended that should not have
    end_ms: float = 0.0
    kills: int = 0


def play_rebound(
    seed: int, troubles: Sequence[ReboundTrouble], length_ms: int, log: EventLog, folder: Path
) -> ReboundPlayed:
    """Run companions through a seed, one after the other, and `QUIET_MS` beyond its last trouble.

    Args: folder, for the request budget's file.
    """
    return _Play(seed, troubles, length_ms, log, folder).run()


@cache
def _rules() -> MarketRules:
    return load_market_rules()


class _Play:
    def __init__(
        self, seed: int, troubles: Sequence[ReboundTrouble], length_ms: int, log: EventLog, folder: Path
    ) -> None:
        self._seed = seed
        self._folder = folder
        self._end_ms = length_ms + QUIET_MS
        self._log = log
        self._world = World()
        wallet = WALLET | ({"BNB": Decimal(2)} if seed % 3 == 0 else {})
        self._venue = SpotVenue(self._world, _rules(), seed, wallet)
        self._disk = Disk()
        self._rival = Disk() if Rival() in troubles else None
        self._process: _Process | None = None
        self._down_ms = 0.0
        self._orders = 0
        self._kills = sorted((each for each in troubles if isinstance(each, KillAfterOrder)), key=lambda it: it.order)
        self._seen = ReboundPlayed(venue=self._venue, disk=self._disk, rival=self._rival, log=log, troubles=troubles)
        log.clock = lambda: self._world.now_ms
        for trouble in troubles:
            if isinstance(trouble, Hand) and trouble.at_ms == 0:
                self._act_of(trouble)  # before anybody watches
            else:
                self._arrange(trouble)

    def run(self) -> ReboundPlayed:
        for number in range(LIVES_MAX):
            if self._live(number) and self._world.now_ms >= self._end_ms:
                break
            self._world.sleep(self._world.now_ms + self._down_ms)
        else:
            self._seen.ended = self._seen.ended or f"it did not come to an end in {LIVES_MAX} lives"
        self._seen.end_ms = self._world.now_ms
        return self._seen

    def _live(self, number: int) -> bool:
        """One life. False when it was killed."""
        random_ = random.Random(f"{self._seed}.{number} network")  # noqa: S311 - a simulation, and to be repeatable
        network = Network(self._world, self._venue, LATENCY_MS, random_)
        network.on_order = self._on_order
        life = Life(self._world.now_ms)
        self._seen.lives.append(life)
        process = self._process = _Process(self._world, network, self._disk, self._rival, self._log, life, self._folder)
        self._world.at(max(self._end_ms, self._world.now_ms + QUIET_MS), process.stop)
        self._log.note("started", life=number + 1)
        try:
            has_ended = process.run()
        except Exception as error:  # noqa: BLE001 - whatever it died of is what is to be seen
            self._seen.ended = f"{type(error).__name__}: {error}"
            has_ended = True
        self._process = None
        life.ended_ms = self._world.now_ms
        for symbol, ended_ms in self._disk.read("SELECT symbol, ended_ms FROM spot_watches"):
            (life.goes_on if ended_ms is None else life.left_alone).add(Symbol(symbol))
        self._hold(is_held=self._is_held_on_disk())
        self._log.note("ended" if has_ended else "killed", life=number + 1, left_alone=sorted(life.left_alone))
        return has_ended

    # What happens ----------------------------------------------------------------------------------------------------

    def _arrange(self, trouble: ReboundTrouble) -> None:
        if not isinstance(trouble, KillAfterOrder | Rival):
            self._world.at(trouble.at_ms, lambda: self._strike(trouble))

    def _strike(self, trouble: ReboundTrouble) -> None:
        self._log.note("trouble", what=trouble)
        match trouble:
            case Hand():
                self._act_of(trouble)
            case Interference():
                self._tell(self._venue.meddle(trouble.act))
            case WireTrouble():
                self._venue.put(trouble.fault)
            case DiskTrouble():
                self._disk.trouble = trouble.answer
                self._world.after(trouble.for_ms, self._mend_disk)
            case Kill():
                self._kill(0, trouble.down_ms)
            case Rest():
                self._down_ms = trouble.down_ms
                if self._process is not None:
                    self._process.stop()
            case Freeze():
                if self._process is not None:
                    self._process.freeze(trouble.for_ms)
            case Operated():
                self._operate(trouble)
            case _:
                raise AssertionError(trouble)

    # An operator -----------------------------------------------------------------------------------------------------

    def _operate(self, operated: Operated) -> None:
        if self._process is None or not self._process.operate(lambda to: self._say(to, operated)):
            self._world.after(OPERATED_AGAIN_MS, lambda: self._operate(operated))

    async def _say(self, companion: Companion, operated: Operated) -> None:
        """Within the process."""
        operations = companion.operations
        with suppress(LedgerError, CannotResume):
            match operated.word:
                case Word.PAUSE:
                    self._hold(is_held=True)
                    await operations.pause(WHO)
                case Word.RESUME:
                    self._hold(is_held=False)
                    await operations.resume(WHO)
                case Word.GIVE_UP:
                    cases = [each.case.case_id for symbol in companion.status().symbols for each in symbol.cases]
                    if cases:
                        await operations.give_up([cases[int(operated.draw * len(cases))]], WHO)
                case Word.PANIC:
                    self._hold(is_held=True)
                    self._check(await operations.panic(WHO))

    def _check(self, report: SpotPanicReport) -> None:
        """Whether what a panic says of the exchange is so."""
        standing = [order for symbol in SYMBOLS for order in self._venue.orders(symbol) if order.is_open]
        left = [order.client_order_id for order in standing if order.client_order_id.startswith(REBOUNDS)]
        if report.is_clear and left:
            self._seen.broken.append(f"a panic said that nothing stands, and {', '.join(left)} does")

    def _hold(self, *, is_held: bool) -> None:
        """Placing is held back from now on, or goes on."""
        last = self._seen.spells[-1] if self._seen.spells else None
        is_open = last is not None and last.until_ms is None
        if is_held and not is_open:
            self._seen.spells.append(Spell(self._world.now_ms))
        elif last is not None and is_open and not is_held:
            last.until_ms = self._world.now_ms

    def _is_held_on_disk(self) -> bool:
        """By what the next life will find."""
        deeds = [str(what) for (what,) in self._disk.read("SELECT what FROM operator_events ORDER BY id")]
        since = len(deeds) - deeds[::-1].index(Word.RESUME.value) if Word.RESUME.value in deeds else 0
        return any(deed in (Word.PAUSE.value, Word.PANIC.value) for deed in deeds[since:])

    # What else happens -----------------------------------------------------------------------------------------------

    def _tell(self, why: str) -> None:
        if why:
            self._log.note("not_done", what=why)

    def _mend_disk(self) -> None:
        self._disk.trouble = ""

    def _on_order(self) -> None:
        self._orders += 1
        while self._kills and self._kills[0].order <= self._orders:
            kill = self._kills.pop(0)
            self._log.note("trouble", what=kill)
            self._kill(kill.turns, kill.down_ms)

    def _kill(self, turns: int, down_ms: int) -> None:
        if self._process is not None:
            self._down_ms = down_ms
            self._seen.kills += 1
            self._process.die_after(turns)

    # Somebody at the account -----------------------------------------------------------------------------------------

    def _act_of(self, hand: Hand) -> None:
        match hand.does:
            case Deed.BUY | Deed.BUY_LOW | Deed.BUY_BY_PROGRAM:
                self._buy(hand)
            case Deed.CANCEL_BUY:
                self._cancel(hand, lambda order: order.side is ThereSide.BUY and not _is_ours(order))
            case Deed.CANCEL_SELL:
                self._cancel(hand, lambda order: order.side is ThereSide.SELL and _is_ours(order))
            case Deed.SELL:
                self._sell(hand)
            case Deed.WITHDRAW:
                free = self._venue.free(base_of(hand.symbol))
                if free and not self._venue.meddle(SpotWithdraw(asset=base_of(hand.symbol), amount=free)):
                    self._seen.taken.add(hand.symbol)

    def _buy(self, hand: Hand) -> None:
        tick = self._venue.spot.exchange.best(hand.symbol)
        if tick is None:
            return
        rules = self._venue.spot.rules.symbols[hand.symbol]
        name = None
        if hand.does is Deed.BUY_BY_PROGRAM:
            name = PROGRAMS[int(hand.draw * len(PROGRAMS))]
        price = floor_to(tick.last * (1 - Decimal(f"{hand.draw / 200:.6f}")), rules.price_tick)
        is_low = hand.does is Deed.BUY_LOW
        self._order(
            SpotRequest(
                symbol=hand.symbol,
                side=ThereSide.BUY,
                type=SpotType.LIMIT if is_low else SpotType.MARKET,
                quantity=floor_to(hand.quote / tick.last, rules.quantity_step),
                price=price if is_low else None,
                time_in_force=TimeInForce.GTC if is_low else None,
                client_order_id=name,
            )
        )

    def _sell(self, hand: Hand) -> None:
        rules = self._venue.spot.rules.symbols[hand.symbol]
        quantity = floor_to(self._venue.free(base_of(hand.symbol)) / 2, rules.quantity_step)
        sold = SpotRequest(symbol=hand.symbol, side=ThereSide.SELL, type=SpotType.MARKET, quantity=quantity)
        if quantity and self._order(sold):
            self._seen.taken.add(hand.symbol)

    def _order(self, request: SpotRequest) -> bool:
        why = self._venue.meddle(SpotOrderByHand(order=request))
        self._tell(why)
        return not why

    def _cancel(self, hand: Hand, wanted: Callable[[SpotOrder], bool]) -> None:
        found = [order for order in self._venue.orders(hand.symbol) if order.is_open and wanted(order)]
        if found:
            order = found[int(hand.draw * len(found))]
            self._tell(self._venue.meddle(SpotCancelByHand(order_id=order.order_id)))


def _is_ours(order: SpotOrder) -> bool:
    return order.client_order_id.startswith(REBOUNDS) and order.client_order_id not in PROGRAMS


class _Process:
    """One life. `run` returns True when it ended in good order, False when it was killed."""

    def __init__(
        self,
        world: World,
        network: Network,
        disk: Disk,
        rival: Disk | None,
        log: EventLog,
        life: Life,
        folder: Path,
    ) -> None:
        self._rival = rival
        self._world = world
        self._folder = folder
        self._network = network
        self._disk = disk
        self._log = log
        self._life = life
        self._clock = WorldClock(world)
        self._stop: asyncio.Event | None = None
        self._companion: Companion | None = None
        self._operators: asyncio.TaskGroup | None = None
        self._dies_after: int | None = None
        self._turns = 0
        self._thaws_ms: float | None = None

    def die_after(self, turns: int) -> None:
        """Have it killed after so many further turns of its loop."""
        self._dies_after = self._turns + turns
        self._world.wake()

    def freeze(self, for_ms: float) -> None:
        """Have it stopped for a while."""
        self._thaws_ms = self._world.now_ms + for_ms
        self._network.hold_back()
        self._world.wake()

    def stop(self) -> None:
        """Ask it to end. Nobody hears that who is dead."""
        stop = self._stop
        if stop is not None:
            if self._life.stopped_ms is None:
                self._life.stopped_ms = self._world.now_ms
            self._network.hand_over(stop.set)

    def operate(self, say: Callable[[Companion], Coroutine[None, None, None]]) -> bool:
        """Have an operator say something to it. False when nobody is there to hear it."""
        companion, operators = self._companion, self._operators
        if companion is None or operators is None:
            return False

        def hear() -> None:
            if self._companion is not None:
                operators.create_task(say(companion))

        self._network.hand_over(hear)
        return True

    def run(self) -> bool:
        """Live."""
        loop = ProcessLoop(self._world, self._on_turn)
        try:
            loop.run_until_complete(self._live())
        except Died:
            return False
        else:
            return True
        finally:
            self._network.hang_up()
            self._log.is_deaf = True
            loop.bury()
            self._log.is_deaf = False

    def _on_turn(self) -> None:
        if self._thaws_ms is not None:
            self._world.sleep(self._thaws_ms)
            self._thaws_ms = None
            self._network.let_through()
        self._turns += 1
        if self._dies_after is not None and self._turns > self._dies_after:
            raise Died

    async def _live(self) -> None:
        stop = self._stop = asyncio.Event()
        async with asyncio.TaskGroup() as self._operators:
            if self._rival is not None:
                self._operators.create_task(self._watch(self._rival, stop, self._hear_rival, lambda _: None))
            try:
                await self._watch(self._disk, stop, self._hear, self._meet)
            finally:
                self._companion = None

    def _meet(self, companion: Companion) -> None:
        self._companion = companion

    async def _watch(
        self,
        disk: Disk,
        stop: asyncio.Event,
        hear: Callable[[Notice], None],
        meet: Callable[[Companion], None],
    ) -> None:
        """The life of one companion."""
        settings, clock = _exchange_settings(self._folder), self._clock
        ledger = await disk.open_ledger()
        requests = Requests(settings, clock, SimulatedTransport(self._network, clock), SPOT)
        async with SpotClient(settings, clock, requests) as client:
            board = Noticeboard()
            board.listen(hear)
            terms = Terms(settings=lambda: SETTINGS, recv_window_ms=settings.recv_window_ms, noticeboard=board)
            companion = Companion(
                SYMBOLS,
                client,
                ledger,
                await SpotBooks.on(ledger),
                clock,
                terms,
                lambda on_event: SpotUserStream(
                    settings,
                    clock,
                    on_event=on_event,
                    make_socket=lambda _name, _clock, **rest: SimulatedSocket(self._network, **rest),
                ),
            )
            meet(companion)
            await companion.run(stop)

    def _hear_rival(self, notice: Notice) -> None:
        self._log.note("rival", symbol=notice.symbol, text=notice.text)

    def _hear(self, notice: Notice) -> None:
        self._log.note("said", symbol=notice.symbol, text=notice.text)
        if notice.kind is Kind.START and notice.symbol is not None:
            self._life.watched_ms.setdefault(notice.symbol, self._world.now_ms)
        if notice.kind is Kind.BOOKS:
            self._life.doubts.append(notice.text)


def _exchange_settings(folder: Path) -> ExchangeSettings:
    return ExchangeSettings.model_validate(
        {
            "http_url": "http://127.0.0.1:1",
            "ws_url": "ws://127.0.0.1:1",
            "api_key": ACCOUNT,
            "api_secret": ACCOUNT,
            "reply_timeout_s": 2.0,
            "rate_limit": False,
            "budget_folder": folder,
        }
    )
