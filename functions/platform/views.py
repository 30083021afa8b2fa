"""What callers see of the platform."""

from shared.contracts.operations import View


class ViolationView(View):
    """Something that breaks an invariant."""

    invariant: str
    subject: str
    detail: str
