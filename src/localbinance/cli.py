"""The command line `localbinance`: serve a market on this machine."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from localbinance.market.bad_recording import BadRecording
from localbinance.market.source import Market
from localbinance.market.synthetic import SyntheticMarket
from localbinance.rules.market_rules import MarketRules, load_market_rules
from localbinance.server.api_key import BadPublicKey, PublicKey, read_public_key
from localbinance.server.run import Address, CannotListen, ServeOptions, serve
from localbinance.server.script import BadScript, Entry, read_script
from localbinance.server.security import Account

LOOPBACK = ("127.0.0.1", "::1", "localhost")
SYNTHETIC = "synthetic"
SYNTHETIC_START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday: the same start gives the same prices
MINUTE_MS = 60_000
STEP_MS = 5_000
STEP_REAL_TIME_MS = 1_000
BAD_INPUT = 2

app = typer.Typer(
    name="localbinance",
    help="A Binance of one's own: USDⓈ-M futures and spot over HTTP and WebSocket, on this machine only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Refusal(Exception):
    """What a user can mend, in one line."""


@app.callback()
def _main() -> None:
    """Keep `serve` a command of its own while it is the only one."""


@app.command("serve")
def serve_command(
    market: Annotated[
        list[str] | None,
        typer.Option(help="'synthetic', or files and folders of candles (Parquet, CSV, ZIP); may be repeated."),
    ] = None,
    speed: Annotated[
        str, typer.Option(help="1 is real time, 60 an hour a minute; 'max' goes as fast as its clients in lockstep.")
    ] = "1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes any free one.")] = 8_899,
    host: Annotated[str, typer.Option(help="Of this machine: a market of play money is for nobody else.")] = LOOPBACK[
        0
    ],
    seed: Annotated[int, typer.Option(min=0, help="Of the synthetic market and of what faults draw.")] = 7,
    history_days: Annotated[int, typer.Option(min=1, max=60, help="Of synthetic candles before the start.")] = 5,
    quote: Annotated[str, typer.Option(help="Of the recordings: USDT serves them under the USDC name.")] = "USDC",
    from_: Annotated[str | None, typer.Option("--from", help="The first instant, ISO 8601, UTC.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The last instant of the recordings.")] = None,
    balance: Annotated[str, typer.Option(help="USDC on the account at the start.")] = "10000",
    spot_balance: Annotated[
        list[str] | None,
        typer.Option(
            help="ASSET=AMOUNT in the spot wallet; may be repeated. Without one: as much USDC as futures has."
        ),
    ] = None,
    api_key: Annotated[str, typer.Option(help="Of the account.")] = "local-key",
    api_secret: Annotated[str, typer.Option(help="Of the account.")] = "local-secret",
    public_key: Annotated[
        list[str] | None,
        typer.Option(
            help="KEY=FILE: another API key of the account, an Ed25519 or RSA one, with its public key in PEM; may be"
            " repeated."
        ),
    ] = None,
    check_time: Annotated[
        bool | None, typer.Option(help="Refuse old timestamps. Not at speeds that a client's own clock cannot follow.")
    ] = None,
    rate_limits: Annotated[bool, typer.Option(help="Refuse what is too much, as Binance does.")] = True,
    faults: Annotated[
        Path | None, typer.Option(help="A JSON list of faults and acts, each at the start or `at_ms` after it.")
    ] = None,
    compress: Annotated[bool, typer.Option(help="Offer permessage-deflate on streams.")] = False,
    wait_for_client: Annotated[
        bool, typer.Option(help="Stand still while no client is in lockstep. At 'max' it always does.")
    ] = False,
    ready_json: Annotated[bool, typer.Option(help="When ready, print one line of JSON for a parent process.")] = False,
    exit_with_stdin: Annotated[bool, typer.Option(help="End when standard input does: with the parent.")] = False,
) -> None:
    """Serve until interrupted."""
    if host not in LOOPBACK:
        raise Refusal(f"--host is {host}; only this machine itself is served: {', '.join(LOOPBACK)}")
    factor = _speed(speed)
    rules = load_market_rules()
    span = _instant("--from", from_), _instant("--to", to)
    public_keys = _public_keys(public_key or [], api_key)
    account = Account(
        api_secret,
        {"USDC": _money("--balance", balance)},
        _spot_balances(spot_balance or [f"USDC={balance}"]),
        public_keys,
    )
    script = () if faults is None else _script(faults)
    checked = check_time if check_time is not None else factor in (None, 1.0)
    # The last of what may be refused: a market takes seconds to be made.
    source, rules, remarks = _market(market or [SYNTHETIC], rules, factor, seed, history_days, quote, *span)
    if not checked:
        remarks = [*remarks, "timestamps of requests are not checked: the exchange clock runs at a speed of its own"]
    options = ServeOptions(
        market=source,
        rules=rules,
        accounts={api_key: account},
        host=host,
        port=port,
        speed=factor,
        follow_wall=_follows_wall(source, factor),
        needs_client=wait_for_client,
        time_checked=checked,
        rate_limited=rate_limits,
        compress=compress,
        seed=seed,
        script=script,
    )
    for line in [source.name, *remarks]:
        print(line, file=sys.stderr)

    def on_ready(address: Address) -> None:
        if ready_json:
            ready = {
                "http": address.http,
                "ws": address.ws,
                "spotWs": f"{address.ws}/spot",
                "wsApi": f"{address.ws}/ws-api/v3",
                "apiKey": api_key,
                "apiSecret": api_secret,
                "publicKeys": {name: key.kind for name, key in public_keys.items()},
                "market": source.name,
                "symbols": len(source.symbols),
                "start_ms": source.start_ms,
                "end_ms": source.end_ms,
                "speed": factor,
            }
            print(orjson.dumps(ready).decode(), flush=True)
        else:
            print(_how_to_connect(address, api_key, api_secret, public_keys), flush=True)

    logging.basicConfig(level=logging.WARNING, format="localbinance: %(message)s", stream=sys.stderr)
    _run(_until_told(options, on_ready, exit_with_stdin=exit_with_stdin))


async def _until_told(options: ServeOptions, on_ready: Callable[[Address], None], *, exit_with_stdin: bool) -> None:
    """Serve until SIGINT, SIGTERM or, where wanted, the end of standard input."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # Windows: Ctrl-C cancels instead
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(stop.wait()), asyncio.create_task(serve(options, on_ready=on_ready))]
    if exit_with_stdin:
        tasks.append(asyncio.create_task(_end_of_stdin()))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _end_of_stdin() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1_024):
        pass


def _run(main: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        asyncio.run(main)
    else:
        uvloop.run(main)


def _market(
    names: list[str],
    rules: MarketRules,
    speed: float | None,
    seed: int,
    history_days: int,
    quote: str,
    from_ms: int | None,
    to_ms: int | None,
) -> tuple[Market, MarketRules, list[str]]:
    """The source, the rules with those of its symbols that are not listed, and what was taken of a recording."""
    if names == [SYNTHETIC]:
        start_ms = from_ms if from_ms is not None else _synthetic_start(speed)
        symbols = [
            each.symbol
            for each in rules.symbols.values()
            if each.quote_asset == "USDC" and each.status == "TRADING" and each.contract_type == "PERPETUAL"
        ]
        step_ms = STEP_REAL_TIME_MS if speed is not None and speed <= 1 else STEP_MS
        start_ms -= start_ms % MINUTE_MS
        market = SyntheticMarket(
            symbols, seed=seed, start_ms=start_ms, rules=rules.symbols, step_ms=step_ms, history_days=history_days
        )
        return market, rules, []
    if SYNTHETIC in names:
        raise Refusal("--market is synthetic or recorded, not both")
    from localbinance.market.recorded import RecordedMarket  # what reads the files takes long to import

    recorded = RecordedMarket(
        [Path(name) for name in names], rules=rules, quote=quote.upper(), from_ms=from_ms, to_ms=to_ms
    )
    for each in recorded.rules.values():
        rules = rules.with_symbol(each)
    return recorded, rules, [f"taken: {line}" for line in recorded.taken] + [f"left: {line}" for line in recorded.left]


def _synthetic_start(speed: float | None) -> int:
    """Now where a client's own clock can follow; else a fixed day."""
    start = datetime.now(tz=UTC) if speed == 1 else SYNTHETIC_START
    return int(start.timestamp() * 1_000)


def _follows_wall(source: Market, speed: float | None) -> bool:
    now_ms = datetime.now(tz=UTC).timestamp() * 1_000
    return speed == 1 and abs(now_ms - source.start_ms) < 10 * MINUTE_MS


def _how_to_connect(address: Address, key: str, secret: str, public_keys: Mapping[str, PublicKey]) -> str:
    http, ws = address.http, address.ws
    others = "".join(f"; API key {name}, {other.kind}" for name, other in public_keys.items())
    return f"""listening on {http} and {ws}; API key {key}, secret {secret}{others}

ccxt:
  f = {{k: "{http}/fapi/" + v for k, v in dict(fapiPublic="v1", fapiPublicV2="v2", fapiPublicV3="v3",
       fapiPrivate="v1", fapiPrivateV2="v2", fapiPrivateV3="v3").items()}}
  exchange = ccxt.pro.binance({{"apiKey": "{key}", "secret": "{secret}",
      "urls": {{"api": {{**f, "ws": {{"linear": "{ws}/fstream/ws"}}}}}},
      "options": {{"defaultType": "swap", "fetchMarkets": {{"types": ["linear"]}},
                  "fetchCurrencies": False, "fetchMargins": False}}}})
  exchange.exceptions["exact"].update(exchange.exceptions["linear"]["exact"])

ccxt, spot:
  exchange = ccxt.pro.binance({{"apiKey": "{key}", "secret": "{secret}",
      "urls": {{"api": {{"public": "{http}/api/v3", "private": "{http}/api/v3", "sapi": "{http}/sapi/v1",
          "ws": {{"spot": "{ws}/stream/ws", "ws-api": {{"spot": "{ws}/ws-api/v3"}}}}}}}},
      "options": {{"defaultType": "spot", "fetchMarkets": {{"types": ["spot"]}},
                  "fetchCurrencies": False, "fetchMargins": False}}}})

python-binance:
  AsyncClient.API_URL, AsyncClient.FUTURES_URL = "{http}/api", "{http}/fapi"
  AsyncClient.WS_API_URL = "{ws}/ws-api/v3"
  BinanceSocketManager.FSTREAM_URL, BinanceSocketManager.STREAM_URL = "{ws}/", "{ws}/spot/"
  client = await AsyncClient.create("{key}", "{secret}")
"""


def _script(path: Path) -> tuple[Entry, ...]:
    try:
        return read_script(path.read_bytes())
    except OSError as error:
        raise Refusal(f"--faults {path}: {error.strerror}") from None
    except BadScript as error:
        raise Refusal(f"--faults {path}: {error}") from None


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0.01 <= factor <= 100_000:
        raise Refusal(f"--speed is {text!r}; 'max' or a factor from 0.01 to 100000 is wanted")
    return factor


def _money(name: str, text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 <= amount <= 10**12):
        raise Refusal(f"{name} is {text!r}; an amount is wanted, such as 10000")
    return amount


def _spot_balances(rows: list[str]) -> dict[str, Decimal]:
    balances: dict[str, Decimal] = {}
    for row in rows:
        asset, separator, amount = row.partition("=")
        if not (separator and asset.isalnum()):
            raise Refusal(f"--spot-balance is {row!r}; ASSET=AMOUNT is wanted, such as TRUMP=25")
        balances[asset.upper()] = _money(f"--spot-balance {asset}", amount)
    return balances


def _public_keys(rows: list[str], taken: str) -> dict[str, PublicKey]:
    keys: dict[str, PublicKey] = {}
    for row in rows:
        name, separator, file = row.partition("=")
        if not (separator and file and name and name.isascii() and name.isprintable() and " " not in name):
            raise Refusal(f"--public-key is {row!r}; KEY=FILE is wanted, such as my-key=public.pem")
        if name == taken or name in keys:
            raise Refusal(f"--public-key {name}: there is such an API key already; another name is wanted")
        try:
            keys[name] = read_public_key(Path(file).read_bytes())
        except OSError as error:
            raise Refusal(f"--public-key {name}: {file}: {error.strerror}") from None
        except BadPublicKey as error:
            raise Refusal(f"--public-key {name}: {file}: {error}") from None
    return keys


def _instant(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(f"{name} is {text!r}; an instant like 2025-06-17 or 2025-06-17T12:00 is wanted") from None
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1_000)


def main() -> None:
    """Run the command line. What a user can mend is one line on stderr and exit code 2, never a traceback."""
    try:
        app()
    except (Refusal, BadRecording, CannotListen) as refusal:
        print(f"localbinance: {refusal}", file=sys.stderr)
        sys.exit(BAD_INPUT)
