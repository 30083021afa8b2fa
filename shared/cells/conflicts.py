"""The conflicts that cells can have with each other, and what resolves each. README.md shows the same table."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Conflict:
    """What two sides may disagree about.

    shown_by: the test that provokes it: module:function, in tests.shared.cells or by its path.
    """

    about: str
    resolved_by: str
    shown_by: str


CONFLICTS: Final = (
    Conflict(
        "two cells sell the last unit",
        "escrow: each sells only units of its own quota",
        "test_quota:test_units_and_rights_are_conserved",
    ),
    Conflict(
        "two cells use up a phase's cap",
        "escrow: each sells only as many as it has rights for",
        "test_quota:test_units_and_rights_are_conserved",
    ),
    Conflict(
        "two cells hold each other's complement, the one units and the other rights",
        "rank: the home first, then by name; the lower one gives",
        "test_quota:test_complements_are_not_swapped",
    ),
    Conflict(
        "an event arrives again, or before an earlier one",
        "version: known ones are ignored, missing ones read from their source",
        "test_streams:test_what_a_receiver_does",
    ),
    Conflict(
        "a stream of one cell has a version in another cell's store",
        "home: the cell in a stream's name writes it, and is the only one that it is received from",
        "shared.outbox.test_other_cells:test_what_another_cell_writes_into_a_stream_is_ignored",
    ),
    Conflict(
        "a copy of another cell's data is told of an older state after a newer one",
        "version: the home counts, and an older one never replaces a newer one",
        "functions.supply.test_replicate_supply:test_it_ends_as_its_home_says",
    ),
    Conflict(
        "two regions serve a cell",
        "epoch: the fence refuses another one; the lease ends before a promoter has waited for it",
        "test_lease:test_a_promoter_waits_longer_than_the_holder_writes",
    ),
    Conflict(
        "a paused process wakes and acknowledges",
        "its own clock: past what was left before it sent, the outcome is unknown",
        "test_lease:test_who_acknowledges",
    ),
    Conflict(
        "a standby is promoted while another is being designated",
        "compare-and-set of one record: one of the two fails",
        "test_record:test_a_promotion_and_a_designation_exclude_each_other",
    ),
    Conflict(
        "a delayed designation arrives after it was given up",
        "generation: the record has been through another one since",
        "test_gate:test_a_joining_standby_that_lags_is_given_up_safely",
    ),
    Conflict(
        "the old primary has a tail that the promoted one lacks",
        "nothing of it has left: it is listed for a person, never re-applied",
        "test_promotion:test_the_lost_tail_is_listed",
    ),
    Conflict(
        "somebody knows an event that the promoted store lacks",
        "none: it cannot be if the gate was kept, so the cell stays closed, and a person decides",
        "test_promotion:test_a_contradiction_keeps_the_cell_closed",
    ),
    Conflict(
        "a payee's wallet is closed while money is under way",
        "the owner's default wallet is credited",
        "test_transit:test_a_closed_target_is_paid_into_the_default_wallet",
    ),
    Conflict(
        "cells' counters of sold units arrive out of order",
        "the account's count of changes: the latest of each cell counts",
        "test_home:test_only_all_units_are_sold_out",
    ),
    Conflict(
        "a supply is deleted while a cell still sells it",
        "every cell closes first; reservations refuse it (409), an unreachable cell leaves it paused (503)",
        "test_home:test_a_supply_is_deleted_once_all_cells_have_closed",
    ),
)
