"""What goes wrong between here and Telegram: it is said once, it harms nobody, and it shows no token."""

import asyncio
import logging
import traceback
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ratchet.control.answer import Answer
from ratchet.observe.log import logging_to
from ratchet.observe.notices import Notice, Noticeboard, Weight
from ratchet.telegram.api import Api
from ratchet.telegram.errors import TelegramError
from ratchet.telegram.pace import Pace
from ratchet.telegram.reach import Reach
from ratchet.telegram.time_there import TimeThere
from tests.telegram.bot import HURRIED, OPERATOR, AClock, ADesk, a_bot, eventually, telegram_settings
from tests.telegram.server import CONFLICT, TOKEN, BotApi, bot_api

SECRET_PART = TOKEN.partition(":")[2]


def heard_by(noticeboard: Noticeboard) -> list[Notice]:
    notices: list[Notice] = []
    noticeboard.listen(notices.append)
    return notices


# The token -----------------------------------------------------------------------------------------------------------


async def test_a_refused_token_is_one_line_and_the_face_goes_off(api: BotApi) -> None:
    api.is_token_known = False
    noticeboard = Noticeboard()
    notices = heard_by(noticeboard)
    async with a_bot(api, noticeboard=noticeboard) as bot:
        await asyncio.wait_for(bot.task, 5)
        bot.post("trading goes on")
    assert [notice.text for notice in notices] == [
        "Telegram refuses the token (Unauthorized) and stays off: check RATCHET_TELEGRAM__TOKEN"
        " (the spot companion's is RATCHET_TELEGRAM__REBOUND_TOKEN), then start again",
        "trading goes on",
    ]
    assert len(api.calls) == 1


async def test_a_token_that_is_revoked_meanwhile_turns_it_off_too(api: BotApi) -> None:
    noticeboard = Noticeboard()
    notices = heard_by(noticeboard)
    async with a_bot(api, noticeboard=noticeboard) as bot:
        await bot.done_with("status")
        api.is_token_known = False
        await asyncio.wait_for(bot.task, 5)
    assert [notice.weight for notice in notices] == [Weight.WARNING]


async def test_without_a_token_there_is_nothing(api: BotApi) -> None:
    async with a_bot(api, token=None) as bot:
        await asyncio.wait_for(bot.task, 5)
    assert api.calls == []


def faults(api: BotApi) -> list[tuple[str, object]]:
    address = f"{api.address}/bot{TOKEN}/getMe"
    return [
        ("401", lambda: api.fail("*", 401, f"Unauthorized: {address}")),
        ("404", lambda: api.fail("*", 404, f"Not Found: {address}")),
        ("400", lambda: api.fail("*", 400, f"Bad Request: {address}")),
        ("403", lambda: api.fail("*", 403, f"Forbidden: {address}")),
        ("409", lambda: api.fail("*", 409, f"Conflict: {address}")),
        ("429", lambda: api.fail("*", 429, f"Too Many Requests: {address}", retry_after=1)),
        ("500", lambda: api.fail("*", 500, f"Internal Server Error: {address}")),
        ("no JSON", lambda: api.say_nonsense("*", f"<html>{address}</html>")),
        ("other JSON", lambda: api.say_nonsense("*", f'["{address}"]')),
        ("unknown letters", lambda: api.say_nonsense("*", address, headers={"Content-Type": "text/plain; charset=q"})),
        ("elsewhere", lambda: api.say_nonsense("*", "", 302, {"Location": address})),
        ("silence", lambda: api.hang("*")),
    ]


@pytest.mark.parametrize("name", [name for name, _ in faults(BotApi())] + ["nobody there"])
async def test_the_token_is_in_no_error_whatever_goes_wrong(api: BotApi, name: str) -> None:
    fault = dict(faults(api)).get(name)
    settings = telegram_settings(api.address if fault else "http://127.0.0.1:9")
    if callable(fault):
        fault()
    clock, pace = AClock(), Pace(reply_timeout_s=0.2)
    reach, time_there = Reach(clock, 60), TimeThere()
    async with Api(settings, clock, reach, time_there, pace) as asked:
        for question in (asked.me(), asked.send(OPERATOR, "text")):
            with pytest.raises(TelegramError) as failure:
                await question
            error = failure.value
            assert error.__cause__ is None
            assert error.__context__ is None
            shown = f"{error!r} {error} {''.join(traceback.format_exception(error))}"
            assert SECRET_PART not in shown


@pytest.mark.parametrize("name", [name for name, _ in faults(BotApi())])
async def test_the_token_is_in_no_log_even_of_a_log_that_redacts_nothing(
    api: BotApi, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with logging_to(tmp_path, level="DEBUG", console=False) as file:
        async with a_bot(api, pace={"reply_timeout_s": 0.1}) as bot:
            await bot.done_with("status")
            await bot.said("status")
            fault = dict(faults(api))[name]
            assert callable(fault)
            fault()
            bot.post("an alert", Weight.ALARM)
            calls = len(api.calls)
            await eventually(lambda: len(api.calls) > calls, lambda: "nothing was asked")
            if name != "401":
                await bot.polls_again(1)
    logged = file.read_text(encoding="utf-8") + caplog.text
    assert "telegram_hears" in logged
    assert SECRET_PART not in logged


async def test_the_token_goes_nowhere_else(api: BotApi) -> None:
    async with bot_api() as elsewhere:
        api.say_nonsense("*", "", 307, {"Location": f"{elsewhere.address}/bot{TOKEN}/getMe"})
        async with a_bot(api):
            await eventually(lambda: api.count("getMe") > 2, lambda: "it gave up")
        assert elsewhere.calls == []


# Two with one token --------------------------------------------------------------------------------------------------


async def test_two_bots_with_one_token_are_reported_once_and_not_looped_on(api: BotApi) -> None:
    noticeboard = Noticeboard()
    notices = heard_by(noticeboard)
    async with a_bot(api, noticeboard=noticeboard, pace={"conflict_first_s": 60.0, "conflict_most_s": 60.0}) as bot:
        await bot.done_with("status")
        api.fail("getUpdates", 409, CONFLICT)
        sent = await bot.said("another bot listens with this Telegram token")
        assert CONFLICT.lower() in sent.text.lower()
        asked = api.count("getUpdates")
        for number in range(5):
            bot.post(f"rung {number}")
            await bot.said(f"rung {number}")
        assert api.count("getUpdates") == asked
        assert sum(notice.weight is Weight.WARNING for notice in notices) == 1


async def test_however_often_it_happens_two_bots_are_reported_once(api: BotApi) -> None:
    noticeboard = Noticeboard()
    notices = heard_by(noticeboard)
    async with a_bot(api, noticeboard=noticeboard) as bot:
        await bot.done_with("status")
        api.fail("getUpdates", 409, CONFLICT)
        await bot.polls_again(4)
        assert len(notices) == 1


async def test_it_is_said_when_the_other_one_is_gone_and_commands_are_heard_again(api: BotApi) -> None:
    noticeboard = Noticeboard()
    notices = heard_by(noticeboard)
    async with a_bot(api, noticeboard=noticeboard, pace={"calm_s": 60.0}) as bot:
        await bot.done_with("status")
        api.fail("getUpdates", 409, CONFLICT)
        await bot.said("another bot listens")
        api.heal()
        api.say("/status")
        await eventually(lambda: bot.desk.asked.count(("status",)) == 2, lambda: str(bot.desk.asked))
        assert len(notices) == 1  # an answer or two prove nothing
        bot.clock.pass_by(60)
        await bot.said("no other bot listens")


async def test_two_real_ones_fight_seldom_and_both_tell_their_alerts(api: BotApi) -> None:
    async with a_bot(api, operators=(OPERATOR,), viewers=()) as one, a_bot(api, operators=(815,), viewers=()) as other:
        await eventually(lambda: "another bot" in " ".join(api.texts() + api.texts(815)), lambda: str(api.texts()))
        one.post("from one")
        other.post("from the other")
        await one.said("from one")
        await other.said("from the other", 815)
        told = " ".join(api.texts(OPERATOR)).count("another bot")
        assert told <= 2  # again only after it had been alone for a while


# No network ----------------------------------------------------------------------------------------------------------


async def test_it_begins_as_soon_as_telegram_can_be_reached(api: BotApi) -> None:
    api.fail("*", 502)
    with capture_logs() as logs:
        async with a_bot(api) as bot:
            bot.post("entry")
            await eventually(lambda: api.count("getMe") > 3, lambda: "it gave up")
            api.heal()
            await bot.said("entry")
            api.say("/status")
            await bot.said("status")
    events = [line["event"] for line in logs]
    assert events.count("telegram_out_of_reach") == 1
    assert events.count("telegram_back") == 1


async def test_an_answer_waits_until_it_gets_through(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.fail("sendMessage", 500, times=3)
        api.say("/status")
        await bot.said("status")
        assert bot.desk.done == [("status",)]


async def test_an_answer_that_does_not_get_through_for_long_is_given_up(api: BotApi) -> None:
    with capture_logs() as logs:
        async with a_bot(api, pace={"reply_patience_s": 0.1}) as bot:
            await bot.done_with("status")
            await bot.said("status")
            api.fail("sendMessage", 500)
            api.say("/why X")
            await eventually(lambda: "telegram_answer_lost" in [one["event"] for one in logs], lambda: str(logs))


async def test_silence_between_questions_is_not_filled_with_questions(api: BotApi) -> None:
    api.say_nonsense("getUpdates", '{"ok": true, "result": []}')  # a server that does not hold the question
    async with a_bot(api, pace={"idle_s": 60.0}) as bot:
        for number in range(5):
            bot.post(f"rung {number}")
            await bot.said(f"rung {number}")
        assert api.count("getUpdates") == 1


async def test_a_fault_of_its_own_is_logged_and_it_begins_again(api: BotApi) -> None:
    api.say_nonsense("getUpdates", '{"ok": true, "result": [{"update_id": "no number"}]}')
    with capture_logs() as logs:
        async with a_bot(api) as bot:
            await eventually(lambda: "telegram_failed" in [one["event"] for one in logs], lambda: str(logs))
            api.heal()
            api.say("/status")
            await bot.said("status")


def test_its_real_pace_leaves_less_than_five_seconds_for_an_end() -> None:
    pace = Pace()
    assert pace.grace_s + pace.farewell_s < 5
    assert HURRIED.poll_s < pace.poll_s


async def test_a_desk_at_work_has_a_little_time_at_the_end(api: BotApi) -> None:
    finished = asyncio.Event()
    desk = ADesk()

    async def slow() -> Answer:
        await asyncio.sleep(0)
        finished.set()
        return Answer(title="done")

    desk.answers["pause"] = slow
    async with a_bot(api, desk=desk) as bot:
        api.say("/pause")
        await eventually(lambda: bool(desk.done), lambda: str(desk.asked))
    assert finished.is_set()
    assert bot.task.cancelled()


async def test_what_was_done_and_is_told_in_unknown_words_is_not_done_again(api: BotApi) -> None:
    async with a_bot(api, operators=(OPERATOR,), viewers=()) as bot:
        await bot.done_with("status")
        await bot.said("status")
        api.say_nonsense("sendMessage", '{"ok": true, "result": {"message": "of a later year"}}')
        before = api.count("sendMessage")
        bot.post("entry")
        await eventually(lambda: api.count("sendMessage") > before, lambda: "it was not sent")
        await bot.done_with("why")
        await eventually(lambda: api.count("sendMessage") > before + 1, lambda: "no answer was sent")
        await bot.polls_again(1)
        assert api.count("sendMessage") == before + 2


async def test_not_found_is_said_of_a_token_at_the_start_only(api: BotApi) -> None:
    async with a_bot(api) as bot:
        await bot.done_with("status")
        api.fail("*", 404, "Not Found")  # of somebody between here and Telegram
        calls = api.count("getUpdates")
        await eventually(lambda: api.count("getUpdates") > calls + 2, lambda: "it gave up")
        api.heal()
        api.say("/why X")
        await bot.said("why X")
    async with a_bot(api) as bot:
        api.fail("*", 404, "Not Found")
        await asyncio.wait_for(bot.task, 5)
