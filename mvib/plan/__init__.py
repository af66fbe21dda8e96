"""The compiler's intermediate form between the graph and torch; imports no torch."""

from mvib.plan.build import build_plan as build_plan
from mvib.plan.plan import Plan as Plan
