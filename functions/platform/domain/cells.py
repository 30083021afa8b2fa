"""The cells of the deployment, as operators see them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, and where it is.

    home: the region where it began. region: the one that serves it. epoch: counts its promotions, from 1.
    leased: whether it is written under a lease. renewals: how often that was renewed.
    holder: the process that keeps it; empty for none. standby: the region of the designated standby; empty for none.
    opening: whether a promotion is still under way, so that nobody may write yet.
    """

    name: str
    home: str
    region: str
    epoch: int
    leased: bool
    renewals: int
    holder: str
    standby: str
    opening: bool
