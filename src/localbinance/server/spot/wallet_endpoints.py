"""Endpoints of the wallet, `/sapi`: so much as trading clients ask for at their start."""

from localbinance.core.spot.events import BalanceState
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.market_endpoints import nothing
from localbinance.server.security import Security
from localbinance.server.venue import Call, Venue
from localbinance.server.wire_numbers import ZERO, eight, short

Json = dict[str, object]
SIGNED = Security.SIGNED


def system_status(_venue: Venue, _call: Call) -> object:
    """GET /sapi/v1/system/status."""
    return {"status": 0, "msg": "normal"}


def key_restrictions(venue: Venue, _call: Call) -> object:
    """GET /sapi/v1/account/apiRestrictions: a key that may trade and withdraw nothing."""
    return {
        "ipRestrict": False,
        "createTime": venue.start_ms,
        "enableReading": True,
        "enableSpotAndMarginTrading": True,
        "enableFutures": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
        "enableMargin": False,
        "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
    }


def account_status(_venue: Venue, _call: Call) -> object:
    """GET /sapi/v1/account/status."""
    return {"data": "Normal"}


def coins(venue: Venue, call: Call) -> object:
    """GET /sapi/v1/capital/config/getall: what is held; no network reaches this exchange."""
    return [_coin(each) for each in venue.spot.exchange.account_state(call.account).balances]


def _coin(held: BalanceState) -> Json:
    nothing_held = eight(ZERO)
    return {
        "coin": held.asset,
        "name": held.asset,
        "depositAllEnable": False,
        "withdrawAllEnable": False,
        "free": eight(held.free),
        "locked": eight(held.locked),
        "freeze": nothing_held,
        "withdrawing": nothing_held,
        "ipoing": nothing_held,
        "ipoable": nothing_held,
        "storage": nothing_held,
        "isLegalMoney": False,
        "trading": True,
        "networkList": [],
    }


def trade_fees(venue: Venue, call: Call) -> object:
    """GET /sapi/v1/asset/tradeFee."""
    wanted = call.symbol_or_none
    return [
        {
            "symbol": symbol,
            "makerCommission": short(rules.fee_rate_maker),
            "takerCommission": short(rules.fee_rate_taker),
        }
        for symbol, rules in venue.spot.rules.symbols.items()
        if wanted in (None, symbol)
    ]


def pays_in_bnb(venue: Venue, call: Call) -> object:
    """GET /sapi/v1/bnbBurn."""
    return {"spotBNBBurn": venue.spot.exchange.account_state(call.account).pays_in_bnb, "interestBNBBurn": False}


def pay_in_bnb(venue: Venue, call: Call) -> object:
    """POST /sapi/v1/bnbBurn."""
    before = venue.spot.exchange.account_state(call.account).pays_in_bnb
    venue.spot.exchange.pay_in_bnb(call.account, call.parameters.boolean("spotbnbburn", default=before))
    return pays_in_bnb(venue, call)


ROUTES: Routes = {
    ("GET", "/sapi/v1/system/status"): Endpoint(system_status),
    ("GET", "/sapi/v1/account/apiRestrictions"): Endpoint(key_restrictions, SIGNED),
    ("GET", "/sapi/v1/account/status"): Endpoint(account_status, SIGNED),
    ("GET", "/sapi/v1/capital/config/getall"): Endpoint(coins, SIGNED, 10),
    ("GET", "/sapi/v1/asset/tradeFee"): Endpoint(trade_fees, SIGNED),
    ("GET", "/sapi/v1/bnbBurn"): Endpoint(pays_in_bnb, SIGNED),
    ("POST", "/sapi/v1/bnbBurn"): Endpoint(pay_in_bnb, SIGNED),
    ("GET", "/sapi/v1/margin/allPairs"): Endpoint(nothing, SIGNED),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Endpoint(nothing, SIGNED),
}
