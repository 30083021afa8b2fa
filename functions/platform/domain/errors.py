"""The errors of the platform."""

from shared.errors import Unavailable


class NotReady(Unavailable):
    """Something that every request needs cannot be reached from this region."""

    code = "NOT_READY"
    cure = "Send requests to another region; `dependencies` says what is down."
