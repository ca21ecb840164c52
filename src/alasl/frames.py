"""A pandas DataFrame, where pandas is."""

from __future__ import annotations

from typing import Any

from alasl.errors import ResourceError


def data_frame(*given: Any, **more: Any) -> Any:
    """What `pandas.DataFrame` makes of this. Raises `ResourceError` where pandas is missing."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ResourceError(
            "a DataFrame needs pandas, which is not installed", do="pip install pandas"
        ) from error
    return pd.DataFrame(*given, **more)
