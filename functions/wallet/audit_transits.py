"""Audit money between cells: what this cell has received of each other is a prefix of what that one has sent."""

import logging
from datetime import UTC
from typing import Final

from functions.wallet.ports import TransitAuditWork
from shared.contracts.gen.wallet_pb2 import AuditTransitsRequest, AuditTransitsResponse
from shared.errors import Unavailable

log = logging.getLogger(__name__)

INVARIANT: Final = "received_is_a_prefix_of_sent"


def audit_transits(request: AuditTransitsRequest, work: TransitAuditWork) -> AuditTransitsResponse:
    """Compare this cell's arrivals with their givers, without clocks: the receiver is read first.

    So whatever it has received must have been sent when the giver is asked. Cells that cannot be asked are unchecked.
    """
    response = AuditTransitsResponse()
    with work.transaction() as reading:
        arrived = reading.transits.arrived(request.at.ToDatetime(UTC) if request.HasField("at") else None)
    for giver, (version, received) in arrived.items():
        try:
            sent = work.other_cells.sent(giver, version)
        except Unavailable as error:
            log.warning("what %s has sent is not compared: %s", giver, error)
            response.unchecked.append(f"{INVARIANT} ({giver})")
            continue
        if sent != received or sent.movements != version:
            found = f"{received.movements} movements up to version {version}, {sent.movements} were sent"
            detail = found if sent.movements != received.movements else f"{found}, which differ in what they say"
            response.violations.add(invariant=INVARIANT, subject=giver, detail=detail)
    if not response.unchecked:
        response.checked.append(INVARIANT)
    return response
