"""An endpoint: a plain function from a call to its reply, with what it asks of the caller and what it costs."""

from collections.abc import Callable
from dataclasses import dataclass

from localbinance.server.rate_limit import Weight
from localbinance.server.security import Security
from localbinance.server.venue import Call, Venue

Handler = Callable[[Venue, Call], object]  # the reply, as what JSON is made of


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the server does for one method and path."""

    handler: Handler
    security: Security = Security.NONE
    weight: Weight = 1
    orders: tuple[int, int] = (0, 0)  # on the counters of 10 s and of the minute
    limited: bool = True  # False: answered to the banned too
    changes: bool = False  # may make events, which are to be sent before the next request


Routes = dict[tuple[str, str], Endpoint]
