"""Audit what this cell has received of others: it is a prefix of what they have given."""

from collections import defaultdict
from typing import Final

from functions.supply.domain.quota import INVARIANT, GrantSum, contradictions
from functions.supply.ports import CellsWork
from shared.contracts.gen.supply_pb2 import AuditQuotasRequest, AuditQuotasResponse
from shared.errors import Unavailable

BATCH: Final = 500


def audit_quotas(request: AuditQuotasRequest, work: CellsWork) -> AuditQuotasResponse:
    """The streams of grants whose sums differ; unchecked if a giver does not answer. One cell alone has none.

    What was received is read first, so that no clock is needed: the givers' events up to there do not change.
    """
    if not work.peers.names:
        return AuditQuotasResponse()
    found: list[tuple[str, str]] = []
    complete = True
    after = None
    while True:
        with work.transaction() as reading:
            received = reading.quotas.received_streams(after, BATCH)
        by_giver: defaultdict[str, list[GrantSum]] = defaultdict(list)
        for each in received:
            by_giver[each.stream.giver].append(each)
        for giver, sums in by_giver.items():
            try:
                found += contradictions(sums, work.peers.given(giver, sums))
            except Unavailable:
                complete = False
        if len(received) < BATCH:
            break
        after = received[-1].stream
    violations = [
        AuditQuotasResponse.Violation(invariant=INVARIANT, subject=subject, detail=detail) for subject, detail in found
    ]
    names = [INVARIANT]
    return AuditQuotasResponse(
        checked=names if complete else [], unchecked=[] if complete else names, violations=violations
    )
