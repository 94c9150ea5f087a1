"""Whatever stops stand, the decision leads to one stop of ours over what is held, and to nothing worse on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from ratchet.domain.identity import ClientOrderId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.risk.protection import CancelStop, PlaceStop, Standing, covered, default_stop_price, next_step

ZERO = Decimal(0)
PRICES = [Decimal(price) for price in range(90, 111)]

held_amounts = st.integers(-5, 5).map(Decimal)
prices = st.sampled_from(PRICES)
stops = st.builds(
    Standing,
    client_order_id=st.just(ClientOrderId("named by the exchange")),
    side=st.sampled_from(Side),
    quantity=st.integers(1, 6).map(Decimal),
    price_trigger=prices,
    closes_position=st.booleans(),
    is_ours=st.booleans(),
)


@dataclass(slots=True)
class ModelExchange:
    """Takes every stop and every cancellation, and nothing triggers."""

    standing: list[Standing] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)

    def add(self, stop: Standing) -> None:
        """Have a stop, under a name that no other has."""
        self.standing.append(
            Standing(
                client_order_id=ClientOrderId(f"stop{next(self.numbers)}"),
                side=stop.side,
                quantity=ZERO if stop.closes_position else stop.quantity,
                price_trigger=stop.price_trigger,
                closes_position=stop.closes_position,
                is_ours=stop.is_ours,
            )
        )

    def do(self, held: Decimal, step: PlaceStop | CancelStop) -> None:
        """What the trader asked for."""
        match step:
            case PlaceStop(quantity=quantity, price=price):
                side = Side.SELL if held > 0 else Side.BUY
                self.add(
                    Standing(
                        client_order_id=ClientOrderId(""),
                        side=side,
                        quantity=quantity,
                        price_trigger=price,
                        closes_position=False,
                        is_ours=True,
                    )
                )
            case CancelStop(client_order_id=name):
                (gone,) = [stop for stop in self.standing if stop.client_order_id == name]
                assert gone.is_ours, "another hand's stop was cancelled"
                self.standing.remove(gone)


def closed_until(held: Decimal, standing: Sequence[Standing], price: Decimal) -> Decimal:
    """How much of what is held is closed by the time the market has fallen (for a short: risen) to a price."""
    sign = 1 if held > 0 else -1
    left = abs(held)
    for stop in standing:
        if stop.side.sign == -sign and sign * (stop.price_trigger - price) >= 0:
            left -= left if stop.closes_position else min(left, stop.quantity)
    return abs(held) - left


def follow(exchange: ModelExchange, held: Decimal, wanted: Decimal) -> list[PlaceStop | CancelStop]:
    """Do what is decided until nothing is left to do. Fails when a step takes cover away, or when there is no end."""
    steps: list[PlaceStop | CancelStop] = []
    steps_max = len(exchange.standing) + 1
    while (step := next_step(held, tuple(exchange.standing), wanted)) is not None:
        assert len(steps) < steps_max, f"no end: {steps}"
        before = [closed_until(held, exchange.standing, price) for price in PRICES]
        exchange.do(held, step)
        after = [closed_until(held, exchange.standing, price) for price in PRICES]
        assert all(new >= old for new, old in zip(after, before, strict=True)), f"{step} took cover away"
        steps.append(step)
    return steps


def one_stop_over(held: Decimal, standing: Sequence[Standing]) -> Standing | None:
    """Check that of ours there is exactly the one that is due; None while flat."""
    ours = [stop for stop in standing if stop.is_ours]
    if held == 0:
        assert ours == []
        return None
    (only,) = ours
    assert only.side is (Side.SELL if held > 0 else Side.BUY)
    assert only.closes_position or only.quantity == abs(held)
    return only


@given(st.lists(stops, max_size=6), held_amounts, prices)
def test_one_stop_of_ours_over_all_that_is_held_and_never_less_cover_on_the_way(
    standing: list[Standing], held: Decimal, wanted: Decimal
) -> None:
    exchange = ModelExchange()
    for stop in standing:
        exchange.add(stop)
    foreign = [stop for stop in exchange.standing if not stop.is_ours]
    follow(exchange, held, wanted)
    one_stop_over(held, exchange.standing)
    assert [stop for stop in exchange.standing if not stop.is_ours] == foreign
    assert covered(held, exchange.standing) == abs(held)


@given(st.lists(stops, max_size=6), held_amounts.filter(bool), prices)
def test_a_stop_moves_only_to_where_less_is_given_up(standing: list[Standing], held: Decimal, wanted: Decimal) -> None:
    exchange = ModelExchange()
    for stop in standing:
        exchange.add(stop)
    sign = 1 if held > 0 else -1
    before = [stop.price_trigger for stop in exchange.standing if stop.is_ours and stop.side.sign == -sign]
    follow(exchange, held, wanted)
    only = one_stop_over(held, exchange.standing)
    assert only is not None
    assert sign * only.price_trigger == max(sign * price for price in [*before, wanted])


@given(st.lists(st.tuples(held_amounts, prices, st.lists(stops, max_size=2), st.booleans()), max_size=8))
def test_it_follows_a_position_that_changes_while_others_add_and_take_stops(
    changes: list[tuple[Decimal, Decimal, list[Standing], bool]],
) -> None:
    exchange = ModelExchange()
    for held, wanted, added, is_thief in changes:
        for stop in added:
            exchange.add(stop)
        if is_thief and exchange.standing:
            exchange.standing.pop()
        follow(exchange, held, wanted)
        one_stop_over(held, exchange.standing)


@given(st.lists(stops, max_size=6))
def test_nothing_is_placed_for_a_flat_symbol(standing: list[Standing]) -> None:
    exchange = ModelExchange()
    for stop in standing:
        exchange.add(stop)
    assert not any(isinstance(step, PlaceStop) for step in follow(exchange, ZERO, Decimal(95)))


@given(st.lists(stops, max_size=5), held_amounts)
def test_what_is_covered_is_what_would_be_closed(standing: list[Standing], held: Decimal) -> None:
    exchange = ModelExchange()
    for stop in standing:
        exchange.add(stop)
    end = PRICES[0] if held > 0 else PRICES[-1]
    assert covered(held, exchange.standing) == closed_until(held, exchange.standing, end)


@given(
    st.sampled_from([Side.BUY, Side.SELL]),
    st.decimals("1", "100000", places=6),
    st.decimals("0.001", "0.2", places=4),
    st.sampled_from(["0.0001", "0.001", "0.0005"]),
)
def test_a_stop_of_which_only_the_entry_is_known_gives_up_no_more_than_its_fraction(
    side: Side, entry: Decimal, fraction: Decimal, tick: str
) -> None:
    rules = a_market(Decimal(tick))
    price = default_stop_price(Decimal(side.sign), entry, fraction, rules)
    exact = entry * (1 - side.sign * fraction)
    assert price % rules.price_tick == 0
    assert 0 <= side.sign * (price - exact) < rules.price_tick  # on the near side, by less than a tick
    assert side.sign * (entry - price) > -rules.price_tick


def a_market(tick: Decimal) -> SymbolRules:
    return SymbolRules(
        symbol=Symbol("SOLUSDC"),
        price_tick=tick,
        price_min=tick,
        price_max=Decimal(1_000_000),
        quantity_step=Decimal("0.01"),
        quantity_min=Decimal("0.01"),
        quantity_max=Decimal(1_000),
        quantity_market_max=Decimal(50),
        notional_min=Decimal(5),
        multiplier_up=Decimal("1.05"),
        multiplier_down=Decimal("0.95"),
    )
