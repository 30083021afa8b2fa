"""The changes of a cell's record: each compares before it sets."""

from dataclasses import replace

from shared.cells.record import CellRecord, designated, opened, promoted, renewed

RECORD = CellRecord("us", "here", epoch=3, renewal=7, standby="there", generation=2)


def test_only_the_region_that_serves_renews() -> None:
    after = renewed(RECORD, "here", 3, "keeper")
    assert after == replace(RECORD, renewal=8, holder="keeper")
    assert renewed(RECORD, "there", 3, "keeper") is None
    assert renewed(RECORD, "here", 2, "keeper") is None
    assert renewed(replace(RECORD, opening=True), "here", 3, "keeper") is None


def test_only_the_designated_standby_is_promoted_and_only_without_a_renewal_since() -> None:
    after = promoted(RECORD, RECORD, "there", "promoter")
    assert after is not None
    assert (after.region, after.epoch, after.standby, after.opening) == ("there", 4, "", True)
    assert promoted(RECORD, RECORD, "elsewhere", "promoter") is None
    assert promoted(replace(RECORD, renewal=8), RECORD, "there", "promoter") is None
    assert promoted(replace(RECORD, standby=""), RECORD, "", "promoter") is None
    assert opened(after, 4) == replace(after, opening=False)
    assert opened(after, 3) is None


def test_a_promotion_and_a_designation_exclude_each_other() -> None:
    undesignated = designated(RECORD, 3, 2, "")
    assert undesignated is not None
    assert promoted(undesignated, RECORD, "there", "promoter") is None
    after = promoted(RECORD, RECORD, "there", "promoter")
    assert after is not None
    assert designated(after, 3, 2, "") is None
