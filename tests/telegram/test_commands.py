"""Commands in Telegram, over real HTTP: who may ask what, what is done once, and what is not done any more."""

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from ratchet.control.answer import Answer, Table
from ratchet.control.desk import Role
from tests.telegram.bot import GROUP, OPERATOR, STRANGER, VIEWER, ADesk, a_bot, eventually
from tests.telegram.server import BotApi

PNG = b"\x89PNG a picture"


def long_answer(rows: int = 300) -> Answer:
    return Answer(
        title="Universe",
        table=Table(("symbol", "reason"), tuple((f"SYM{number}USDC", "too thin") for number in range(rows))),
    )


async def test_a_command_goes_to_the_desk_and_its_answer_to_the_chat(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/why BTCUSDC")
        await bot.said("why BTCUSDC")
        assert bot.desk.asked == [("why", "BTCUSDC")]
        assert (bot.desk.askers[0].name, bot.desk.askers[0].role) == (f"telegram {OPERATOR}", Role.OPERATOR)


async def test_wrong_words_are_answered_with_the_desks_one_line(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/frobnicate <now>")
        await bot.said("frobnicate is not a command: see help")


async def test_the_menu_of_a_chat_has_what_it_may_ask(api: BotApi) -> None:
    async with a_bot(api):
        await eventually(lambda: set(api.menus) == {OPERATOR, GROUP, VIEWER}, lambda: str(api.menus))
        assert [entry["command"] for entry in api.menus[OPERATOR]] == ["help", "status", "why", "pause", "panic"]
        assert [entry["command"] for entry in api.menus[VIEWER]] == ["help", "status", "why"]
        assert api.menus[VIEWER][1]["description"] == "How it stands"


async def test_a_chat_that_the_bot_has_not_met_gets_its_menu_when_it_speaks(api: BotApi) -> None:
    api.closed_chats.add(OPERATOR)
    async with a_bot(api):
        await eventually(lambda: set(api.menus) == {GROUP, VIEWER}, lambda: str(api.menus))
        api.closed_chats.clear()
        api.say("/status")
        await eventually(lambda: OPERATOR in api.menus, lambda: str(api.menus))


async def test_telegrams_own_start_button_is_a_call_for_help(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/start")
        await bot.said("help")
        assert bot.desk.asked == [("help",)]


async def test_a_viewer_may_ask_and_not_change(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/pause", VIEWER)
        await bot.said("pause is for operators", VIEWER)
        api.say("/status", VIEWER)
        await bot.said("status", VIEWER)
        assert bot.desk.done == [("status",)]


async def test_strangers_get_no_answer_and_are_named_in_the_log_once(api: BotApi) -> None:
    with capture_logs() as logs:
        async with a_bot(api) as bot:
            for _ in range(3):
                api.say("/panic", STRANGER)
            api.press_data(STRANGER, 1, "y:whatever")
            await bot.done_with("status")
            await bot.said("status")
    assert [line["chat"] for line in logs if line["event"] == "telegram_stranger"] == [STRANGER]
    assert "telegram_failed" not in [line["event"] for line in logs]
    assert bot.desk.asked == [("status",)]
    assert {sent.chat for sent in api.messages} <= {OPERATOR, GROUP, VIEWER}
    assert api.press_answers == {}


async def test_a_group_is_judged_by_its_own_number_whoever_speaks(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/pause@ratchet_test_bot", GROUP, kind="supergroup")
        await bot.said("pause", GROUP)
        assert bot.desk.askers[0].name == f"telegram {GROUP}"
        api.say("/pause", -999, {"from": {"id": OPERATOR, "is_bot": False, "first_name": "Me"}}, kind="supergroup")
        await bot.done_with("status")
        assert bot.desk.done == [("pause",), ("status",)]


async def test_talk_and_other_bots_commands_in_a_group_are_not_answered(api: BotApi) -> None:
    async with a_bot(api) as bot:
        for text in ("good morning", "/pause@another_bot", "/weather"):
            api.say(text, GROUP, kind="supergroup")
        await bot.done_with("status")
        await bot.said("status")
        assert api.texts(GROUP) == []
        assert bot.desk.asked == [("status",)]


async def test_talk_in_private_gets_a_hint(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("pause please")
        await bot.said("/help lists them")
        assert bot.desk.asked == []


async def test_what_is_edited_forwarded_or_said_by_channels_and_bots_is_ignored(api: BotApi) -> None:
    async with a_bot(api) as bot:
        message = api.message("/pause", OPERATOR)
        channel = {"id": -1005, "type": "channel", "title": "News"}
        api.put({"edited_message": message})
        api.put({"channel_post": message | {"chat": channel, "sender_chat": channel}})
        api.say("/pause", GROUP, {"sender_chat": channel}, kind="supergroup")
        origin = {"type": "user", "date": 1, "sender_user": {"id": 5, "is_bot": False, "first_name": "Else"}}
        api.say("/pause", OPERATOR, {"forward_origin": origin})
        api.say("/pause", OPERATOR, {"from": {"id": 5, "is_bot": True, "first_name": "Bot"}})
        api.put({"message": "this cannot be read"})
        await bot.done_with("status")
        assert bot.desk.asked == [("status",)]


async def test_an_administrator_may_speak_as_the_group(api: BotApi) -> None:
    async with a_bot(api) as bot:
        group = {"id": GROUP, "type": "supergroup", "title": "Us"}
        bot_of_telegrams = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
        api.say("/status", GROUP, {"sender_chat": group, "from": bot_of_telegrams}, kind="supergroup")
        await bot.said("status", GROUP)


# Confirmations --------------------------------------------------------------------------------------------------------


async def test_a_dangerous_command_is_done_when_yes_is_pressed(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/panic")
        question = await bot.said("Close every position & cancel <all> orders?")
        assert [label for label, _ in question.buttons] == ["Yes, panic", "No"]
        assert bot.desk.done == []
        press = api.press(question, "Yes")
        await eventually(lambda: bot.desk.done == [("panic",)], lambda: str(bot.desk.asked))
        await eventually(lambda: not question.buttons, lambda: question.text)
        assert question.text.endswith("Yes.")
        assert press in api.press_answers


async def test_no_does_nothing(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/panic")
        question = await bot.said("Close every position")
        api.press(question, "No")
        await eventually(lambda: "nothing was done" in question.text, lambda: question.text)
        assert bot.desk.done == []
        assert question.buttons == []


async def test_a_second_press_is_answered_kindly_and_does_nothing(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/panic")
        question = await bot.said("Close every position")
        data = question.buttons[0][1]
        api.press(question, "Yes")
        again = api.press_data(OPERATOR, question.number, data)
        await eventually(lambda: "answered already" in api.press_answers.get(again, ""), lambda: str(api.press_answers))
        await bot.done_with("status")
        assert bot.desk.done.count(("panic",)) == 1


async def test_a_press_that_comes_too_late_does_nothing(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/panic")
        question = await bot.said("Close every position")
        bot.clock.pass_by(61)
        press = api.press(question, "Yes")
        await eventually(lambda: "Too late" in api.press_answers.get(press, ""), lambda: str(api.press_answers))
        await eventually(lambda: "Too late" in question.text, lambda: question.text)
        assert bot.desk.done == []


async def test_a_press_on_what_was_asked_of_an_earlier_process_does_nothing(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/panic")
        question = await bot.said("Close every position")
    async with a_bot(api) as later:
        press = api.press(question, "Yes")
        await eventually(lambda: "ask again" in api.press_answers.get(press, ""), lambda: str(api.press_answers))
        assert later.desk.asked == []


async def test_only_the_chat_that_asked_may_confirm(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/panic")
        question = await bot.said("Close every position")
        press = api.press_data(GROUP, question.number, question.buttons[0][1])
        await eventually(lambda: press in api.press_answers, lambda: str(api.press_answers))
        assert bot.desk.done == []
        api.press(question, "Yes")
        await eventually(lambda: bot.desk.done == [("panic",)], lambda: str(bot.desk.asked))


async def test_what_was_confirmed_is_done_although_telegram_does_not_answer_any_more(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/panic")
        question = await bot.said("Close every position")
        for method in ("answerCallbackQuery", "editMessageText", "sendMessage"):
            api.hang(method)
        api.press(question, "Yes")
        await eventually(lambda: bot.desk.done == [("panic",)], lambda: str(bot.desk.asked))


# Old and repeated updates ---------------------------------------------------------------------------------------------


async def test_what_was_said_before_the_start_changes_nothing(api: BotApi) -> None:
    api.say("/pause", ago_s=10)
    api.say("/status", ago_s=10)
    async with a_bot(api) as bot:
        await bot.said("Too late")
        await bot.said("status")
        assert bot.desk.done == [("status",)]
        api.say("/pause")
        await eventually(lambda: ("pause",) in bot.desk.done, lambda: str(bot.desk.asked))


async def test_what_was_said_too_long_ago_changes_nothing(api: BotApi) -> None:
    async with a_bot(api) as bot:
        bot.clock.pass_by(3_600)  # it has been there for an hour
        api.say("/pause", ago_s=62)
        await bot.said("Too late")
        assert bot.desk.done == []
        api.say("/pause", ago_s=50)
        await eventually(lambda: bot.desk.done == [("pause",)], lambda: str(bot.desk.asked))


@pytest.mark.parametrize("ahead_s", [-600.0, 600.0])
async def test_it_is_telegrams_clock_that_says_how_old_something_is(api: BotApi, ahead_s: float) -> None:
    api.clock_ahead_s = ahead_s
    api.say("/pause", ago_s=10)
    async with a_bot(api) as bot:
        await bot.said("Too late")
        api.say("/pause")
        await eventually(lambda: bot.desk.done == [("pause",)], lambda: str(bot.desk.asked))


async def test_what_is_delivered_again_is_done_once(api: BotApi) -> None:
    api.deliver_twice = True
    async with a_bot(api) as bot:
        api.say("/pause")
        await eventually(lambda: bool(bot.desk.done), lambda: str(bot.desk.asked))
        await bot.polls_again(4)
        assert bot.desk.done == [("pause",)]


async def test_an_update_that_cannot_be_read_does_not_hide_the_next_one(api: BotApi) -> None:
    with capture_logs() as logs:
        async with a_bot(api) as bot:
            api.put({"message": {"text": "/pause", "chat": "nonsense"}})
            api.say("/status")
            await bot.said("status")
    assert "telegram_update_unreadable" in [line["event"] for line in logs]


# Answers --------------------------------------------------------------------------------------------------------------


async def test_a_long_answer_has_pages_and_buttons_that_turn_them(api: BotApi) -> None:
    desk = ADesk()
    desk.answers["status"] = long_answer()
    async with a_bot(api, desk=desk) as bot:
        api.say("/status")
        sent = await bot.said("SYM0USDC")
        assert sent.text.startswith("Universe (1/7)")
        assert [label for label, _ in sent.buttons] == ["2/7 ▶"]
        seen = [sent.text]
        for page in range(2, 8):
            api.press(sent, "▶")
            await bot.said(f"({page}/7)")
            seen.append(sent.text)
        assert [label for label, _ in sent.buttons] == ["◀ 6/7"]
        for number in range(300):
            assert sum(f"SYM{number}USDC " in text for text in seen) == 1
        api.press(sent, "◀")
        await eventually(lambda: "(6/7)" in sent.text, lambda: sent.text)


async def test_a_page_that_is_turned_to_twice_is_no_trouble(api: BotApi) -> None:
    desk = ADesk()
    desk.answers["status"] = long_answer()
    with capture_logs() as logs:
        async with a_bot(api, desk=desk) as bot:
            api.say("/status")
            sent = await bot.said("SYM0USDC")
            data = sent.buttons[0][1]
            for _ in range(2):
                api.press_data(OPERATOR, sent.number, data)
            await eventually(lambda: api.count("editMessageText") == 2, lambda: str(api.calls))
            await bot.done_with("why")
    assert "(2/7)" in sent.text
    assert "telegram_answer_lost" not in [line["event"] for line in logs]


async def test_pages_of_an_earlier_process_are_gone_and_say_so(api: BotApi) -> None:
    desk = ADesk()
    desk.answers["status"] = long_answer()
    async with a_bot(api, desk=desk) as bot:
        api.say("/status")
        sent = await bot.said("SYM0USDC")
    async with a_bot(api):
        press = api.press(sent, "▶")
        await eventually(lambda: "ask again" in api.press_answers.get(press, ""), lambda: str(api.press_answers))


async def test_a_picture_comes_as_one(api: BotApi) -> None:
    desk = ADesk()
    desk.answers["status"] = Answer(title="Curve <b>", picture=PNG)
    async with a_bot(api, desk=desk):
        api.say("/status")
        await eventually(lambda: any(sent.photo == PNG for sent in api.messages), lambda: str(api.texts()))
        assert api.messages[-1].text == "Curve <b>"


async def test_markup_in_names_and_reasons_is_only_text(api: BotApi) -> None:
    nasty = "<b>*_[x](http://y)_*</b> &lt; `code` <script>"
    desk = ADesk()
    desk.answers["why"] = Answer(
        title=nasty, facts=((nasty, nasty),), table=Table((nasty, "x"), ((nasty, nasty),)), notes=(nasty,)
    )
    async with a_bot(api, desk=desk) as bot:
        api.say("/why X")
        sent = await bot.said(nasty)
        assert sent.text.count(nasty) == 6  # the table is too wide: its first heading goes without saying


async def test_a_desk_that_fails_is_one_sentence_and_the_log_has_the_rest(api: BotApi) -> None:
    desk = ADesk()
    desk.answers["status"] = RuntimeError("the cat is on the keyboard")
    with capture_logs() as logs:
        async with a_bot(api, desk=desk) as bot:
            api.say("/status")
            await bot.said("the log says how")
            assert "cat" not in " ".join(api.texts())
    assert "telegram_command_failed" in [line["event"] for line in logs]


async def test_no_answer_waits_for_another_one(api: BotApi) -> None:
    never = asyncio.Event()

    async def slow() -> Answer:
        await never.wait()
        return Answer(title="at last")

    desk = ADesk()
    desk.answers["status"] = slow
    async with a_bot(api, desk=desk) as bot:
        api.say("/status")
        api.say("/panic")
        api.press(await bot.said("Close every position"), "Yes")
        await eventually(lambda: ("panic",) in desk.done, lambda: str(desk.asked))
        never.set()
        await bot.said("at last")


async def test_of_too_many_commands_at_once_some_are_not_answered_and_a_confirmation_is(api: BotApi) -> None:
    never = asyncio.Event()

    async def slow() -> Answer:
        await never.wait()
        return Answer(title="x")

    desk = ADesk()
    desk.answers["status"] = slow
    with capture_logs() as logs:
        async with a_bot(api, desk=desk) as bot:
            api.say("/panic")
            question = await bot.said("Close every position")
            for _ in range(60):
                api.say("/status")
            api.press(question, "Yes")
            await eventually(lambda: ("panic",) in desk.done, lambda: str(len(desk.asked)))
            assert desk.asked.count(("status",)) == 30
            never.set()
    assert "telegram_too_much_at_once" in [line["event"] for line in logs]


async def test_secrets_are_masked_in_what_is_answered(api: BotApi) -> None:
    secret = "a-secret-of-the-exchange"
    desk = ADesk()
    desk.answers["status"] = replace(Answer(title=f"t {secret}"), facts=(("key", secret),), notes=(f"n {secret}",))
    async with a_bot(api, desk=desk, secrets=(secret,)) as bot:
        api.say("/status")
        sent = await bot.said("***")
        assert secret not in sent.html
