"""The wallet service as identity calls it, over real gRPC."""

from datetime import UTC, datetime

import pytest

from functions.identity.adapters.clients import GrpcWallets
from functions.identity.domain.users import User
from shared.contracts.gen.wallet_pb2 import OpenDefaultRequest, OpenDefaultResponse
from shared.errors import Unavailable
from shared.registry import load
from shared.rpc.channel import RpcChannel
from shared.runtime.binding import BoundOperation
from shared.runtime.rpc import server
from shared.runtime.rpc_caller import claimed_caller

SOMEBODY = User("usr_eu_1", "0xAb", "europe-west1", "eu", datetime.now(UTC))


def test_opening_a_wallet_carries_user_address_and_chain() -> None:
    """What the wallet service of the user's home receives is what was said."""
    received: list[OpenDefaultRequest] = []

    def open_default_wallet(request: OpenDefaultRequest, work: object) -> OpenDefaultResponse:
        received.append(request)
        return OpenDefaultResponse(wallet_id="wal_us_1")

    class NoDatabase:
        def transaction(self) -> "NoDatabase":
            return self

        def __enter__(self) -> None: ...

        def __exit__(self, *failure: object) -> None: ...

    row = load().rows["open_default_wallet"]
    bound = BoundOperation(row, open_default_wallet, NoDatabase, lambda transaction, key: datetime.now(UTC))  # type: ignore[arg-type]
    serving, port = server([bound], 0, "127.0.0.1", claimed_caller)
    serving.start()
    try:
        channels = {"eu": RpcChannel(f"127.0.0.1:{port}", "identity")}
        GrpcWallets(channels.__getitem__, "us").open_default(SOMEBODY, 31337)
    finally:
        serving.stop(0)
    assert received == [OpenDefaultRequest(user_id="usr_eu_1", address="0xAb", chain_id=31337)]


def test_a_wallet_service_that_is_down_is_unavailable() -> None:
    """Nobody listening is 503, not a crash."""
    with pytest.raises(Unavailable):
        GrpcWallets(lambda _: RpcChannel("127.0.0.1:1", "identity"), "us").open_default(SOMEBODY, 1)
