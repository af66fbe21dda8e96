"""What the stages have to say about a spec: frozen data, and renderers that turn them into text, JSON or SARIF."""

from mvib.diagnostics.diagnostic import Diagnostic as Diagnostic
from mvib.diagnostics.diagnostic import InternalError as InternalError
from mvib.diagnostics.diagnostic import Label as Label
from mvib.diagnostics.diagnostic import Severity as Severity
from mvib.diagnostics.diagnostic import SpecError as SpecError
from mvib.diagnostics.diagnostic import has_errors as has_errors
from mvib.diagnostics.diagnostic import nearest as nearest
from mvib.diagnostics.diagnostic import quoted_list as quoted_list
from mvib.diagnostics.machine import render_json as render_json
from mvib.diagnostics.machine import render_sarif as render_sarif
from mvib.diagnostics.text import render_concise as render_concise
from mvib.diagnostics.text import render_text as render_text
