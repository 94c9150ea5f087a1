"""Replies about the account: core values as the JSON objects of the REST interface."""

from decimal import Decimal

from localbinance.core.account_state import AccountState, AssetState, IncomeRow, PositionDetail, SymbolConfig
from localbinance.rules.symbol_rules import SymbolRules
from localbinance.server.wire_numbers import ZERO, plain

Json = dict[str, object]
REFERENCE_ASSET = "USDT"  # the totals of an account in single-asset mode speak of it alone
_NOTHING = AssetState(
    asset=REFERENCE_ASSET,
    wallet=ZERO,
    unrealized=ZERO,
    margin_balance=ZERO,
    initial_margin=ZERO,
    position_initial_margin=ZERO,
    open_order_initial_margin=ZERO,
    maintenance_margin=ZERO,
    cross_wallet=ZERO,
    cross_unrealized=ZERO,
    available=ZERO,
    max_withdraw=ZERO,
    updated_ms=0,
)


def account_v3(state: AccountState) -> Json:
    """GET /fapi/v3/account: positions only where there is one, or an order."""
    positions = [_position_in_account(each) for each in state.positions if each.is_open]
    return {**_totals(state), "assets": [_asset(each) for each in state.assets], "positions": positions}


def account_v2(state: AccountState, flat: list[PositionDetail]) -> Json:
    """GET /fapi/v2/account: every symbol has its row. `flat`: those the account never touched."""
    return {
        "feeTier": 0,
        "feeBurn": False,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": state.multi_assets,
        "tradeGroupId": -1,
        **_totals(state),
        "assets": [_asset(each) | {"marginAvailable": True} for each in state.assets],
        "positions": [_position_in_account_v2(each) for each in (*state.positions, *flat)],
    }


def _totals(state: AccountState) -> Json:
    asset = next((each for each in state.assets if each.asset == REFERENCE_ASSET), _NOTHING)
    return {
        "totalInitialMargin": plain(asset.initial_margin),
        "totalMaintMargin": plain(asset.maintenance_margin),
        "totalWalletBalance": plain(asset.wallet),
        "totalUnrealizedProfit": plain(asset.unrealized),
        "totalMarginBalance": plain(asset.margin_balance),
        "totalPositionInitialMargin": plain(asset.position_initial_margin),
        "totalOpenOrderInitialMargin": plain(asset.open_order_initial_margin),
        "totalCrossWalletBalance": plain(asset.cross_wallet),
        "totalCrossUnPnl": plain(asset.cross_unrealized),
        "availableBalance": plain(asset.available),
        "maxWithdrawAmount": plain(asset.max_withdraw),
    }


def _asset(asset: AssetState) -> Json:
    return {
        "asset": asset.asset,
        "walletBalance": plain(asset.wallet),
        "unrealizedProfit": plain(asset.unrealized),
        "marginBalance": plain(asset.margin_balance),
        "maintMargin": plain(asset.maintenance_margin),
        "initialMargin": plain(asset.initial_margin),
        "positionInitialMargin": plain(asset.position_initial_margin),
        "openOrderInitialMargin": plain(asset.open_order_initial_margin),
        "crossWalletBalance": plain(asset.cross_wallet),
        "crossUnPnl": plain(asset.cross_unrealized),
        "availableBalance": plain(asset.available),
        "maxWithdrawAmount": plain(asset.max_withdraw),
        "updateTime": asset.updated_ms,
    }


def balance_row(asset: AssetState, alias: str) -> Json:
    """One row of GET /fapi/v3/balance and v2."""
    return {
        "accountAlias": alias,
        "asset": asset.asset,
        "balance": plain(asset.wallet),
        "crossWalletBalance": plain(asset.cross_wallet),
        "crossUnPnl": plain(asset.cross_unrealized),
        "availableBalance": plain(asset.available),
        "maxWithdrawAmount": plain(asset.max_withdraw),
        "marginAvailable": True,
        "updateTime": asset.updated_ms,
    }


def _position_in_account(position: PositionDetail) -> Json:
    return {
        "symbol": position.symbol,
        "positionSide": position.position_side,
        "positionAmt": plain(position.quantity_signed),
        "unrealizedProfit": plain(position.unrealized),
        "isolatedMargin": plain(position.isolated_margin),
        "notional": plain(position.notional),
        "isolatedWallet": plain(position.isolated_wallet),
        "initialMargin": plain(position.initial_margin),
        "maintMargin": plain(position.maintenance_margin),
        "updateTime": position.updated_ms,
    }


def _position_in_account_v2(position: PositionDetail) -> Json:
    return {
        "symbol": position.symbol,
        "initialMargin": plain(position.initial_margin),
        "maintMargin": plain(position.maintenance_margin),
        "unrealizedProfit": plain(position.unrealized),
        "positionInitialMargin": plain(position.position_initial_margin),
        "openOrderInitialMargin": plain(position.open_order_initial_margin),
        "leverage": str(position.leverage),
        "isolated": position.isolated,
        "entryPrice": plain(position.price_entry),
        "breakEvenPrice": plain(position.price_break_even),
        "maxNotional": plain(position.notional_max),
        "bidNotional": plain(position.bid_notional),
        "askNotional": plain(position.ask_notional),
        "positionSide": position.position_side,
        "positionAmt": plain(position.quantity_signed),
        "updateTime": position.updated_ms,
    }


def position_risk_v3(position: PositionDetail) -> Json:
    """One row of GET /fapi/v3/positionRisk: neither leverage nor margin type."""
    return {
        "symbol": position.symbol,
        "positionSide": position.position_side,
        "positionAmt": plain(position.quantity_signed),
        "entryPrice": plain(position.price_entry),
        "breakEvenPrice": plain(position.price_break_even),
        "markPrice": plain(position.price_mark),
        "unRealizedProfit": plain(position.unrealized),
        "liquidationPrice": plain(position.price_liquidation),
        "isolatedMargin": plain(position.isolated_margin),
        "notional": plain(position.notional),
        "marginAsset": position.margin_asset,
        "isolatedWallet": plain(position.isolated_wallet),
        "initialMargin": plain(position.initial_margin),
        "maintMargin": plain(position.maintenance_margin),
        "positionInitialMargin": plain(position.position_initial_margin),
        "openOrderInitialMargin": plain(position.open_order_initial_margin),
        "adl": position.adl,
        "bidNotional": plain(position.bid_notional),
        "askNotional": plain(position.ask_notional),
        "updateTime": position.updated_ms,
    }


def position_risk_v2(position: PositionDetail) -> Json:
    """One row of GET /fapi/v2/positionRisk."""
    return {
        "symbol": position.symbol,
        "positionAmt": plain(position.quantity_signed),
        "entryPrice": plain(position.price_entry),
        "breakEvenPrice": plain(position.price_break_even),
        "markPrice": plain(position.price_mark),
        "unRealizedProfit": plain(position.unrealized),
        "liquidationPrice": plain(position.price_liquidation),
        "leverage": str(position.leverage),
        "maxNotionalValue": plain(position.notional_max),
        "marginType": "isolated" if position.isolated else "cross",
        "isolatedMargin": plain(position.isolated_margin),
        "isAutoAddMargin": "false",
        "positionSide": position.position_side,
        "notional": plain(position.notional),
        "isolatedWallet": plain(position.isolated_wallet),
        "updateTime": position.updated_ms,
    }


def symbol_config_row(symbol: str, config: SymbolConfig) -> Json:
    """One row of GET /fapi/v1/symbolConfig."""
    return {
        "symbol": symbol,
        "marginType": "ISOLATED" if config.isolated else "CROSSED",
        "isAutoAddMargin": False,
        "leverage": config.leverage,
        "maxNotionalValue": plain(config.notional_max),
    }


def income_row(row: IncomeRow) -> Json:
    """One row of GET /fapi/v1/income."""
    return {
        "symbol": row.symbol,
        "incomeType": row.kind,
        "income": plain(row.amount),
        "asset": row.asset,
        "info": row.info,
        "time": row.time_ms,
        "tranId": row.tran_id,
        "tradeId": row.trade_id,
    }


def brackets_row(rules: SymbolRules) -> Json:
    """One row of GET /fapi/v1/leverageBracket: numbers here, not strings."""
    return {
        "symbol": rules.symbol,
        "brackets": [
            {
                "bracket": each.bracket,
                "initialLeverage": each.leverage_max,
                "notionalCap": _number(each.notional_cap),
                "notionalFloor": _number(each.notional_floor),
                "maintMarginRatio": float(each.maintenance_rate),
                "cum": float(each.cum),
            }
            for each in rules.brackets
        ],
    }


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
