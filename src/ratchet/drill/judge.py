"""The judge: whether a run kept what is promised, seen from the exchange's side."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from localbinance.core.order import Trade
from localbinance.market.disturbed import Flash, Gap
from ratchet.domain.identity import OURS, trade_of
from ratchet.drill.emergencies import FLAT_WITHIN_MS, entered_meanwhile, held_spells
from ratchet.drill.excuse import concerns, left_ms
from ratchet.drill.guardian_judge import GuardianVerdict, judge_guardian
from ratchet.drill.market import START_MS
from ratchet.drill.play import DEAD, SLOW, STARTING, Played, Stage
from ratchet.drill.trouble import Interference, OtherHand
from ratchet.drill.venue import ACCOUNT

BUDGET_TRIPS = 14  # one-way trips: reply, stop, refusal, the other kind of stop, refusal, cancellation, close
RESTART_MS = 1_000.0  # from the start of a process to everything covered, in quiet
OF_TRADING = frozenset({"REALIZED_PNL", "COMMISSION", "FUNDING_FEE", "INSURANCE_CLEAR"})
FILLS = "SELECT symbol, fill_id, trade_id FROM fills"
SLACK = Decimal("1.5")  # of what the open positions may lose: fees, slippage at the stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One run, judged. Times are virtual ms."""

    seed: int
    violations: tuple[str, ...]
    naked_ms: tuple[float, ...]  # every spell that nothing excuses
    naked_in_trouble_ms: tuple[float, ...]  # the others
    restarts_ms: tuple[float, ...]
    orders: int
    trades: int
    kills: int
    duplicate_orders: int
    lost_fills: int
    unexplained_pnl: Decimal  # USDC
    simulated_ms: float
    guardian: GuardianVerdict


def judge(stage: Stage, seed: int, played: Played) -> Verdict:
    """Hold what was seen against what is promised."""
    fills = [fill for symbol in stage.symbols for fill in played.venue.exchange.trades(ACCOUNT, symbol)]
    quiet, troubled, bare = _spells(stage, played)
    restarts = _restarts_in_quiet(played)
    duplicates = _duplicates(stage, played)
    lost = _lost_fills(played, fills)
    unexplained = _unexplained(played)
    guardian = judge_guardian(stage, played)
    violations = [
        *([played.ended] if played.ended else []),
        *(f"an unexpected error: {text}" for text in played.log.unexpected),
        *bare,
        *played.contradictions,
        *entered_meanwhile(played.venue, played.emergencies, played.troubles),
        *_not_flat(stage, played),
        *(
            f"a start at {from_ms / 1_000:.3f} s took {until_ms - from_ms:.0f} ms to cover all; {RESTART_MS:.0f} may be"
            for from_ms, until_ms in restarts
            if until_ms - from_ms > RESTART_MS + _closing_ms(played, from_ms)
        ),
        *(f"order {name} was taken {count} times" for name, count in duplicates.items()),
        *(f"fill {fill.trade_id} of {fill.symbol} ({fill.client_order_id}) {how}" for fill, how in lost),
        *([f"{unexplained} USDC of the exchange's income are not explained"] if unexplained else []),
        *_audited(played),
        *_left(played),
        *_open_trades(played),
        *_too_much_lost(stage, played),
        *guardian.violations,
    ]
    return Verdict(
        seed=seed,
        violations=tuple(violations),
        naked_ms=tuple(quiet),
        naked_in_trouble_ms=tuple(troubled),
        restarts_ms=tuple(until_ms - from_ms for from_ms, until_ms in restarts),
        orders=len(played.venue.exchange.all_orders(ACCOUNT)),
        trades=played.disk.read("SELECT count(*) FROM trades")[0][0],
        kills=sum(excuse.reason == DEAD for excuse in played.excuses),
        duplicate_orders=sum(count - 1 for count in duplicates.values()),
        lost_fills=len(lost),
        unexplained_pnl=unexplained,
        simulated_ms=played.end_ms,
        guardian=guardian,
    )


def _spells(stage: Stage, played: Played) -> tuple[list[float], list[float], list[str]]:
    """The spells without cover: those in quiet, those in trouble, and which were too long for what excuses them."""
    quiet: list[float] = []
    troubled: list[float] = []
    bare: list[str] = []
    budget_ms = BUDGET_TRIPS * stage.latency_ms
    for spell in played.spells():
        from_ms, until_ms = played.time_of(spell)
        length_ms = until_ms - from_ms
        excuses = [each for each in played.excuses if concerns(each, spell.symbol, from_ms, until_ms)]
        over_ms = left_ms(from_ms, until_ms, [each for each in excuses if each.spell_ms is None])
        may_ms = budget_ms + max((each.spell_ms or 0.0 for each in excuses), default=0.0)
        if over_ms > may_ms:
            bare.append(
                f"{spell.symbol} was without cover for {length_ms:.0f} ms from {from_ms / 1_000:.3f} s on, "
                f"{over_ms:.0f} ms of it without excuse; {may_ms:.0f} ms may be"
            )
        (troubled if excuses else quiet).append(length_ms)
    return quiet, troubled, bare


def _not_flat(stage: Stage, played: Played) -> list[str]:
    """What was held for too long during an emergency."""
    found: list[str] = []
    for emergency in played.emergencies:
        end_ms = played.end_ms if emergency.until_ms is None else emergency.until_ms
        for symbol in stage.symbols:
            for held_from_ms, held_until_ms in held_spells(
                played.venue.exchange.trades(ACCOUNT, symbol), played.end_ms
            ):
                from_ms, until_ms = max(held_from_ms, emergency.from_ms), min(held_until_ms, end_ms)
                excuses = [each for each in played.excuses if concerns(each, symbol, from_ms, until_ms)]
                over_ms = left_ms(from_ms, until_ms, [each for each in excuses if each.spell_ms is None])
                if over_ms > FLAT_WITHIN_MS + max((each.spell_ms or 0.0 for each in excuses), default=0.0):
                    found.append(
                        f"{symbol} was held from {from_ms / 1_000:.3f} s to {until_ms / 1_000:.3f} s of an emergency, "
                        f"{over_ms:.0f} ms of it without excuse"
                    )
    return found


def _restarts_in_quiet(played: Played) -> list[tuple[float, float]]:
    """Those in whose time nothing else went wrong."""
    others = [each for each in played.excuses if each.reason not in (STARTING, DEAD) and each.spell_ms is None]
    return [
        (from_ms, until_ms)
        for from_ms, until_ms in played.restarts
        if not any(each.from_ms <= until_ms and each.until_ms >= from_ms for each in others)
    ]


def _closing_ms(played: Played, at_ms: float) -> float:
    """How long a start into an emergency may take beyond that: what is held is not covered but closed, and a close that
    fills slowly is through when it is. Its stop stands meanwhile: spells without one are judged for themselves."""
    stands = any(
        each.from_ms <= at_ms and (each.until_ms is None or at_ms < each.until_ms) for each in played.emergencies
    )
    slow = (
        each.spell_ms or 0.0
        for each in played.excuses
        if each.reason == SLOW and each.from_ms <= at_ms <= each.until_ms
    )
    return max(slow, default=0.0) if stands else 0.0


def _duplicates(stage: Stage, played: Played) -> dict[str, int]:
    """Names of ours under which the exchange has taken more than one order."""
    exchange = played.venue.exchange
    names = Counter(order.client_order_id for order in exchange.all_orders(ACCOUNT) if order.algo_id is None)
    for symbol in stage.symbols:
        names.update(stop.client_algo_id for stop in exchange.all_algo_orders(ACCOUNT, symbol))
    return {name: count for name, count in names.items() if count > 1 and name.startswith(OURS)}


def _lost_fills(played: Played, fills: Sequence[Trade]) -> list[tuple[Trade, str]]:
    """Fills that the ledger does not have on exactly one trade, and on the right one."""
    audited = {(symbol, number): trade for symbol, number, trade in played.disk.read(FILLS)}
    known = {key: audited[key] for key in _opened_in_absence(played, fills) & audited.keys()} | played.fills_booked
    run = next((value for (value,) in played.disk.read("SELECT value FROM meta WHERE key = 'run'")), "")
    lost: list[tuple[Trade, str]] = []
    for fill in fills:
        key = (fill.symbol, fill.trade_id)
        owner = trade_of(run, fill.client_order_id)
        if key not in known:
            lost.append((fill, "is not in the ledger"))
        elif known[key] is None:
            lost.append((fill, "belongs to no trade"))
        elif owner not in (None, known[key]):
            lost.append((fill, f"is on trade {known[key]}, not {owner}"))
    return lost


def _opened_in_absence(played: Played, fills: Sequence[Trade]) -> set[tuple[str, int]]:
    """Fills of positions that another hand opened while no trader was at work. They may be over before one could take
    them up: then the audit finds them."""
    absent = [*played.away, *((each.from_ms, each.until_ms) for each in played.excuses if each.reason == STARTING)]
    found: set[tuple[str, int]] = set()
    held: dict[str, Decimal] = {}
    is_unseen: dict[str, bool] = {}
    for fill in fills:
        before = held.get(fill.symbol, Decimal(0))
        if not before:
            at_ms = fill.time_ms - START_MS
            is_ours = fill.client_order_id.startswith(OURS)
            is_unseen[fill.symbol] = not is_ours and any(a <= at_ms <= b for a, b in absent)
        held[fill.symbol] = before + fill.side.sign * fill.quantity
        if is_unseen[fill.symbol]:
            found.add((fill.symbol, fill.trade_id))
    return found


def _unexplained(played: Played) -> Decimal:
    """The exchange's income less the ledger's, USDC."""
    income = sum((row.amount for row in played.venue.exchange.income(ACCOUNT) if row.kind in OF_TRADING), Decimal(0))
    fills = played.disk.read("SELECT realized_pnl, fee FROM fills")
    others = played.disk.read("SELECT amount FROM funding UNION ALL SELECT amount FROM charges")
    booked = sum((Decimal(pnl) - Decimal(fee) for pnl, fee in fills), Decimal(0))
    return income - booked - sum((Decimal(amount) for (amount,) in others), Decimal(0))


def _audited(played: Played) -> list[str]:
    """The trader's own comparison of its books with the exchange's."""
    if played.audit is None:
        return []
    gaps = [f"a gap is booked: {gap.quantity} {gap.symbol}, {gap.amount} {gap.asset}" for gap in played.audit.gaps]
    return gaps + ([f"the audit found {played.audit.doubts}"] if not played.audit.is_clean else [])


def _left(played: Played) -> list[str]:
    """What stands after the end: nothing of ours should, and nothing should be held."""
    exchange = played.venue.exchange
    held = [each for each in exchange.account_state(ACCOUNT).positions if each.quantity_signed]
    orders = [order.client_order_id for order in exchange.open_orders(ACCOUNT)]
    stops = [stop.client_algo_id for stop in exchange.open_algo_orders(ACCOUNT)]
    return [
        *(f"{each.quantity_signed} of {each.symbol} are held after the end" for each in held),
        *(f"{name} stands after the end" for name in (*orders, *stops) if name.startswith(OURS)),
    ]


def _open_trades(played: Played) -> list[str]:
    found = played.disk.read("SELECT id, symbol FROM trades WHERE closed_ms IS NULL")
    return [f"trade {number} of {symbol} is open in the ledger after the end" for number, symbol in found]


def _too_much_lost(stage: Stage, played: Played) -> list[str]:
    """Equity never falls below what the risk limits allow, but for prices that jumped or another hand's positions."""
    jumps = any(isinstance(each, Interference) and isinstance(each.act, Gap | Flash) for each in played.troubles)
    if jumps or any(isinstance(each, OtherHand) for each in played.troubles):
        return []
    risk = stage.settings.risk
    open_loss = risk.open_positions_max * risk.risk_per_trade_fraction * SLACK
    floor = stage.balance * (1 - risk.day_loss_fraction_max - open_loss)
    if played.equity_min >= floor:
        return []
    return [f"equity fell to {played.equity_min:.2f} USDC; the limits allow {floor:.2f}"]
