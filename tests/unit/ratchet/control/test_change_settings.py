"""Which changes of settings are taken, asked back, or refused."""

import json
from pathlib import Path

import pytest

from ratchet.control.desk import Asker, Refused, Role
from tests.unit.ratchet.control.desk_parts import Scene


def in_file() -> object:
    return json.loads(Path("runtime.json").read_text())


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("config set universe.symbols_max 30", {"universe": {"symbols_max": 30}}),
        ("config SET Universe.Symbols_Max 30", {"universe": {"symbols_max": 30}}),
        ("config set universe.atr_fraction_min 0.0004", {"universe": {"atr_fraction_min": 0.0004}}),
        ('config set universe.whitelist ["BTC*", "ETHUSDC"]', {"universe": {"whitelist": ["BTC*", "ETHUSDC"]}}),
        ("config set universe.whitelist BTC*,ETHUSDC", {"universe": {"whitelist": "BTC*,ETHUSDC"}}),
        ("profile conservative", {"profile": "conservative"}),
    ],
)
async def test_what_risks_nothing_is_changed_at_once(scene: Scene, words: str, written: object) -> None:
    assert (await scene.ask(words)).notes == ("In force from now on, for new positions.",)
    assert in_file() == written


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("config set risk.leverage 3", "Change risk.leverage from 5 to 3, for new positions?"),
        (
            "config set bracket.stop_fraction 0.01",
            "Change bracket.stop_fraction from 0.02 to 0.01, for new positions?",
        ),
        ("profile aggressive", "Use profile aggressive, which risks more than balanced, for new positions?"),
        ("config reset", "Forget every setting that was changed while it ran?"),
    ],
)
async def test_what_touches_risk_is_asked_back(scene: Scene, words: str, question: str) -> None:
    assert await scene.question(words) == question
    assert not Path("runtime.json").exists()
    await scene.confirmed(words)
    assert Path("runtime.json").exists()


async def test_a_profile_is_asked_back_by_whatever_way_it_comes(scene: Scene) -> None:
    assert (await scene.question("config set profile aggressive")).startswith("Change ")


async def test_the_value_of_before_comes_back_when_it_is_unset(scene: Scene) -> None:
    await scene.confirmed("config set risk.leverage 3")
    await scene.ask("config set universe.symbols_max 30")
    answer = await scene.confirmed("config unset risk.leverage")
    assert answer.data["after"] == {"risk.leverage": 5}
    assert in_file() == {"universe": {"symbols_max": 30}}
    assert (await scene.ask("config unset risk.leverage")).notes == ("It was so already.",)
    assert (await scene.confirmed("config reset")).data["after"] == {"universe.symbols_max": 35}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "config set risk.leverage 500",
            "config: nothing is changed: runtime.json: risk.leverage is 500, 50 or less is wanted",
        ),
        (
            "config set risk.leverage many",
            'config: nothing is changed: runtime.json: risk.leverage is "many", a whole number is wanted',
        ),
        (
            "config set risk.day_loss_fraction_max NaN",
            'config: nothing is changed: runtime.json: risk.day_loss_fraction_max is "NaN", a finite number is wanted',
        ),
        ("config set risk.levrage 5", "config: 'risk.levrage' is not a setting; did you mean risk.leverage?"),
        (
            "config set exchange.api_secret x",
            "config: exchange.api_secret does not change while it runs: set it in .env, and start it anew",
        ),
        ("config set mode live", "config: mode does not change while it runs: set it in .env, and start it anew"),
        ("config set risk.leverage", "config: VALUE is missing; ask: {usage}"),
        ("config set", "config: KEY is missing; ask: {usage}"),
        ("config unset risk.leverage 3", "config: '3' is too much; ask: {usage}"),
        (
            "config show exchange",
            "config: SECTION is 'exchange', one of bracket, profile, rebound, risk, strategies, universe is wanted;"
            " ask: {usage}",
        ),
        (
            "profile wild",
            "profile: NAME is 'wild', one of aggressive, balanced, conservative is wanted; ask: profile [NAME]",
        ),
    ],
)
async def test_what_cannot_be_is_refused_in_one_line_and_nothing_is_changed(
    scene: Scene, words: str, said: str
) -> None:
    usage = "config [show [SECTION] | set KEY VALUE | unset KEY | reset | schema]"
    assert await scene.refusal(words) == said.replace("{usage}", usage)
    assert not Path("runtime.json").exists()


async def test_viewers_see_settings_and_change_none(scene: Scene) -> None:
    viewer = Asker("telegram 12", Role.VIEWER)
    shown = await scene.ask("config show risk", viewer)
    assert isinstance(shown.data["settings"], dict)
    assert {name.partition(".")[0] for name in shown.data["settings"]} == {"risk"}
    for words in ("config set universe.symbols_max 30", "config reset", "config unset risk.leverage"):
        with pytest.raises(Refused, match="only an operator may ask this"):
            await scene.desk.ask(viewer, words.split())


async def test_no_secret_is_among_what_is_shown(scene: Scene) -> None:
    told = repr(await scene.ask("config"))
    assert not any(secret in told for secret in scene.keeper.now.secrets())
