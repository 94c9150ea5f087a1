"""The exchange clock: runs with the wall between steps, never backwards, never past the next step."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from localbinance.server.clock import ExchangeClock

START_MS, STEP_MS = 1_750_000_000_000, 5_000


@dataclass
class Wall:
    """A wall clock that goes when told to."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def clock(wall: Wall, speed: float | None = 1.0) -> ExchangeClock:
    return ExchangeClock(START_MS, STEP_MS, speed, wall=wall)


def test_it_runs_with_the_wall_up_to_just_under_the_next_step() -> None:
    wall = Wall()
    exchange = clock(wall)
    wall.now_s += 1.5
    assert exchange.now_ms() == START_MS + 1_500
    assert exchange.wait_s() == 3.5
    wall.now_s += 60
    assert exchange.now_ms() == START_MS + STEP_MS - 1
    assert exchange.wait_s() == 0


def test_speed_makes_it_run_faster() -> None:
    wall = Wall()
    exchange = clock(wall, speed=60.0)
    wall.now_s += 0.05
    assert abs(exchange.now_ms() - START_MS - 3_000) <= 1
    assert abs(exchange.wait_s() - 2 / 60) < 1e-9


def test_as_fast_as_it_goes_it_stands_still_between_steps() -> None:
    wall = Wall()
    exchange = clock(wall, speed=None)
    wall.now_s += 60
    assert (exchange.now_ms(), exchange.wait_s()) == (START_MS, 0)
    exchange.step_to(START_MS + STEP_MS)
    assert exchange.now_ms() == START_MS + STEP_MS


def test_a_late_step_makes_time_slip_not_race() -> None:
    wall = Wall()
    exchange = clock(wall)
    wall.now_s += 65
    exchange.step_to(START_MS + STEP_MS)
    assert exchange.now_ms() == START_MS + STEP_MS
    assert exchange.wait_s() == 5.0


def test_a_little_late_is_made_up_for() -> None:
    wall = Wall()
    exchange = clock(wall)
    wall.now_s += 5.5
    exchange.step_to(START_MS + STEP_MS)
    assert exchange.wait_s() == 4.5


def test_it_may_follow_the_wall_clock_of_the_world() -> None:
    wall = Wall()
    exchange = ExchangeClock(START_MS, STEP_MS, 1.0, follow_wall=True, wall=wall, epoch=lambda: START_MS / 1_000 + 12.0)
    steps = 0
    while exchange.wait_s() <= 0:
        exchange.step_to(exchange.stepped_ms + STEP_MS)
        steps += 1
    assert steps == 2
    assert abs(exchange.now_ms() - START_MS - 12_000) <= 1


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=40), st.sampled_from([0.5, 1.0, 60.0]))
def test_it_never_runs_backwards(moves: list[tuple[float, bool]], speed: float) -> None:
    wall = Wall()
    exchange = clock(wall, speed)
    seen = [exchange.now_ms()]
    for seconds, steps in moves:
        wall.now_s += seconds
        seen.append(exchange.now_ms())
        if steps and exchange.wait_s() <= 0:
            exchange.step_to(exchange.stepped_ms + STEP_MS)
            seen.append(exchange.now_ms())
    assert seen == sorted(seen)
