"""Estimates of tokens, for calls whose provider reported none."""

from spanbook.estimates.estimate import Confidence, Estimate, Method
from spanbook.estimates.inputs import estimate_input
from spanbook.estimates.outputs import estimate_output

__all__ = ["Confidence", "Estimate", "Method", "estimate_input", "estimate_output"]
