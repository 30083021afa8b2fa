"""What an audit has found."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation of an invariant."""

    invariant: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditResult:
    """The invariants that were checked, their violations, and the invariants that could not be checked."""

    checked: list[str]
    violations: list[Violation]
    unchecked: list[str] = field(default_factory=list)

    def __add__(self, other: "AuditResult") -> "AuditResult":
        """Both results combined."""
        return AuditResult(
            [*self.checked, *other.checked],
            [*self.violations, *other.violations],
            [*self.unchecked, *other.unchecked],
        )
