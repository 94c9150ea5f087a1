"""The switchboard: puts faults up on a running exchange, does the sudden ones, and plays its script."""

import logging
from dataclasses import dataclass

from localbinance.core.exchange import Exchange
from localbinance.market.disturbed import Disturbed
from localbinance.rules.rejection import Rejection
from localbinance.server.acts import Act, perform
from localbinance.server.fault import Cut, Fault, Stale, SuddenFault
from localbinance.server.faults import FaultBoard, cuts
from localbinance.server.hub import Hub, sides_of
from localbinance.server.past import Past
from localbinance.server.script import Script
from localbinance.server.spot.floor import SpotFloor
from localbinance.server.spot.user_feed import SpotUserFeed
from localbinance.server.user_feed import UserFeed

LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Switchboard:
    """Everything that interferes with the wire. Acts of the script are upon `account`."""

    board: FaultBoard
    hub: Hub
    user_feed: UserFeed
    spot_user_feed: SpotUserFeed
    past: Past
    script: Script
    exchange: Exchange
    spot: SpotFloor
    market: Disturbed
    account: str
    keeps_past: bool = False

    def put(self, fault: Fault, now_ms: int) -> None:
        """Put a fault up; a sudden one is done if its time has come. Raises: ValueError when there are too many."""
        self.board.put(fault)
        if isinstance(fault, Stale) and not self.keeps_past:
            self.keeps_past = True
            self.past.note(now_ms)
        self._do_sudden(now_ms)

    def on_time(self, now_ms: int) -> None:
        """The exchange's clock has gone on."""
        for what in self.script.due(now_ms):
            self._play(what, now_ms)
        self._do_sudden(now_ms)

    def on_events(self, now_ms: int) -> None:
        """Something has happened to an account: what stale reads are to tell one day is noted."""
        if not self.keeps_past:
            return
        self.keeps_past = any(isinstance(each.fault, Stale) for each in self.board.standing())
        if self.keeps_past:
            self.past.note(now_ms)
        else:
            self.past.forget()

    def _play(self, what: Act | Fault, now_ms: int) -> None:
        try:
            if isinstance(what, Fault):
                self.put(what, now_ms)
            else:
                perform(self.exchange, self.market, self.account, what, now_ms, spot=self.spot)
        except (Rejection, ValueError) as error:
            LOG.warning("an entry of the script was refused: %s", error)

    def _do_sudden(self, now_ms: int) -> None:
        if self.board.is_sudden:
            for fault in self.board.due(now_ms):
                self._do(fault, now_ms)

    def _do(self, fault: SuddenFault, now_ms: int) -> None:
        if not isinstance(fault, Cut):
            self.user_feed.expire_all(now_ms)
            self.spot_user_feed.end_all(now_ms)
            return
        for connection in tuple(self.hub.connections):
            if cuts(fault, sides_of(connection)):
                self.hub.drop(connection)
                connection.abort()
