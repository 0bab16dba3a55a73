"""An estimate: a number of tokens, how it was reached, and how far it can be trusted."""

from dataclasses import dataclass, field
from enum import StrEnum


class Method(StrEnum):
    """What cut the text into tokens."""

    TIKTOKEN = "tiktoken"  # the encoding of the model
    HEURISTIC = "heuristic"  # word pieces: about 5 % off at the median, 22 % at the 95th percentile


class Confidence(StrEnum):
    """How far an estimate can be trusted, the best first."""

    EXACT = "exact"  # the rule met the reported number in nearly all recordings of its kind
    CLOSE = "close"  # a few tokens off
    GUESS = "guess"  # the tokenizer or the format is not known
    LOWER_BOUND = "lower_bound"  # something that cannot be seen was counted too


_ORDER = tuple(Confidence)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Tokens that no provider reported.

    `reason` names what lowered the confidence, separated by commas; it is empty where nothing did.
    """

    tokens: int
    method: Method
    confidence: Confidence
    reason: str = ""


@dataclass(slots=True)
class Doubts:
    """What lowers the confidence in an estimate, collected while a request is read."""

    _reasons: dict[str, Confidence] = field(default_factory=dict[str, Confidence])

    def add(self, reason: str, confidence: Confidence) -> None:
        """Note a reason; a second doubt for the same reason keeps the graver one."""
        known = self._reasons.get(reason, confidence)
        self._reasons[reason] = max(known, confidence, key=_ORDER.index)

    def hide(self, what: str) -> None:
        """Note that `what` was counted by the provider and cannot be counted here."""
        self.add(what, Confidence.LOWER_BOUND)

    def settle(self, tokens: int, method: Method) -> Estimate:
        """Return the estimate with the confidence of the gravest doubt."""
        confidence = max(self._reasons.values(), key=_ORDER.index, default=Confidence.EXACT)
        return Estimate(max(tokens, 0), method, confidence, ", ".join(self._reasons))
