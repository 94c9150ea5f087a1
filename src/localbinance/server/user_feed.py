"""The user feed: what happened to the accounts, as frames on their user streams, in the order that Binance sends."""

from collections.abc import Sequence

from localbinance.core.events import AccountEvent, AlgoEvent, ConfigEvent, Event, MarginCallEvent, OrderEvent
from localbinance.rules.market_rules import MarketRules
from localbinance.server import frames_account as frames
from localbinance.server.hub import Hub
from localbinance.server.listen_keys import ListenKeys
from localbinance.server.stream_names import Kind, Route, Stream

Json = dict[str, object]


class UserFeed:
    """Publishes events to whom they concern. Without a living listen key they are told to nobody."""

    def __init__(self, hub: Hub, keys: ListenKeys, rules: MarketRules) -> None:
        self._hub = hub
        self._keys = keys
        self._rules = rules

    def publish(self, events: Sequence[Event], now_ms: int) -> None:
        """Send all. Before the ACCOUNT_UPDATE of a fill goes the short TRADE_LITE of the fill that follows it."""
        for number, event in enumerate(events):
            if isinstance(event, AccountEvent) and number + 1 < len(events):
                fill = events[number + 1]
                if isinstance(fill, OrderEvent) and (lite := frames.trade_lite(fill, now_ms)) is not None:
                    self._push(event.account, lite, now_ms)
            self._push(event.account, self._frame(event, now_ms), now_ms)
            if isinstance(event, OrderEvent) and event.execution == "CALCULATED":
                self._force_order(event, now_ms)

    def expire(self, now_ms: int) -> None:
        """End the streams of listen keys whose hour is over: one last frame, then silence."""
        self._end([key for key, _account in self._keys.expire(now_ms)], now_ms)

    def expire_all(self, now_ms: int) -> None:
        """End the streams of all listen keys in the same way."""
        self._end([key for key, _account in self._keys.expire_all(now_ms)], now_ms)

    def _end(self, keys: Sequence[str], now_ms: int) -> None:
        for key in keys:
            stream = self._hub.stream(key)
            if stream is None:
                continue
            self._hub.push(stream, frames.listen_key_expired(key, now_ms), "listenKeyExpired")
            for connection in tuple(self._hub.connections):
                self._hub.unsubscribe(connection, key)

    def _frame(self, event: Event, now_ms: int) -> Json:
        match event:
            case OrderEvent():
                return frames.order_trade_update(event, self._margin_asset(event.order.symbol), now_ms)
            case AlgoEvent():
                return frames.algo_update(event, now_ms)
            case AccountEvent():
                return frames.account_update(event, now_ms)
            case ConfigEvent():
                return frames.account_config_update(event, now_ms)
            case MarginCallEvent():
                return frames.margin_call(event, now_ms)

    def _push(self, account: str, frame: Json, now_ms: int) -> None:
        key = self._keys.key_of(account, now_ms)
        stream = None if key is None else self._hub.stream(key)
        if stream is not None:
            self._hub.push(stream, frame, str(frame["e"]))

    def _force_order(self, event: OrderEvent, now_ms: int) -> None:
        frame = frames.force_order(event.order, event.time_ms, now_ms)
        for name in (f"{event.order.symbol.lower()}@forceOrder", "!forceOrder@arr"):
            if self._hub.stream(name) is not None:
                symbol = "" if name.startswith("!") else event.order.symbol
                self._hub.push(Stream(name, Kind.FORCE_ORDER, Route.MARKET, symbol), frame)

    def _margin_asset(self, symbol: str) -> str:
        return self._rules.symbols[symbol].margin_asset
