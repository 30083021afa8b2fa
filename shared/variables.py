"""Parses environment variables strictly: an invalid one stops the process, with a message that names it and the reason.

Local defaults apply only on the local stack; elsewhere such a variable is either set or absent.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

CHAIN_ID_AT_MOST: Final = (2**64 - 36) // 2
"""EIP-2294."""

DEVELOPMENT_CHAINS: Final = frozenset({1337, 31337})
"""The chain ids of Ganache, anvil and Hardhat, whose keys are public."""

DEVELOPMENT_ADDRESSES: Final = frozenset(
    {
        # The first contracts that anvil's first account creates.
        "0x5fbdb2315678afecb367f032d93f642f64180aa3",
        "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512",
        "0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0",
        "0xcf7ed3acca5a467e9e704c703e8d87f634fb0fc9",
        "0xdc64a140aa3e981100a9beca4e685f962f0cf6c9",
        "0x5fc8d32690cc91d4c39d9d3abcbd16989f875707",
        "0x0165878a594ca255338adfa4d48449f69242eb8f",
        "0xa513e6e4b8f2a923d98304ec87f64353c4d5c853",
        # The accounts of anvil and Hardhat, whose private keys are public.
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
        "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
        "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65",
        "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
        "0x976ea74026e726554db657fa54763abd0c3a0aa9",
        "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
        "0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f",
        "0xa0ee7a142d267c1f36714e4a8f75612f20a79720",
    }
)
"""Addresses whose keys are public, or that anyone's development contracts have, in lower case."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,78}", re.ASCII)
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_HOST_PORT: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}", re.ASCII)


class ConfigurationError(ValueError):
    """The configuration is invalid."""

    def __init__(self, variable: str, why: str) -> None:
        """variable: which one. why: the rest of the sentence, such as `is empty`."""
        super().__init__(f"{variable} {why}.")


class Variables:
    """The variables of one environment."""

    def __init__(self, given: Mapping[str, str], *, local: bool) -> None:
        """local: whether this is the local stack, with defaults and development keys."""
        self._given = given
        self._local = local

    def text(self, name: str, default: str | None = None, pattern: str = r"[^\x00-\x20]+", kind: str = "text") -> str:
        """A text that matches a pattern; the default if it is not set. kind: what it is, for the error message."""
        value = self._given.get(name)
        if value is None or (value == "" == default):
            if default is None:
                raise ConfigurationError(name, "is needed and not set")
            return default
        if not re.fullmatch(pattern, value, re.ASCII):
            raise ConfigurationError(name, f"is {_shown(value)}, which is no {kind}")
        return value

    def one_of(self, name: str, default: str | None, *choices: str) -> str:
        """One of a few choices."""
        value = self._given.get(name, default)
        if value is None:
            raise ConfigurationError(name, f"is needed and not set: one of {', '.join(choices)}")
        if value not in choices:
            raise ConfigurationError(name, f"is {_shown(value)}, which is none of {', '.join(choices)}")
        return value

    def flag(self, name: str, *, default: bool = False, local_only: bool = False) -> bool:
        """`true` or `false`. local_only: must not be true in the cloud."""
        value = self.one_of(name, "true" if default else "false", "true", "false") == "true"
        if value and local_only and not self._local:
            raise ConfigurationError(name, "is true, and is for the local stack alone")
        return value

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """An integer within inclusive bounds."""
        return _integer(name, self._given.get(name, str(default)), least, most)

    def chain_id(self, name: str, local: int) -> int:
        """A chain id; if it is not set, the local default, or 0 in the cloud."""
        if name not in self._given:
            return local if self._local else 0
        return self._chain(name, self._given[name])

    def chain_ids(self, name: str, local: str) -> frozenset[int]:
        """Chain ids; if they are not set, the local default, or none in the cloud."""
        listed = self._given.get(name, local if self._local else None)
        return frozenset() if listed is None else frozenset(self._chain(name, each) for each in listed.split(","))

    def contract(self, name: str, local: str = "") -> str:
        """The address of one of the platform's contracts; empty if it is not set."""
        value = self._given.get(name, local if self._local else "")
        return self._address(name, value) if value else ""

    def addresses(self, name: str) -> frozenset[str]:
        """Addresses in lower case; none if they are not set."""
        return frozenset(self._address(name, each).lower() for each in _listed(self._given.get(name, "")))

    def operators(self, name: str) -> frozenset[str]:
        """Accounts in lower case: `0x...` for a key account, `1:0x...` for a contract on chain 1."""
        return frozenset(self._operator(name, each) for each in _listed(self._given.get(name, "")))

    def redis_url(self, name: str) -> str:
        """A Redis URL, or nothing; in the cloud only over TLS, since the service account's token is the password."""
        scheme, kind = ("rediss?", "redis:// or rediss:// URL") if self._local else ("rediss", "rediss:// URL")
        return self.text(name, "", rf"{scheme}://[^\s/]+(/[0-9]*)?", kind)

    def url(self, name: str, default: str | None = None) -> str:
        """A site's URL: only scheme and authority. In the cloud it must be https."""
        return self._site(name, self.text(name, default))

    def urls(self, name: str, default: str) -> tuple[str, ...]:
        """Sites' URLs."""
        return tuple(self._site(name, each) for each in self.text(name, default).split(","))

    def pairs(self, name: str, value: Callable[[str, str], T], kind: str = r"[a-z0-9_-]+") -> dict[str, T]:
        """Parse `a=1,b=2` with unique names. value: parses (variable, text). kind: the pattern of names."""
        found: dict[str, T] = {}
        for pair in _listed(self._given.get(name, "")):
            key, separator, text = pair.partition("=")
            if not separator or not re.fullmatch(kind, key, re.ASCII) or key in found:
                raise ConfigurationError(name, f"has {_shown(pair)}, which is no further name=value")
            found[key] = value(name, text)
        return found

    def chain_urls(self, name: str) -> dict[int, str]:
        """The nodes' URLs by chain id. In the cloud they must be https, since their responses move money."""
        found = self.pairs(name, self._node, r"[0-9]+")
        return {self._chain(name, chain): url for chain, url in found.items()}

    def asset(self, name: str, text: str) -> str:
        """A token's address; zero stands for the chain's native currency."""
        return text if text == "0x" + "0" * 40 else self._address(name, text)

    def host_port(self, name: str, text: str) -> str:
        """host:port."""
        if not _HOST_PORT.fullmatch(text) or not 0 < int(text.rpartition(":")[2]) < 65536:
            raise ConfigurationError(name, f"has {_shown(text)}, which is no host:port")
        return text

    def host_ports(self, name: str) -> list[str]:
        """host:port,...; none if they are not set."""
        return [self.host_port(name, each) for each in _listed(self._given.get(name, ""))]

    def no_emulators(self) -> None:
        """Refuse emulator variables in the cloud: Google's clients would send data there without TLS or credentials."""
        for name, value in self._given.items():
            if name.endswith("_EMULATOR_HOST") and value and not self._local:
                raise ConfigurationError(name, "is set, and emulators are for the local stack alone")

    def _site(self, name: str, text: str) -> str:
        url = text.rstrip("/")
        try:
            parts = urlsplit(url)
            fine = bool(parts.hostname) and url == f"{parts.scheme}://{parts.netloc}" and parts.port != 0
        except ValueError:
            fine = False
        if not fine or parts.username is not None or parts.scheme not in ("http", "https"):
            raise ConfigurationError(
                name, f"has {_shown(text)}, which is no URL of a site, such as https://shop.example"
            )
        if parts.scheme != "https" and not self._local:
            raise ConfigurationError(name, f"has {_shown(text)}, which is not https")
        return url

    def _node(self, name: str, text: str) -> str:
        scheme, separator, rest = text.partition("://")
        if not separator or not rest or scheme not in (("http", "https") if self._local else ("https",)):
            raise ConfigurationError(name, "has a node that is not reached over https")  # its URL may hold a key
        return text

    def _chain(self, name: str, text: str) -> int:
        chain = _integer(name, text, 1, CHAIN_ID_AT_MOST)
        if chain in DEVELOPMENT_CHAINS and not self._local:
            raise ConfigurationError(name, f"has {chain}, which is the id of development chains")
        return chain

    def _address(self, name: str, text: str) -> str:
        if not _ADDRESS.fullmatch(text) or int(text, 16) < 2**16:  # zero, and precompiled contracts
            raise ConfigurationError(name, f"has {_shown(text)}, which is no address of a contract or an account")
        if text.lower() in DEVELOPMENT_ADDRESSES and not self._local:
            raise ConfigurationError(name, f"has {text}, which is an address of development chains")
        return text

    def _operator(self, name: str, text: str) -> str:
        chain, separator, address = text.rpartition(":")
        of_chain = f"{self._chain(name, chain)}:" if separator else ""
        return of_chain + self._address(name, address).lower()


def _listed(text: str) -> list[str]:
    return text.split(",") if text else []


def _integer(name: str, text: str, least: int, most: int) -> int:
    if not _INTEGER.fullmatch(text):
        raise ConfigurationError(name, f"has {_shown(text)}, which is no whole number")
    if not least <= int(text) <= most:
        raise ConfigurationError(name, f"has {text}, which is not from {least} to {most}")
    return int(text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}...")
