"""PostgreSQL: creates its data folder, as an ordinary user even if the stack runs as root, which it refuses."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from emulators.stack.errors import StackError
from emulators.stack.ports import HOST

SUPERUSER: Final = "postgres"

SETTINGS: Final = {
    # Tests kill the server and rely on durability: never relax these two.
    "fsync": "on",
    "synchronous_commit": "on",
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "500",
    "shared_buffers": "128MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "wal_buffers": "8MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "10min",
    # The first change of a page after a checkpoint logs all of it.
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_min_duration_statement": "1000",
    # For standbys: how much WAL is kept for one that was cut off, and how soon it tries again.
    "wal_keep_size": "256MB",
    "wal_retrieve_retry_interval": "1s",
}

TEMPORARY: Final = ("/tmp", "/var/tmp")  # noqa: S108
"""Where a private folder is created if the account cannot access the one that the environment names."""

ACCESS: Final = f"host all all {HOST}/32 scram-sha-256\nhost replication {SUPERUSER} {HOST}/32 scram-sha-256\n"
"""pg_hba.conf: password authentication over loopback only."""


@dataclass(frozen=True)
class Cluster:
    """The programs and data folder of a PostgreSQL server, and the account it runs as (None: the caller)."""

    home: Path
    data: Path
    account: pwd.struct_passwd | None

    @property
    def folder(self) -> Path:
        """The folder of everything that the cluster writes."""
        return self.data.parent

    @property
    def command(self) -> tuple[str, ...]:
        """The command of the server."""
        return (str(self.home / "bin" / "postgres"), "-D", str(self.data))

    @property
    def user(self) -> str | None:
        """The account it runs as, for supervisord."""
        return str(self.account.pw_uid) if self.account else None

    def initialise(self, password: str, port: int) -> None:
        """Create the data folder. Raises StackError with initdb's output when it fails."""
        password_file = self.folder / f"initial-password-{self.data.name}"
        password_file.write_text(password, encoding="ascii")
        password_file.chmod(0o600)
        _give(password_file, self.account)
        try:
            made = _run_as(self.account, self._initdb(password_file), cwd=self.folder)
        finally:
            password_file.unlink()
        if made.returncode != 0:
            raise StackError(f"PostgreSQL's initdb failed: {' '.join(made.stderr.split())}")
        settings = {**SETTINGS, "port": str(port)}
        with (self.data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        (self.data / "pg_hba.conf").write_text(ACCESS, encoding="utf-8")

    @property
    def standby(self) -> "Cluster":
        """Its streaming standby."""
        return replace(self, data=self.data.with_name(self.data.name.replace("data", "replica", 1)))

    def of_cell(self, cell: str) -> "Cluster":
        """The server of a cell, where a stack has several; one in another region has that in its name."""
        return replace(self, data=self.folder / f"data-{cell}")

    def follow(
        self, password: str, primary_port: int, port: int, name: str = "walreceiver", through: int | None = None
    ) -> None:
        """Copy the data folder of a running server, which this one then follows under a name. Raises StackError.

        through: the port by which it follows, if that is not the server's own.
        """
        shutil.rmtree(self.data, ignore_errors=True)
        password_file = self.folder / f"{self.data.name}-password"
        password_file.write_text(f"{HOST}:*:*:{SUPERUSER}:{password}\n", encoding="ascii")
        password_file.chmod(0o600)
        _give(password_file, self.account)
        login = f"host={HOST} user={SUPERUSER} passfile={password_file} application_name={name}"
        program = str(self.home / "bin" / "pg_basebackup")
        options = ("--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "--no-sync")
        source = ("-d", f"{login} port={primary_port}", "-D", str(self.data))
        copied = _run_as(self.account, [program, *source, *options], cwd=self.folder)
        if copied.returncode != 0:
            raise StackError(f"PostgreSQL's pg_basebackup failed: {' '.join(copied.stderr.split())}")
        with (self.data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
            file.write(f"port = '{port}'\n")
            if through is not None:
                file.write(f"primary_conninfo = '{login} port={through}'\n")

    def _initdb(self, password_file: Path) -> list[str]:
        return [
            *(str(self.home / "bin" / "initdb"), "-D", str(self.data), "--username", SUPERUSER),
            *("--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"),
            # PostgreSQL's builtin provider: not every machine's C library has C.UTF-8.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--no-sync", "--no-instructions"),
        ]


def prepare(programs: Path, state: Path, account: pwd.struct_passwd | None) -> Cluster:
    """Choose the folders of a cluster, and create that of its data.

    programs: the folder with bin, lib and share, as installed.
    state: the stack's folder; the data goes below it if the account can access it, else to a temporary folder.
    account: what the server runs as; None for the caller.

    Raises StackError when the account can access no folder at all.
    """
    folder = _folder(state, account)
    home = programs
    if not _reaches(account, programs / "bin" / "postgres", "-x") or not _reaches(
        account, programs / "share" / "postgres.bki", "-r"
    ):
        home = _copied(programs, folder, account)
    data = folder / "data"
    return Cluster(home, data, account)


def prepared(programs: Path, folder: Path, account: pwd.struct_passwd | None) -> Cluster:
    """The cluster that `prepare` has made. programs: as there. folder: that of everything that it writes."""
    copied = folder / "programs" / programs.parent.name / programs.name
    return Cluster(copied if copied.exists() else programs, folder / "data", account)


def account() -> pwd.struct_passwd | None:
    """The account PostgreSQL runs as: nobody if the caller is root, else the caller (None)."""
    return pwd.getpwnam("nobody") if os.getuid() == 0 else None


def _folder(state: Path, account: pwd.struct_passwd | None) -> Path:
    inside = state / "postgres"
    inside.mkdir(mode=0o700)
    _give(inside, account)
    if _reaches(account, inside, "-x"):
        return inside
    for parent in (tempfile.gettempdir(), *TEMPORARY):
        outside = Path(tempfile.mkdtemp(prefix="meridian-postgres-", dir=parent))
        _give(outside, account)
        if _reaches(account, outside, "-x"):
            return outside
        outside.rmdir()
    raise StackError(
        "PostgreSQL does not run as root and the user nobody can reach no folder:"
        " start the stack as an ordinary user, or open /tmp to everyone."
    )


def _copied(programs: Path, folder: Path, account: pwd.struct_passwd | None) -> Path:
    """Copy the programs to where the account can read them (42 MB)."""
    package = programs.parent
    libraries = package.with_name(f"{package.name}.libs")  # beside the package, found by relative paths
    home = folder / "programs" / package.name / programs.name
    shutil.copytree(programs, home, symlinks=True, ignore=shutil.ignore_patterns("include", "doc"))
    if libraries.exists():
        shutil.copytree(libraries, folder / "programs" / libraries.name, symlinks=True)
    _give(folder, account)
    for path in (folder / "programs").rglob("*"):
        _give(path, account)
    _give(folder / "programs", account)
    return home


def _give(path: Path, account: pwd.struct_passwd | None) -> None:
    if account:
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _reaches(account: pwd.struct_passwd | None, path: Path, test: str) -> bool:
    return _run_as(account, ["test", test, str(path)], cwd=Path("/")).returncode == 0


def _run_as(account: pwd.struct_passwd | None, command: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program as an account, in a plain environment."""
    return subprocess.run(
        command,
        env={"PATH": os.defpath, "LC_ALL": "C", "HOME": str(cwd)},
        cwd=cwd,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        capture_output=True,
        text=True,
        check=False,
    )
