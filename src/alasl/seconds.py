"""People's time: what an answer takes, and which way of asking takes less of it.

By label, people see a grid of small images and think of one label. By image, an image is opened and
then asked of label after label. Which is quicker hangs on how many of what is asked share an image.

The defaults come from published studies of people who answer such questions (docs/concepts.md): a
further class of an image that is seen already takes 1 s (Papadopoulos et al., ECCV 2014, as counted
by Bearman et al., ECCV 2016), a new image under the same question 1.7 s (Krishna et al., CHI 2016),
and a new image with a new question 5.3 s (Russakovsky et al., CVPR 2015), so that an opening takes
0.7 to 4.3 s: 2 lies between. A project takes what its page measures in their place.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

from alasl.settings import TimeSettings

Way = Literal["label", "image"]


@dataclass(frozen=True)
class Seconds:
    """What people take, in seconds.

    answer: for an answer of an image that is open. open: for opening an image. grid: for an answer
    in a grid of one label. tag: for naming a label that is there.

    >>> Seconds().quicker(images=90, answers=100), Seconds().quicker(images=10, answers=100)
    ('label', 'image')
    """

    answer: float = 1.0
    open: float = 2.0
    grid: float = 1.7
    tag: float = 3.0

    def by_label(self, answers: float) -> float:
        """Seconds for some answers, each to a small image of a grid."""
        return self.grid * answers

    def by_image(self, images: float, answers: float) -> float:
        """Seconds for some answers that share as many images."""
        return self.open * images + self.answer * answers

    def by_tags(self, images: float, presents: float) -> float:
        """Seconds for images of which all labels that are there are named."""
        return self.open * images + self.tag * presents

    def quicker(self, images: float, answers: float) -> Way:
        """The way that takes less time for answers that share as many images."""
        return "image" if self.by_image(images, answers) < self.by_label(answers) else "label"

    def way(self, by: str | None, images: float, answers: float) -> Way:
        """The way that settings say, `by`, else the quicker one."""
        return by or self.quicker(images, answers)  # type: ignore[return-value]  # settings checked it

    def but(self, settings: TimeSettings) -> Seconds:
        """These, but for those that settings name."""
        named = {one.name: getattr(settings, f"{one.name}_seconds") for one in fields(self)}
        return replace(self, **{name: value for name, value in named.items() if value is not None})
