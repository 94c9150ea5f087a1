"""Commands in Telegram, over real HTTP: who may ask what, what is asked once, and what is not done any more."""

from tests.telegram.bot import OPERATOR, a_bot
from tests.telegram.server import BotApi


async def test_a_command_goes_to_the_desk_and_its_answer_to_the_chat(api: BotApi) -> None:
    async with a_bot(api) as bot:
        api.say("/why BTCUSDC")
        await bot.said("why BTCUSDC")
        assert bot.desk.asked == [("why", "BTCUSDC")]
        assert bot.desk.askers[0].name == f"telegram {OPERATOR}"
