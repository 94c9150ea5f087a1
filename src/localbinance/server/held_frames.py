"""Frames of one connection that are held back until so many further ones have passed. No I/O here."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

HELD_MAX = 1_000  # beyond it the one that was held longest goes

Frame = TypeVar("Frame")


@dataclass(slots=True)
class _Held(Generic[Frame]):
    frame: Frame
    behind: int  # how many have still to pass


@dataclass(slots=True)
class HeldFrames(Generic[Frame]):
    """Whatever a frame is: bytes on a connection, or a value in a simulation."""

    _held: list[_Held[Frame]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._held)

    def pass_on(self, frame: Frame, behind: int = 0) -> list[Frame]:
        """A frame comes: what goes now, in order. One that is let go counts as a frame that passes, too."""
        if behind:
            self._held.append(_Held(frame, behind))
            return [self._held.pop(0).frame] if len(self._held) > HELD_MAX else []
        going = [frame]
        for _ in going:  # grows while it is walked
            for each in self._held:
                each.behind -= 1
            going.extend([each.frame for each in self._held if each.behind <= 0])
            self._held = [each for each in self._held if each.behind > 0]
        return going
