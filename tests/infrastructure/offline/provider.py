"""A stand-in for Terraform's Google provider: it checks and plans by the real one's schema, and applies to a file.

It speaks protocol 6 with Terraform, which finds its socket by TF_REATTACH_PROVIDERS: so one process serves all commands
of a test, and Terraform starts none (it would start a provider two or three times a command, a second each).
Validation refuses what the schema does not know; a plan is the configuration with what the cloud decides left unknown;
changes are applied to a file (cloud.py). Data sources are answered with made-up values.

    python -m tests.infrastructure.offline.provider SCHEMA CLOUD SOCKET [foreseen]

With `foreseen` a plan also tells what the cloud is going to decide, which it can, since this cloud makes it up.

Runs in `.venv-infra`: the stubs of the protocol need an older protobuf than Meridian.
"""

import json
import sys
from collections.abc import Mapping
from concurrent import futures
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import grpc
import msgpack
from tf.gen import tfplugin_pb2 as protocol
from tf.gen import tfplugin_pb2_grpc as protocol_rpc

from tests.infrastructure.offline.cloud import Cloud, Maker, Refused
from tests.infrastructure.offline.values import Block, Value, complaints, planned, settled

UNKNOWN: Final = msgpack.ExtType(0, b"\x00")
NESTING: Final = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}
WRITE_ONLY: Final = b"\x58\x01"
"""Field 11 of an attribute, which is newer than the stubs."""

IDENTITY: Final = ("name", "location", "region", "zone", "project", "account_id", "secret_id", "network", "topic")
"""Arguments whose change makes a new resource. The schema does not tell; these hold for every type in use."""

FLAGS: Final = ("required", "optional", "computed", "sensitive", "deprecated")


def packed(value: Any) -> protocol.DynamicValue:
    """A value as Terraform reads it."""
    return protocol.DynamicValue(msgpack=msgpack.packb(value))


def unpacked(value: protocol.DynamicValue) -> Any:
    """A value that Terraform sent; None for nothing."""
    return msgpack.unpackb(value.msgpack, strict_map_key=False) if value.msgpack else None


def is_unknown(value: Any) -> bool:
    """Whether Terraform does not know a value yet."""
    return isinstance(value, msgpack.ExtType)


def block_of(block: Block) -> protocol.Schema.Block:
    """A block of the schema, as Terraform reads it."""
    made = protocol.Schema.Block()
    for name, attribute in sorted(block.get("attributes", {}).items()):
        flags = {flag: attribute.get(flag, False) for flag in FLAGS}
        added = made.attributes.add(name=name, type=json.dumps(attribute["type"]).encode(), **flags)
        if attribute.get("write_only"):
            added.MergeFromString(WRITE_ONLY)
    for name, nested in sorted(block.get("block_types", {}).items()):
        items = {bound: nested.get(bound, 0) for bound in ("min_items", "max_items")}
        nesting = NESTING[nested["nesting_mode"]]
        made.block_types.add(type_name=name, block=block_of(nested["block"]), nesting=nesting, **items)
    return made


def schema_of(schema: Mapping[str, Any]) -> protocol.Schema:
    """The schema of a type, as Terraform reads it."""
    return protocol.Schema(version=schema["version"], block=block_of(schema["block"]))


class Provider(protocol_rpc.ProviderServicer):  # type: ignore[misc]
    """The provider's side of the protocol. Its methods are named, and called, by Terraform."""

    def __init__(self, schema: Mapping[str, Any], cloud: Cloud, *, foreseen: bool) -> None:
        self._provider = schema["provider"]
        self._resources = schema["resource_schemas"]
        self._sources = schema["data_source_schemas"]
        self._cloud = cloud
        self._foreseen = foreseen
        self._project = "project"

    def GetMetadata(self, request: Any, context: Any) -> Any:
        return protocol.GetMetadata.Response(
            resources=[{"type_name": name} for name in self._resources],
            data_sources=[{"type_name": name} for name in self._sources],
            server_capabilities={"plan_destroy": True},
        )

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        return self._schema

    @cached_property
    def _schema(self) -> Any:
        return protocol.GetProviderSchema.Response(
            provider=schema_of(self._provider),
            resource_schemas={name: schema_of(schema) for name, schema in self._resources.items()},
            data_source_schemas={name: schema_of(schema) for name, schema in self._sources.items()},
            server_capabilities={"plan_destroy": True},
        )

    def GetFunctions(self, request: Any, context: Any) -> Any:
        return protocol.GetFunctions.Response()

    def StopProvider(self, request: Any, context: Any) -> Any:
        return protocol.StopProvider.Response()

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return protocol.ValidateProviderConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        project = (unpacked(request.config) or {}).get("project")
        self._project = project if isinstance(project, str) else self._project
        return protocol.ConfigureProvider.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        return self._validated(protocol.ValidateResourceConfig.Response(), self._resources, request)

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return self._validated(protocol.ValidateDataResourceConfig.Response(), self._sources, request)

    def _validated(self, response: Any, schemas: Mapping[str, Any], request: Any) -> Any:
        block, value = schemas[request.type_name]["block"], unpacked(request.config)
        for summary, detail, path in complaints(block, value or {}):
            added = response.diagnostics.add(severity=1, summary=summary, detail=detail)
            for step in path:
                key = "element_key_int" if isinstance(step, int) else "attribute_name"
                added.attribute.steps.add(**{key: step})
        return response

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        return protocol.UpgradeResourceState.Response(upgraded_state=packed(json.loads(request.raw_state.json)))

    def ReadResource(self, request: Any, context: Any) -> Any:
        return protocol.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        proposed, prior = unpacked(request.proposed_new_state), unpacked(request.prior_state)
        response = protocol.PlanResourceChange.Response()
        if proposed is not None and prior is None:
            block = self._resources[request.type_name]["block"]
            proposed = planned(block, proposed, UNKNOWN)
            if self._foreseen:
                proposed = self._made(block, request.type_name, proposed)
        elif proposed is not None:
            for name in IDENTITY:
                if name in proposed and proposed[name] != prior[name]:
                    response.requires_replace.add().steps.add(attribute_name=name)
        response.planned_state.CopyFrom(packed(proposed))
        return response

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        kind, wanted, prior = request.type_name, unpacked(request.planned_state), unpacked(request.prior_state)
        response = protocol.ApplyResourceChange.Response()
        try:
            if wanted is None:
                self._cloud.remove(kind, prior)
            else:
                wanted = self._made(self._resources[kind]["block"], kind, wanted)
                self._cloud.put(kind, wanted, new=prior is None)
            response.new_state.CopyFrom(packed(wanted))
        except Refused as refusal:
            response.diagnostics.add(severity=1, summary=str(refusal))
            response.new_state.CopyFrom(request.prior_state)
        return response

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        block = self._sources[request.type_name]["block"]
        value = planned(block, unpacked(request.config), UNKNOWN)
        return protocol.ReadDataSource.Response(state=packed(self._made(block, request.type_name, value)))

    def _made(self, block: Block, kind: str, value: Value) -> Value:
        return settled(block, value, is_unknown, Maker(kind, value, self._project).make)


def main() -> None:
    """Serve until the standard input ends, as it does with the process that started this one."""
    document = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    schema = next(iter(document["provider_schemas"].values()))
    unlimited = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
    server = grpc.server(futures.ThreadPoolExecutor(16), options=unlimited)
    protocol_rpc.add_ProviderServicer_to_server(
        Provider(schema, Cloud(Path(sys.argv[2])), foreseen="foreseen" in sys.argv[4:]), server
    )
    server.add_insecure_port(f"unix:{sys.argv[3]}")
    server.start()
    print("ready", flush=True)
    sys.stdin.read()
    server.stop(0).wait()


if __name__ == "__main__":
    main()
