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
    """A forecast as it was made: the target and mAP then, in per cent, and answers by then."""

    target: float
    now: float
    answers: int
    seeds: int
    forecasts: tuple[Forecast, ...]

    def beside(self, answers: int, trainings: Sequence[Training]) -> str:
        """One sentence: what was forecast, and what came with so many answers."""
        since = [t for t in trainings if t.map is not None and t.answers >= self.answers]
        come = [t.answers for t in since if t.map is not None and t.map >= self.target]
        if come:
            took = come[0] - self.answers
            what = f"reached with {took}{self._held(took)}"
        else:
            now = f", mAP {since[-1].map:.1f} %" if since else ""
            what = f"so far {answers - self.answers}{now}"
        sure = "" if self.forecasts[0].answers is None else ", an 80 % interval"
        return f"forecast for mAP {self.target:g} % by {self.forecasts[0]}{sure}; {what}"

    def _held(self, took: int) -> str:
        """Whether so many answers are within the interval, in words."""
        one = self.forecasts[0]
        within = one.low <= took and (one.high is None or took <= one.high)
        return f", {'within' if within else 'outside'} it" if one.answers is not None else ""


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
        return Plan(**values, forecasts=told)
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            "the plan cannot be read",
            where=str(path),
            seen=str(error),
            do="remove the file, or plan anew: alasl plan",
        ) from error
