"""What is told unasked: grouped, not too often, and kept while Telegram is away."""

import time
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from ratchet.observe.notices import Noticeboard, Weight
from tests.telegram.bot import GROUP, OPERATOR, VIEWER, a_bot, eventually
from tests.telegram.server import BotApi, bot_api


async def test_a_notice_reaches_every_chat(api: BotApi) -> None:
    async with a_bot(api) as bot:
        bot.post("long 0.5 at 60000", symbol="BTCUSDC")
        for chat in (OPERATOR, GROUP, VIEWER):
            assert (await bot.said("long 0.5", chat)).text == "00:00:00 BTCUSDC long 0.5 at 60000"


async def test_what_happens_within_the_window_is_one_message(api: BotApi) -> None:
    async with a_bot(api, grouping_window_s=0.2) as bot:
        for number in range(5):
            bot.post(f"rung {number}")
        sent = await bot.said("rung 4")
        assert [line.split(" ", 1)[1] for line in sent.text.splitlines()] == [f"rung {number}" for number in range(5)]
        assert len(api.texts()) == 1


async def test_an_alarm_does_not_wait_for_the_window_and_is_seen_as_one(api: BotApi) -> None:
    async with a_bot(api, operators=(OPERATOR,), viewers=(), grouping_window_s=300.0) as bot:
        for number in range(3):
            bot.post(f"rung {number}")
            await bot.done_with("status")
        bot.post("no stop!", Weight.ALARM)
        sent = await bot.said("no stop!")
        assert sent.text.count("rung") == 3
        assert "<b>🚨 00:00:00 no stop!</b>" in sent.html


async def test_only_the_weight_that_is_wanted_is_told(api: BotApi) -> None:
    async with a_bot(api, alerts_from="warning") as bot:
        bot.post("entry")
        bot.post("stream lost", Weight.WARNING)
        await bot.said("stream lost")
        assert "entry" not in " ".join(api.texts())


async def test_messages_keep_their_distance(api: BotApi) -> None:
    async with a_bot(api, messages_per_minute_max=1) as bot:
        bot.post("first")
        await bot.said("first")
        for number in range(20):
            bot.post(f"later {number}")
        await bot.done_with("status")
        bot.post("no stop!", Weight.ALARM)  # it takes along what waits
        sent = await bot.said("no stop!")
        assert sent.text.count("later") == 20


async def test_markup_in_a_notice_is_only_text(api: BotApi) -> None:
    async with a_bot(api) as bot:
        bot.post("<b>*_[x](y)_*</b> & </pre>\x00\ud800 1\u20282")
        await bot.said("<b>*_[x](y)_*</b> & </pre> ? 1 2")


async def test_a_flood_is_told_in_several_messages_none_too_long(api: BotApi) -> None:
    async with a_bot(api, messages_per_minute_max=60, pace={"alarm_gap_s": 0.0}) as bot:
        for number in range(60):
            bot.post(f"no {number} " + "𝕩" * 200, Weight.ALARM)
        await bot.said("no 59 ")
        told = "\n".join(api.texts())
        assert [told.count(f"no {number} ") for number in range(60)] == [1] * 60


async def test_notices_of_an_outage_are_kept_and_its_length_is_said(api: BotApi) -> None:
    async with a_bot(api) as bot:
        await bot.done_with("status")
        api.fail("*", 502, "Bad Gateway")
        await bot.polls_again(3)
        for number in range(3):
            bot.post(f"rung {number}")
        bot.clock.pass_by(600)
        api.heal()
        sent = await bot.said("rung 2")
        assert sent.text.startswith("Telegram was out of reach for 10 min; 3 notices follow\n")
        assert sent.text.count("rung") == 3


async def test_an_outage_in_which_nothing_happened_is_said_too(api: BotApi) -> None:
    async with a_bot(api) as bot:
        await bot.done_with("status")
        api.fail("*", 502)
        await bot.polls_again()
        bot.clock.pass_by(61)
        api.heal()
        await bot.said("Telegram was out of reach for 1 min; no notice was missed")


async def test_a_short_outage_is_not_worth_a_word(api: BotApi) -> None:
    async with a_bot(api) as bot:
        await bot.done_with("status")
        api.fail("*", 502)
        await bot.polls_again()
        api.heal()
        bot.post("entry")
        assert (await bot.said("entry")).text == "00:00:00 entry"


async def test_an_outage_of_the_whole_server_is_survived() -> None:
    api = BotApi()
    with capture_logs() as logs:
        async with AsyncExitStack() as bots:
            async with bot_api(api=api):
                bot = await bots.enter_async_context(a_bot(api))
                bot.post("before")
                await bot.said("before")
            bot.post("while it was away")
            events = ("telegram_out_of_reach", "telegram_back")  # while it went away, it may have answered once more
            await eventually(
                lambda: [one["event"] for one in logs if one["event"] in events][-1:] == ["telegram_out_of_reach"],
                lambda: str(logs),
            )
            bot.clock.pass_by(600)
            async with bot_api(int(api.address.rpartition(":")[2]), api):
                sent = await bot.said("while it was away")
                assert "out of reach for 10 min; 1 notice follows" in sent.text
                api.say("/status")
                await bot.said("status")


async def test_a_full_queue_keeps_alarms_and_the_newest_and_says_how_many_are_gone(api: BotApi) -> None:
    async with a_bot(api, queue_max=10) as bot:
        await bot.done_with("status")
        api.fail("*", 500)
        await bot.polls_again()
        bot.post("the alarm", Weight.ALARM)
        for number in range(40):
            bot.post(f"rung {number}.")
        bot.clock.pass_by(90)
        api.heal()
        sent = await bot.said("rung 39.")
        assert "the alarm" in sent.text
        assert "rung 31." in sent.text
        assert "rung 30." not in sent.text
        assert "; 10 notices follow, 31 of less weight were not kept" in sent.text


async def test_trading_does_not_wait_for_a_telegram_that_hangs(api: BotApi) -> None:
    with capture_logs():
        async with a_bot(api) as bot:
            await bot.done_with("status")
            api.hang("*")
            began = time.perf_counter()
            for number in range(2_000):  # four times what is kept
                bot.post(f"notice {number}")
            assert time.perf_counter() - began < 2.0  # a millisecond each, for three chats on a busy machine


async def test_429_is_obeyed(api: BotApi) -> None:
    async with a_bot(api, operators=(OPERATOR,), viewers=()) as bot:
        await bot.done_with("status")
        await bot.said("status")
        api.fail("sendMessage", 429, "Too Many Requests: retry after 1", times=1, retry_after=1)
        before = api.count("sendMessage")
        bot.post("entry")
        await eventually(lambda: api.count("sendMessage") == before + 1, lambda: "it was not sent")
        refused = time.monotonic()
        api.say("/status")  # to the same chat: it waits as well
        await eventually(lambda: api.count("sendMessage") > before + 1, lambda: "it was not sent again")
        assert time.monotonic() - refused > 0.9
        await eventually(lambda: api.texts().count("status") == 2, lambda: str(api.texts()))
        # Which of the two goes first is open; each goes once.
        await eventually(lambda: api.count("sendMessage") == before + 3, lambda: str(api.texts()))


async def test_a_chat_that_is_closed_disturbs_no_other_and_is_reported_once(api: BotApi) -> None:
    api.closed_chats.add(VIEWER)
    with capture_logs() as logs:
        async with a_bot(api, pace={"closed_first_s": 60.0}) as bot:
            for number in range(3):
                bot.post(f"rung {number}")
                await bot.said(f"rung {number}")
            await eventually(lambda: "telegram_chat_closed" in [one["event"] for one in logs], lambda: str(logs))
            api.closed_chats.clear()
            api.say("/status", VIEWER)  # who presses Start hears at once what there was
            await bot.said("rung 0", VIEWER)
    assert [line["chat"] for line in logs if line["event"] == "telegram_chat_closed"] == [VIEWER]


async def test_an_alert_that_telegram_does_not_take_is_dropped_and_logged(api: BotApi) -> None:
    with capture_logs() as logs:
        async with a_bot(api, operators=(OPERATOR,), viewers=(), messages_per_minute_max=60) as bot:
            await bot.done_with("status")
            await bot.said("status")
            api.fail("sendMessage", 400, "Bad Request: can't parse entities", times=1)
            bot.post("one", Weight.ALARM)
            await eventually(lambda: "telegram_alert_not_accepted" in [one["event"] for one in logs], lambda: str(logs))
            bot.post("two", Weight.ALARM)
            await bot.said("two")


async def test_it_says_that_it_stops_and_what_is_left(api: BotApi) -> None:
    async with a_bot(api, grouping_window_s=300.0) as bot:
        await bot.done_with("status")
        bot.post("the last thing")
    assert "the last thing\nStopped:" in api.texts()[-1]


@pytest.mark.parametrize("method", ["*", "sendMessage", "getUpdates"])
async def test_it_ends_in_time_although_telegram_hangs(api: BotApi, method: str) -> None:
    async with a_bot(api) as bot:
        await bot.done_with("status")
        api.hang(method)
        bot.post("one", Weight.ALARM)
        api.say("/status")
        began = time.monotonic()
        await bot.stop()
        assert time.monotonic() - began < 2.0  # in its real pace: 2 s of grace and 2 s for the farewell
    assert bot.task.cancelled()


async def test_it_listens_no_more_when_it_has_ended(api: BotApi) -> None:
    noticeboard = Noticeboard()
    async with a_bot(api, noticeboard=noticeboard) as bot:
        await bot.done_with("status")
    calls = len(api.calls)
    bot.post("to nobody")
    assert len(api.calls) == calls
