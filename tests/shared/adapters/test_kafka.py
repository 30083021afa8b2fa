"""How Kafka is reached and written to: Google's managed cluster in the cloud, and what a producer promises."""

import base64
import json
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace

import pytest
from confluent_kafka import Consumer, Producer

from shared.adapters.kafka import KafkaBus, attributes, connection, headers, publishing
from shared.adapters.kafka_group import consuming
from shared.adapters.kafka_tokens import dressed, token
from shared.config import Settings, read
from tests.kafka import Broker
from tests.shared.outbox.facts import event, stream

NOW = 1_795_000_000.0


@pytest.fixture
def cloud(settings: Settings) -> Settings:
    """Settings of the cloud."""
    return replace(settings, environment="production", event_bus="kafka", kafka_bootstrap="bootstrap.example:9092")


def test_google_is_reached_by_its_tokens_over_tls(cloud: Settings) -> None:
    """SASL OAUTHBEARER over TLS, which librdkafka asks us for; the client takes the settings."""
    told = connection(cloud)
    assert (told["security.protocol"], told["sasl.mechanisms"]) == ("SASL_SSL", "OAUTHBEARER")
    assert (told["bootstrap.servers"], told["oauth_cb"]) == ("bootstrap.example:9092", token)
    quiet = {"oauth_cb": lambda _: ("token", NOW * 2), "bootstrap.servers": "127.0.0.1:1", "log_level": 0}
    Producer({**publishing(cloud), **quiet})
    Consumer({**consuming(cloud, "group"), **quiet}).close()


def test_a_local_broker_is_reached_plainly(cloud: Settings) -> None:
    """No token is asked for."""
    told = connection(replace(cloud, environment="local"))
    assert told["security.protocol"] == "PLAINTEXT"
    assert not any(name.startswith("sasl") for name in told)


def test_a_token_is_googles_in_the_form_of_a_jwt() -> None:
    """Header, claims and Google's token, each in base64url without padding; its end is that of Google's."""
    expiry = datetime(2026, 11, 23, 15, 0, 0)
    credentials = SimpleNamespace(token="ya29.secret", expiry=expiry, service_account_email="relay@example.org")
    made, ends = dressed(credentials, NOW)
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
    told = publishing(cloud)
    assert (told["enable.idempotence"], told["acks"]) == (True, "all")
    told = consuming(cloud, "group")
    assert (told["enable.auto.commit"], told["enable.auto.offset.store"]) == (False, False)
    assert told["partition.assignment.strategy"] == "cooperative-sticky"


def test_attributes_come_back_out_of_headers() -> None:
    """As they went in, but for the partition, which is the record's; what is no text is a flaw."""
    sent = event(stream(), 1, request_id="request-1", traceparent="").attributes()
    told, flaw = attributes([(name, value) for name, value in headers(sent)], sent["key"].encode())
    assert (told, flaw) == ({name: value for name, value in sent.items() if name != "partition"}, "")
    told, flaw = attributes([("ce_id", b"\xff"), ("ce_type", None)], None)
    assert flaw
    assert (told["ce-type"], told["key"]) == ("", "")


def test_the_transport_is_chosen_by_the_environment(settings: Settings) -> None:
    """Pub/Sub unless told otherwise; another word is refused."""
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
        topic = f"claim-events-{own.region}"
        bus, name = KafkaBus(own, message_seconds=2), stream()
        broker.make(topic)
        assert bus.publish([event(name, 1), event(name, 2)]) == [True, True]
        broker.kill()
        assert bus.publish([event(name, 3), event(name, 4)]) == [False, False]
        broker.start()
        broker.make(topic)
        tries = 0
        while bus.publish([event(name, 3), event(name, 4)]) != [True, True]:
            tries += 1
            assert tries < 20
