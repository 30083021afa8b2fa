"""What keeps data: private, encrypted on the way, protected from deletion, recoverable."""

import re
from collections.abc import Iterator
from typing import Final

from tests.infrastructure.policies import policy
from tests.infrastructure.policies.capacity import SQL, flags, primaries
from tests.infrastructure.terraform import ROOT
from tests.infrastructure.world import World, lifecycle

REDIS: Final = "google_redis_cluster"
FIRESTORE: Final = "google_firestore_database"
BUCKET: Final = "google_storage_bucket"

VERSION_AT_LEAST: Final = 17


@policy
def database_servers_are_private_and_encrypt(world: World) -> Iterator[str]:
    for server in world.of(SQL):
        network = server.block("settings", "ip_configuration")
        if network.get("ipv4_enabled") is not False or network.get("authorized_networks"):
            yield f"{server.name}: a public address"
        if network.get("ssl_mode") not in ("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"):
            yield f"{server.name}: plain connections"
        if flags(server).get("cloudsql.iam_authentication") != "on":
            yield f"{server.name}: passwords"


@database_servers_are_private_and_encrypt.broken_by
def a_public_address(world: World) -> None:
    world.one(SQL).values["settings"][0]["ip_configuration"][0]["ipv4_enabled"] = True


@database_servers_are_private_and_encrypt.broken_by
def plain_connections(world: World) -> None:
    world.one(SQL).values["settings"][0]["ip_configuration"][0]["ssl_mode"] = "ALLOW_UNENCRYPTED_AND_ENCRYPTED"


@policy
def every_cell_has_a_server_that_survives(world: World) -> Iterator[str]:
    """A standby in the region, a replica in it and one in another region, and any second of the last days."""
    found = [server.values["region"] for server in primaries(world)]
    if sorted(found) != sorted(world.registry.cells.values()):
        yield f"servers in {found}"
    for server in primaries(world):
        settings, backup = server.block("settings"), server.block("settings", "backup_configuration")
        if settings.get("availability_type") != "REGIONAL":
            yield f"{server.name}: one zone"
        if not (backup.get("enabled") and backup.get("point_in_time_recovery_enabled")):
            yield f"{server.name}: no recovery to a point in time"
        if int(re.sub(r"\D", "", server.values["database_version"])) < VERSION_AT_LEAST:
            yield f"{server.name}: {server.values['database_version']}"
        replicas = [each for each in world.of(SQL) if each.values.get("master_instance_name") == server.name]
        regions = {each.values["region"] for each in replicas}
        if server.values["region"] not in regions:
            yield f"{server.name}: no replica in its region"
        if world.environment == "production" and regions <= {server.values["region"]}:
            yield f"{server.name}: no replica in another region"


@every_cell_has_a_server_that_survives.broken_by
def one_zone(world: World) -> None:
    primaries(world)[0].values["settings"][0]["availability_type"] = "ZONAL"


@every_cell_has_a_server_that_survives.broken_by
def no_point_in_time(world: World) -> None:
    backup = primaries(world)[0].values["settings"][0]["backup_configuration"][0]
    backup["point_in_time_recovery_enabled"] = False


@every_cell_has_a_server_that_survives.broken_by
def an_older_version(world: World) -> None:
    primaries(world)[0].values["database_version"] = "POSTGRES_16"


@policy
def every_service_has_a_database_and_a_login_in_every_cell(world: World) -> Iterator[str]:
    owning = [name for name, service in world.registry.services.items() if service.database]
    databases = {(each.values["instance"], each.name) for each in world.of("google_sql_database")}
    wanted = {(f"cell-{cell}", f"{name}_{cell}") for cell in world.registry.cells for name in owning}
    if databases != wanted:
        yield f"too many {sorted(databases - wanted)}, too few {sorted(wanted - databases)}"
    logins = {(each.values["instance"], each.name) for each in world.of("google_sql_user")}
    for each in world.processes():
        if not each.environment.get("CLOUD_SQL_INSTANCE"):
            continue
        # A standby has its primary's logins.
        instance = each.environment["CLOUD_SQL_INSTANCE"].rpartition(":")[2].removesuffix("-standby")
        if (instance, each.account.removesuffix(".gserviceaccount.com")) not in logins:
            yield f"{each.address}: {each.account} cannot log in to {instance}"
    if any(each.values.get("type") != "CLOUD_IAM_SERVICE_ACCOUNT" for each in world.of("google_sql_user")):
        yield "a login with a password"


@every_service_has_a_database_and_a_login_in_every_cell.broken_by
def a_database_less(world: World) -> None:
    world.resources.remove(world.one("google_sql_database"))


@every_service_has_a_database_and_a_login_in_every_cell.broken_by
def a_login_by_password(world: World) -> None:
    world.one("google_sql_user").values["type"] = "BUILT_IN"


@policy
def redis_encrypts_and_knows_its_clients(world: World) -> Iterator[str]:
    if sorted(each.values["region"] for each in world.of(REDIS)) != sorted(world.registry.regions):
        yield "a Redis cluster in every region"
    for cluster in world.of(REDIS):
        if cluster.values.get("transit_encryption_mode") != "TRANSIT_ENCRYPTION_MODE_SERVER_AUTHENTICATION":
            yield f"{cluster.address}: no TLS"
        if cluster.values.get("authorization_mode") != "AUTH_MODE_IAM_AUTH":
            yield f"{cluster.address}: anybody in the network"
    for each in world.processes():
        url = each.environment.get("REDIS_URL", "")
        if url and not (url.startswith("rediss://") and each.environment.get("REDIS_CLUSTER") == "true"):
            yield f"{each.address}: {url}"


@redis_encrypts_and_knows_its_clients.broken_by
def redis_without_tls(world: World) -> None:
    world.one(REDIS).values["transit_encryption_mode"] = "TRANSIT_ENCRYPTION_MODE_DISABLED"


@redis_encrypts_and_knows_its_clients.broken_by
def plain_redis(world: World) -> None:
    for each in world.processes():
        for variable in each.template["containers"][0].get("env") or ():
            variable["value"] = re.sub("^rediss:", "redis:", variable["value"] or "")


@policy
def what_holds_data_is_protected(world: World) -> Iterator[str]:
    """By the provider, by the API, and where neither does it by Terraform (prevent_destroy)."""
    for server in world.of(SQL):
        if not (
            server.values.get("deletion_protection") and server.block("settings").get("deletion_protection_enabled")
        ):
            yield f"{server.name} can be deleted"
    for cluster in world.of(REDIS):
        if not cluster.values.get("deletion_protection_enabled"):
            yield f"{cluster.address} can be deleted"
    for database in world.of(FIRESTORE):
        if database.values.get("delete_protection_state") != "DELETE_PROTECTION_ENABLED":
            yield f"{database.name} can be deleted"
        if database.values.get("point_in_time_recovery_enablement") != "POINT_IN_TIME_RECOVERY_ENABLED":
            yield f"{database.name}: no recovery to a point in time"
    for kind, name, block in world.blocks():
        if kind == "google_kms_crypto_key" and lifecycle(block).get("prevent_destroy") != [True]:
            yield f"{kind}.{name} can be destroyed"
    for each in world.processes():
        if each.kind != "job" and each.resource.values.get("deletion_protection") is not False:
            yield f"{each.address} holds nothing, and protected it could not be removed with its row"


@what_holds_data_is_protected.broken_by
def a_server_that_can_be_deleted(world: World) -> None:
    world.one(SQL).values["deletion_protection"] = False


@what_holds_data_is_protected.broken_by
def a_key_that_can_be_destroyed(world: World) -> None:
    world.sources = {path: text.replace("prevent_destroy = true", "") for path, text in world.sources.items()}


@what_holds_data_is_protected.broken_by
def a_row_that_cannot_be_removed(world: World) -> None:
    world.process("function", "create_order").resource.values["deletion_protection"] = True


@policy
def documents_delete_themselves(world: World) -> Iterator[str]:
    """What the code stores with a time of deletion has a TTL policy."""
    fields = {
        (e.values["collection"], e.values["field"])
        for e in world.of("google_firestore_field")
        if e.values["ttl_config"]
    }
    modules = [path for folder in ("functions", "shared") for path in (ROOT / folder).rglob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in modules)
    if '"delete_after"' in code and not any(field == "delete_after" for _, field in fields):
        yield "nothing is deleted by delete_after"
    for collection, field in fields:
        if f'"{collection}"' not in code or f'"{field}"' not in code:
            yield f"nothing has {field} in {collection}"


@documents_delete_themselves.broken_by
def another_field(world: World) -> None:
    world.one("google_firestore_field").values["field"] = "expires"


@policy
def nothing_has_a_public_address(world: World) -> Iterator[str]:
    """But the load balancer; its forwarding rules are the only ones."""
    used = {each.values.get("ip_address") for each in world.of("google_compute_global_forwarding_rule")}
    for each in world.of("google_compute_global_address", "google_compute_address"):
        internal = each.values.get("address_type") == "INTERNAL"
        if not internal and not used & {each.values["id"], each.values.get("address"), each.values.get("self_link")}:
            yield f"{each.address} is public, and not the load balancer's"
    for subnet in world.of("google_compute_subnetwork"):
        if subnet.values.get("private_ip_google_access") is not True:
            yield f"{subnet.name}: Google's APIs by public addresses"
    for network in world.of("google_compute_network"):
        if network.values.get("auto_create_subnetworks") is not False:
            yield f"{network.name}: subnets by themselves"
    for bucket in world.of(BUCKET):
        if bucket.values.get("public_access_prevention") != "enforced":
            yield f"{bucket.name}: may be made public"
        if not bucket.values.get("uniform_bucket_level_access"):
            yield f"{bucket.name}: access by object"


@nothing_has_a_public_address.broken_by
def an_address_for_itself(world: World) -> None:
    address = world.one("google_compute_global_address")
    address.values |= {"id": "other", "address": "192.0.2.1", "self_link": "other", "address_type": "EXTERNAL"}


@nothing_has_a_public_address.broken_by
def a_bucket_for_everybody(world: World) -> None:
    world.one(BUCKET).values["public_access_prevention"] = "inherited"
