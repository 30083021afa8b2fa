"""How a process logs in to Redis in the cloud: with its service account's access token, over TLS.

Memorystore takes the token as the password of the user `default`, at the beginning of a connection; a later connection
brings a fresh one. Its nodes' certificates are signed by the cluster's own authorities, which are mounted as
the secret REDIS_AUTHORITIES.
(https://cloud.google.com/memorystore/docs/cluster/about-iam-auth, about-in-transit-encryption)
"""

from typing import Any, Final

from shared.config import Settings
from shared.config_values import secret_file
from shared.requirements import REDIS_AUTHORITIES

USER: Final = "default"


class AccountLogin:
    """A redis-py credential provider."""

    def get_credentials(self) -> tuple[str, str]:
        """The user and the password of a new connection. Raises ConnectionError if Google issues no token."""
        from google.auth.exceptions import GoogleAuthError

        from shared.google_account import valid_credentials

        try:
            return USER, valid_credentials().token
        except GoogleAuthError as error:
            raise ConnectionError("there is no access token to log in with") from error


def login(settings: Settings) -> dict[str, Any]:
    """What the client takes besides the URL: nothing locally, where Redis knows no users."""
    if settings.local:
        return {}
    # Nodes are reached by address. Each cluster has authorities of its own, so a name would prove nothing more.
    verified = {"ssl_ca_certs": str(secret_file(settings.secrets_dir, REDIS_AUTHORITIES)), "ssl_check_hostname": False}
    return {"credential_provider": AccountLogin(), **verified}
