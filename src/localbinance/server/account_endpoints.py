"""Endpoints of the account: balances, positions, settings, income, listen keys."""

from collections.abc import Iterator

from localbinance.core.account_state import PositionDetail
from localbinance.core.order import PositionSide
from localbinance.rules import errors
from localbinance.server import refusals
from localbinance.server import replies_account as replies
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.exchange_info import order_limit_rows
from localbinance.server.order_endpoints import SIGNED
from localbinance.server.security import Security
from localbinance.server.time_span import TimeSpan
from localbinance.server.venue import Call, Venue
from localbinance.server.wire_numbers import ZERO, plain

Json = dict[str, object]
SUCCESS: Json = {"code": 200, "msg": "success"}
INCOME_DAYS_DEFAULT_MS = 7 * 86_400_000


def account_v3(venue: Venue, call: Call) -> object:
    """GET /fapi/v3/account."""
    return replies.account_v3(venue.exchange.account_state(call.account))


def account_v2(venue: Venue, call: Call) -> object:
    """GET /fapi/v2/account."""
    state = venue.exchange.account_state(call.account)
    return replies.account_v2(state, list(_untouched(venue, call.account, state.positions)))


def balance(venue: Venue, call: Call) -> object:
    """GET /fapi/v3/balance, v2/balance."""
    return [replies.balance_row(asset, call.account[:4]) for asset in venue.exchange.assets(call.account)]


def position_risk_v3(venue: Venue, call: Call) -> object:
    """GET /fapi/v3/positionRisk: only where there is a position or an order."""
    wanted = call.symbol_or_none
    positions = venue.exchange.open_positions(call.account)
    return [replies.position_risk_v3(each) for each in positions if wanted in (None, each.symbol)]


def position_risk_v2(venue: Venue, call: Call) -> object:
    """GET /fapi/v2/positionRisk: every symbol."""
    wanted = call.symbol_or_none
    positions = venue.exchange.account_state(call.account).positions
    rows = (*positions, *_untouched(venue, call.account, positions))
    return [replies.position_risk_v2(each) for each in rows if wanted in (None, each.symbol)]


def _untouched(venue: Venue, account: str, touched: tuple[PositionDetail, ...]) -> Iterator[PositionDetail]:
    known = {each.symbol for each in touched}
    for symbol, rules in venue.rules.symbols.items():
        if symbol in known:
            continue
        config = venue.exchange.symbol_config(account, symbol)
        tick = venue.exchange.best(symbol)
        yield PositionDetail(
            symbol=symbol,
            position_side=PositionSide.BOTH,
            margin_asset=rules.margin_asset,
            quantity_signed=ZERO,
            price_entry=ZERO,
            price_break_even=ZERO,
            price_mark=ZERO if tick is None else tick.mark,
            unrealized=ZERO,
            notional=ZERO,
            leverage=config.leverage,
            isolated=config.isolated,
            isolated_wallet=ZERO,
            isolated_margin=ZERO,
            initial_margin=ZERO,
            position_initial_margin=ZERO,
            open_order_initial_margin=ZERO,
            maintenance_margin=ZERO,
            price_liquidation=ZERO,
            notional_max=config.notional_max,
            bid_notional=ZERO,
            ask_notional=ZERO,
            adl=0,
            updated_ms=0,
        )


# Settings ------------------------------------------------------------------------------------------------------------


def set_leverage(venue: Venue, call: Call) -> object:
    """POST /fapi/v1/leverage."""
    leverage = call.parameters.integer("leverage")
    if leverage is None:
        raise errors.missing("leverage")
    answer = venue.exchange.set_leverage(call.account, call.symbol, leverage, call.now_ms)
    return {"symbol": call.symbol, "leverage": answer.leverage, "maxNotionalValue": plain(answer.notional_max)}


def set_margin_type(venue: Venue, call: Call) -> object:
    """POST /fapi/v1/marginType."""
    kind = call.parameters.required("margintype").upper()
    if kind not in ("ISOLATED", "CROSSED"):
        raise refusals.invalid_data("margintype")
    venue.exchange.set_margin_type(call.account, call.symbol, kind == "ISOLATED", call.now_ms)
    return SUCCESS


def position_margin(venue: Venue, call: Call) -> object:
    """POST /fapi/v1/positionMargin."""
    amount, kind = call.parameters.number("amount"), call.parameters.integer("type")
    if amount is None:
        raise errors.missing("amount")
    if kind not in (1, 2):
        raise refusals.invalid_data("type")
    side = call.parameters.choice("positionside", PositionSide) or PositionSide.BOTH
    venue.exchange.change_position_margin(call.account, call.symbol, side, amount, kind == 1, call.now_ms)
    return {"amount": float(amount), "code": 200, "msg": "Successfully modify position margin.", "type": kind}


def position_mode(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/positionSide/dual."""
    return {"dualSidePosition": venue.exchange.account_state(call.account).dual_side}


def set_position_mode(venue: Venue, call: Call) -> object:
    """POST /fapi/v1/positionSide/dual."""
    call.parameters.required("dualsideposition")
    venue.exchange.set_dual_side(call.account, call.parameters.boolean("dualsideposition"))
    return SUCCESS


def asset_mode(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/multiAssetsMargin."""
    return {"multiAssetsMargin": venue.exchange.account_state(call.account).multi_assets}


def set_asset_mode(venue: Venue, call: Call) -> object:
    """POST /fapi/v1/multiAssetsMargin."""
    call.parameters.required("multiassetsmargin")
    venue.exchange.set_multi_assets(call.account, call.parameters.boolean("multiassetsmargin"))
    return SUCCESS


def symbol_config(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/symbolConfig."""
    wanted = call.symbol_or_none
    if wanted is not None:
        venue.listed(wanted)
    symbols = venue.rules.symbols if wanted is None else (wanted,)
    return [replies.symbol_config_row(symbol, venue.exchange.symbol_config(call.account, symbol)) for symbol in symbols]


def account_config(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/accountConfig."""
    state = venue.exchange.account_state(call.account)
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": state.dual_side,
        "multiAssetsMargin": state.multi_assets,
        "tradeGroupId": -1,
        "updateTime": 0,
    }


def brackets(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/leverageBracket."""
    wanted = call.symbol_or_none
    rules = venue.rules.symbols.values() if wanted is None else (venue.listed(wanted),)
    return [replies.brackets_row(each) for each in rules]


def commission_rate(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/commissionRate."""
    rules = venue.listed(call.symbol)
    return {
        "symbol": rules.symbol,
        "makerCommissionRate": plain(rules.fee_rate_maker),
        "takerCommissionRate": plain(rules.fee_rate_taker),
        "rpiCommissionRate": plain(rules.fee_rate_maker),
    }


def income(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/income: oldest first from `startTime`; without one, the newest of the last seven days."""
    span = TimeSpan.read(call.parameters)
    start_ms = span.start_ms
    if not span.given:
        span = TimeSpan(call.now_ms - INCOME_DAYS_DEFAULT_MS, None)
    kind, symbol = call.parameters.text("incometype"), call.symbol_or_none
    found = [
        row
        for row in venue.exchange.income(call.account)
        if span.holds(row.time_ms) and kind in (None, row.kind) and symbol in (None, row.symbol)
    ]
    limit = call.parameters.limit(default=100, most=1_000)
    page = max(1, call.parameters.integer("page") or 1)
    newest = start_ms is None and page == 1
    rows = found[-limit:] if newest else found[(page - 1) * limit : page * limit]
    return [replies.income_row(row) for row in rows]


def order_limits(venue: Venue, _call: Call) -> object:
    """GET /fapi/v1/rateLimit/order."""
    return order_limit_rows(venue.rules.rate_limits)


def fee_burn(_venue: Venue, _call: Call) -> object:
    """GET /fapi/v1/feeBurn: fees are never paid in BNB here."""
    return {"feeBurn": False}


def trading_status(_venue: Venue, call: Call) -> object:
    """GET /fapi/v1/apiTradingStatus."""
    return {"indicators": {}, "updateTime": call.now_ms}


def nothing(_venue: Venue, _call: Call) -> object:
    """Lists that are always empty here: forceOrders, adlQuantile."""
    return []


# Listen keys ---------------------------------------------------------------------------------------------------------


def open_listen_key(venue: Venue, call: Call) -> object:
    """POST /fapi/v1/listenKey."""
    return {"listenKey": venue.listen_keys.open(call.account, call.now_ms)}


def extend_listen_key(venue: Venue, call: Call) -> object:
    """PUT /fapi/v1/listenKey."""
    return {"listenKey": venue.listen_keys.extend(call.account, call.now_ms)}


def close_listen_key(venue: Venue, call: Call) -> object:
    """DELETE /fapi/v1/listenKey."""
    venue.listen_keys.close(call.account)
    return {}


KEY = Security.KEY
ROUTES: Routes = {
    ("GET", "/fapi/v3/account"): Endpoint(account_v3, SIGNED, 5),
    ("GET", "/fapi/v2/account"): Endpoint(account_v2, SIGNED, 5),
    ("GET", "/fapi/v3/balance"): Endpoint(balance, SIGNED, 5),
    ("GET", "/fapi/v2/balance"): Endpoint(balance, SIGNED, 5),
    ("GET", "/fapi/v3/positionRisk"): Endpoint(position_risk_v3, SIGNED, 5),
    ("GET", "/fapi/v2/positionRisk"): Endpoint(position_risk_v2, SIGNED, 5),
    ("POST", "/fapi/v1/leverage"): Endpoint(set_leverage, SIGNED, 1, changes=True),
    ("POST", "/fapi/v1/marginType"): Endpoint(set_margin_type, SIGNED, 1, changes=True),
    ("POST", "/fapi/v1/positionMargin"): Endpoint(position_margin, SIGNED, 1, changes=True),
    ("GET", "/fapi/v1/positionSide/dual"): Endpoint(position_mode, SIGNED, 30),
    ("POST", "/fapi/v1/positionSide/dual"): Endpoint(set_position_mode, SIGNED, 1),
    ("GET", "/fapi/v1/multiAssetsMargin"): Endpoint(asset_mode, SIGNED, 30),
    ("POST", "/fapi/v1/multiAssetsMargin"): Endpoint(set_asset_mode, SIGNED, 1),
    ("GET", "/fapi/v1/symbolConfig"): Endpoint(symbol_config, SIGNED, 5),
    ("GET", "/fapi/v1/accountConfig"): Endpoint(account_config, SIGNED, 5),
    ("GET", "/fapi/v1/leverageBracket"): Endpoint(brackets, SIGNED, 1),
    ("GET", "/fapi/v1/commissionRate"): Endpoint(commission_rate, SIGNED, 20),
    ("GET", "/fapi/v1/income"): Endpoint(income, SIGNED, 30),
    ("GET", "/fapi/v1/rateLimit/order"): Endpoint(order_limits, SIGNED, 1),
    ("GET", "/fapi/v1/feeBurn"): Endpoint(fee_burn, SIGNED, 30),
    ("GET", "/fapi/v1/apiTradingStatus"): Endpoint(trading_status, SIGNED, 1),
    ("GET", "/fapi/v1/forceOrders"): Endpoint(nothing, SIGNED, 20),
    ("GET", "/fapi/v1/adlQuantile"): Endpoint(nothing, SIGNED, 5),
    ("POST", "/fapi/v1/listenKey"): Endpoint(open_listen_key, KEY, 1),
    ("PUT", "/fapi/v1/listenKey"): Endpoint(extend_listen_key, KEY, 1),
    ("DELETE", "/fapi/v1/listenKey"): Endpoint(close_listen_key, KEY, 1),
}
