"""How the report looks, on a screen and on paper."""


def _stacked(within: str) -> str:
    """Tables in a place that is too narrow for columns: a row is a block, and each cell says of which column it is."""
    return f"""
  {within} table, {within} tbody, {within} tr, {within} td {{ display: block; width: auto; min-width: 0; }}
  {within} thead {{ display: none; }}
  {within} tr {{ padding: 6px 0; border-bottom: 1px solid var(--rule); }}
  {within} td {{ padding: 1px 0; border-bottom: 0; overflow-wrap: anywhere; }}
  {within} td[data-of]::before {{ content: attr(data-of) ": "; color: var(--faint); }}
  {within} .bars {{ display: inline; white-space: normal; }}"""


STYLE = (
    """
:root { color-scheme: light; --ink: #1b1f24; --faint: #5b6570; --rule: #d9dee3; --paper: #fff; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 32px 60px; max-width: 1240px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", Helvetica, Arial, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 38px 0 10px; padding-top: 12px;
  border-top: 2px solid var(--ink); } h3 { font-size: 15px; margin: 0 0 8px; overflow-wrap: anywhere; }
p { margin: 6px 0; max-width: 88ch; } .faint { color: var(--faint); font-size: 13px; }
ul { margin: 6px 0; padding-left: 20px; max-width: 100ch; }
.grid-of { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr)); gap: 18px; }
.grid-of.alone { grid-template-columns: minmax(0, 1fr); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(280px, 100%), 1fr)); gap: 4px 18px; }
.card { border: 1px solid var(--rule); border-radius: 6px; padding: 12px 14px; min-width: 0; break-inside: avoid; }
.dot { display: inline-block; width: 11px; height: 11px; border-radius: 50%; margin-right: 6px; }
.formula { font: italic 16px/1.5 "Times New Roman", Tinos, "Liberation Serif", "DejaVu Serif", serif;
  overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13.5px; width: auto; }
th, td { text-align: left; padding: 4px 14px 4px 0; vertical-align: top; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; white-space: nowrap; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.bar { display: block; height: 6px; border-radius: 3px; margin-top: 3px; min-width: 2px; }
.bars { min-width: 104px; white-space: nowrap; }
.alarm { border-left: 4px solid #d55e00; padding: 6px 12px; background: #fdf1ea; margin: 8px 0; max-width: 100ch; }
.chart { width: 100%; max-width: 480px; height: auto; display: block; }
.chart text, .key text { font: 11px system-ui, "Segoe UI", Roboto, "DejaVu Sans", Arial, sans-serif; fill: #3b444d; }
.chart text.title { font-size: 12.5px; font-weight: 600; fill: var(--ink); }
.chart text.mark { font-size: 13px; font-weight: 700; }
.chart .grid { stroke: #e6eaee; } .chart .axis { stroke: #8b949e; }
.diagram svg { max-width: 100%; height: auto; max-height: 420px; display: block; }
img { max-width: 100%; height: auto; image-rendering: pixelated; display: block; margin: 4px 0; }
.legend { font-size: 13px; margin: 4px 0 10px; } .legend span { margin-right: 16px; white-space: nowrap; }
pre { font-size: 12.5px; overflow-x: auto; background: #f5f7f9; padding: 10px 12px; border-radius: 6px;
  white-space: pre-wrap; overflow-wrap: anywhere; }
@media screen and (max-width: 640px) {
  body { padding: 16px 14px 40px; }"""
    + _stacked("body")
    + """
}
@media print {
  @page { margin: 14mm; }
  body { padding: 0; max-width: none; font-size: 10.5pt; }
  h2, .legend, section > p { break-after: avoid; } .wide { overflow: visible; }
  td, th { padding-right: 8px; } th { white-space: normal; }
  header + .wide td:nth-child(3), header + .wide td:nth-child(8) { overflow-wrap: anywhere; }
  tr, p, .card, .alarm, svg, img { break-inside: avoid; }
  table, .wide .faint { font-size: 8.5pt; } .bars { min-width: 0; white-space: normal; }
  .bar { zoom: 0.8; max-width: 100%; }"""
    + _stacked(".three .card")
    + """
  .grid-of { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .grid-of.three { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
)
