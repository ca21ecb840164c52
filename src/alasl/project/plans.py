"""The last plan of a project, and what came beside what it forecast."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from alasl.errors import DataError
from alasl.files import write_text
from alasl.project.forecast import Forecast
from alasl.project.records import Training

PLAN = "plan.json"


@dataclass(frozen=True)
class Plan:
    """A forecast as it was made: the target and mAP then, in per cent, and answers by then.

    sure: the 95 % interval of mAP then, and `on` what it rests on; of older versions none.
    """

    target: float
    now: float
    answers: int
    seeds: int
    forecasts: tuple[Forecast, ...]
    sure: tuple[float, float] | None = None
    on: str = ""

    def beside(self, answers: int, trainings: Sequence[Training]) -> str:
        """One sentence: what was forecast, and what came with so many answers."""
        since = [t for t in trainings if t.map is not None and t.answers >= self.answers]
        stands = len(since)
        # What one estimate reached by luck, the next ones take back.
        while stands and (since[stands - 1].map or 0.0) >= self.target:
            stands -= 1
        now = f", mAP {_worth(since[-1])}" if since else ""
        what = f"so far {answers - self.answers}{now}"
        if stands < len(since):
            took = since[stands].answers - self.answers
            what = f"reached with {took}{self._held(took)}"
            if not _surely(since[-1], self.target):
                what += f", but not surely{now}"
        sure = "" if self.forecasts[0].answers is None else ", an 80 % interval"
        return f"forecast for mAP {self.target:g} % by {self.forecasts[0]}{sure}; {what}"

    def _held(self, took: int) -> str:
        """Whether so many answers are within the interval, in words."""
        one = self.forecasts[0]
        within = one.low <= took and (one.high is None or took <= one.high)
        return f", {'within' if within else 'outside'} it" if one.answers is not None else ""


def _worth(training: Training) -> str:
    """Its mAP with the interval, in words."""
    ends = training.ground.map if training.ground else None
    return f"{training.map:.1f} %" + (f" ({ends[0]:.1f} to {ends[1]:.1f})" if ends else "")


def _surely(training: Training, target: float) -> bool:
    """Whether its mAP is beyond doubt above the target: exact, or with all of its interval."""
    ground = training.ground
    return ground is not None and (ground.complete or bool(ground.map and ground.map[0] >= target))


def keep(folder: Path, plan: Plan) -> None:
    """Make this the plan of the project in a folder."""
    write_text(folder / PLAN, json.dumps(asdict(plan)) + "\n")


def last_plan(folder: Path) -> Plan | None:
    """The last plan of the project in a folder; None where there is none."""
    path = folder / PLAN
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        told = tuple(Forecast(**one) for one in values.pop("forecasts"))
        sure = values.pop("sure", None)
        return Plan(**values, forecasts=told, sure=sure and tuple(sure))
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            "the plan cannot be read",
            where=str(path),
            seen=str(error),
            do="remove the file, or plan anew: alasl plan",
        ) from error
