"""The endpoint that interferes with a trader. No real exchange has it."""

import orjson

from localbinance.rules.rejection import Rejection
from localbinance.server.acts import BadAct, perform, read_act
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.own_endpoints import DONE
from localbinance.server.security import Security
from localbinance.server.venue import Call, Venue


def act(venue: Venue, call: Call) -> object:
    """POST /localbinance/act: `act` is one act as a JSON object; upon an account it is upon the caller's."""
    text = call.parameters.required("act")
    try:
        wanted = read_act(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise Rejection(-1130, f"act is no JSON: {error}") from None
    except BadAct as error:
        raise Rejection(-1130, str(error)) from None
    perform(venue.exchange, venue.market, call.account, wanted, call.now_ms, spot=venue.spot)
    return DONE


ROUTES: Routes = {
    ("POST", "/localbinance/act"): Endpoint(act, Security.KEY, 0, limited=False, changes=True),
}
