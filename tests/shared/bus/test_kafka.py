"""Kafka: the client_config to Google's managed cluster, and the guarantees of the producer."""

import base64
import json
from datetime import datetime
from types import SimpleNamespace

import pytest
from confluent_kafka import Consumer, Producer
from msgspec.structs import replace

from shared.bus.kafka import KafkaBus, attributes, client_config, headers, producer_config
from shared.bus.kafka_group import consumer_config
from shared.bus.kafka_tokens import as_jwt, token
from shared.config import Settings, read
from tests.kafka import Broker
from tests.shared.outbox.sample_events import event, stream, to_row

NOW = 1_795_000_000.0


@pytest.fixture
def cloud(settings: Settings) -> Settings:
    """Settings of the cloud."""
    return replace(settings, environment="production", event_bus="kafka", kafka_bootstrap="bootstrap.example:9092")


def test_google_is_reached_by_its_tokens_over_tls(cloud: Settings) -> None:
    """SASL OAUTHBEARER over TLS, with the token callback of librdkafka; the client accepts the settings."""
    options = client_config(cloud)
    assert (options["security.protocol"], options["sasl.mechanisms"]) == ("SASL_SSL", "OAUTHBEARER")
    assert (options["bootstrap.servers"], options["oauth_cb"]) == ("bootstrap.example:9092", token)
    quiet = {"oauth_cb": lambda _: ("token", NOW * 2), "bootstrap.servers": "127.0.0.1:1", "log_level": 0}
    Producer({**producer_config(cloud), **quiet})
    Consumer({**consumer_config(cloud, "group"), **quiet}).close()


def test_a_local_broker_is_reached_plainly(cloud: Settings) -> None:
    """No token is requested."""
    options = client_config(replace(cloud, environment="local"))
    assert options["security.protocol"] == "PLAINTEXT"
    assert not any(name.startswith("sasl") for name in options)


def test_a_token_is_googles_in_the_form_of_a_jwt() -> None:
    """Header, claims and Google's token, each in base64url without padding; its end is that of Google's."""
    expiry = datetime(2026, 11, 23, 15, 0, 0)
    credentials = SimpleNamespace(token="ya29.secret", expiry=expiry, service_account_email="relay@example.org")
    made, ends = as_jwt(credentials, NOW)
    header, claims, inner = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in made.split("."))
    assert "=" not in made
    assert json.loads(header) == {"typ": "JWT", "alg": "GOOG_OAUTH2_TOKEN"}
    assert json.loads(claims) == {
        **{"exp": ends, "iat": NOW, "iss": "Google", "scope": "kafka"},
        "sub": "relay@example.org",
    }
    assert inner == b"ya29.secret"
    assert ends == 1_795_446_000.0


def test_nothing_is_published_before_every_replica_has_it(cloud: Settings) -> None:
    """An idempotent producer with all acknowledgements; a consumer that commits nothing by itself."""
    options = producer_config(cloud)
    assert (options["enable.idempotence"], options["acks"]) == (True, "all")
    options = consumer_config(cloud, "group")
    assert (options["enable.auto.commit"], options["enable.auto.offset.store"]) == (False, False)
    assert options["partition.assignment.strategy"] == "cooperative-sticky"


def test_attributes_come_back_out_of_headers() -> None:
    """As they went in, but for the partition, which is the record's; what is no text is a flaw."""
    sent = event(stream(), 1, request_id="request-1", traceparent="").attributes()
    options, flaw = attributes([(name, value) for name, value in headers(sent)], sent["key"].encode())
    assert (options, flaw) == ({name: value for name, value in sent.items() if name != "partition"}, "")
    options, flaw = attributes([("ce_id", b"\xff"), ("ce_type", None)], None)
    assert flaw
    assert (options["ce-type"], options["key"]) == ("", "")


def test_the_transport_is_chosen_by_the_environment(settings: Settings) -> None:
    """Pub/Sub by default; an unknown value is refused."""
    known = {
        "MERIDIAN_ENVIRONMENT": "local",
        "MERIDIAN_REGION": settings.region,
        "PUBLIC_URL": settings.public_url,
        "SECRETS_DIR": str(settings.secrets_dir),
        "GOOGLE_CLOUD_PROJECT": settings.project,
    }
    assert read(known).event_bus == "pubsub"
    assert read({**known, "EVENT_BUS": "kafka"}).event_bus == "kafka"
    with pytest.raises(ValueError, match="carrier pigeon"):
        read({**known, "EVENT_BUS": "carrier pigeon"})


def test_a_bus_publishes_again_when_its_broker_is_back(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """While it is gone nothing counts as published; one that has forgotten its producers is published to as before."""
    with Broker(tmp_path_factory.mktemp("broker") / "log") as broker:
        own = replace(settings, event_bus="kafka", kafka_bootstrap=broker.bootstrap)
        topic = f"claim-events-{own.cell}"
        bus, name = KafkaBus(own, message_seconds=2), stream()
        broker.create_topics(topic)
        assert bus.publish(to_row(event(name, 1), event(name, 2))) == [True, True]
        broker.kill()
        assert bus.publish(to_row(event(name, 3), event(name, 4))) == [False, False]
        broker.start()
        broker.create_topics(topic)
        tries = 0
        while bus.publish(to_row(event(name, 3), event(name, 4))) != [True, True]:
            tries += 1
            assert tries < 20
