"""A run, or several side by side, told: headline numbers, a table, one self-contained page."""

from alasl.report.folder import write_run
from alasl.report.page import Paths, write_report
from alasl.report.project import write_project_figures, write_project_report
from alasl.report.summary import advice_lines, headline, limit_lines, summary, table
from alasl.report.sure import compared, difference_lines

__all__ = [
    "Paths",
    "advice_lines",
    "compared",
    "difference_lines",
    "headline",
    "limit_lines",
    "summary",
    "table",
    "write_project_figures",
    "write_project_report",
    "write_report",
    "write_run",
]
