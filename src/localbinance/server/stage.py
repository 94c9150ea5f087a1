"""The stage: one step of the market, played: ticks into the exchange and the candles, then the frames of what came."""

from dataclasses import dataclass

from localbinance.core.tick import Tick
from localbinance.market.source import Market
from localbinance.rules.rejection import Rejection
from localbinance.server.feed import Feed, Step
from localbinance.server.spot.user_feed import SpotUserFeed
from localbinance.server.user_feed import UserFeed
from localbinance.server.venue import Venue


@dataclass(slots=True)
class Stage:
    """Moves the venue on, spot with it. Frames of accounts go out before those of the market that caused them."""

    venue: Venue
    market: Market
    feed: Feed
    user_feed: UserFeed
    spot_feed: Feed
    spot_user_feed: SpotUserFeed

    def open(self) -> None:
        """The market as it is found at the start."""
        for tick in self.market.advance(self.venue.start_ms):
            self._take(tick)
        self.venue.exchange.on_time(self.venue.start_ms)
        self.venue.switchboard.on_time(self.venue.start_ms)

    def step(self, from_ms: int, to_ms: int) -> None:
        """From one instant of the exchange clock to the next."""
        ticks: dict[str, list[Tick]] = {}
        spot_ticks: dict[str, list[Tick]] = {}
        for tick in self.market.advance(to_ms):
            told = self._take(tick)
            ticks.setdefault(tick.symbol, []).append(tick)
            if told is not None:
                spot_ticks.setdefault(tick.symbol, []).append(told)
        self.venue.exchange.on_time(to_ms)
        self.venue.spot.exchange.on_time(to_ms)
        for book in self.venue.books.values():
            book.on_time(to_ms)
        self.venue.clock.step_to(to_ms)
        self._count_down(to_ms)
        self.user_feed.expire(to_ms)
        self.venue.switchboard.on_time(to_ms)
        self.publish_events(to_ms)
        self.feed.publish(Step(from_ms, to_ms, ticks))
        self.spot_feed.publish(Step(from_ms, to_ms, spot_ticks))

    def publish_events(self, now_ms: int) -> None:
        """Tell the accounts what has happened to them since the last time."""
        events = self.venue.exchange.drain_events()
        if events:
            self.venue.log.note_events(events, now_ms)
            self.user_feed.publish(events, now_ms)
        of_spot = self.venue.spot.exchange.drain_events()
        if of_spot:
            self.spot_user_feed.publish(of_spot, now_ms)
        if events or of_spot:
            self.venue.switchboard.on_events(now_ms)

    def _take(self, tick: Tick) -> Tick | None:
        """The perpetual's tick; returns spot's, where somebody is at that market."""
        self.venue.exchange.on_tick(tick)
        self.venue.books[tick.symbol].on_tick(tick)
        self.venue.tapes[tick.symbol].on_tick(tick)
        return self.venue.spot.on_tick(tick)

    def _count_down(self, now_ms: int) -> None:
        for (account, symbol), at_ms in list(self.venue.countdowns.items()):
            if at_ms <= now_ms:
                del self.venue.countdowns[account, symbol]
                try:
                    self.venue.exchange.cancel_all_orders(account, symbol, now_ms)
                except Rejection:
                    continue  # nothing of it is open any more
