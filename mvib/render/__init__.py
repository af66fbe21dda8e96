"""Diagrams and formulas of a method: DOT, TikZ, Mermaid, images, and what `mvib show` prints. Nothing here judges."""

from mvib.render.dot import render_dot as render_dot
from mvib.render.files import FORMATS as FORMATS
from mvib.render.files import format_of as format_of
from mvib.render.files import render_content as render_content
from mvib.render.files import render_file as render_file
from mvib.render.files import render_svg as render_svg
from mvib.render.formula import objective_latex as objective_latex
from mvib.render.formula import objective_text as objective_text
from mvib.render.image import LayoutError as LayoutError
from mvib.render.mermaid import render_mermaid as render_mermaid
from mvib.render.tikz import render_tikz as render_tikz
