"""A report of runs: one HTML file that holds everything it shows. Reads run folders, and neither data nor weights."""

from mvib.report.page import render_page as render_page
from mvib.report.runs import ReportedRun as ReportedRun
from mvib.report.runs import read_runs as read_runs
