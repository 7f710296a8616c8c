"""The Ray cluster that this process works with: joining it, what it has, and whether it is still there."""

import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import ray
from ray._private import ray_constants

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.running.attempt import one_line
from seedscope.pipeline.running.placement import Node

REFRESH_SECONDS = 2.0
GONE_SECONDS = 20.0
"""Ray itself ends a process without a word of its caller's after 60 seconds without the head node."""

NEEDED = "ray>=2.52"
"""The first Ray that asks for a token."""

GO_ON = "What is published is safe. Start the cluster again, then run the same command: it goes on from there."


class Cluster:
    """A cluster that was joined, or Ray on this machine alone.

    Raises:
        UserError: nobody answers at the address, or Ray cannot start.
    """

    def __init__(self, address: str | None) -> None:
        # RAY_ADDRESS is what `ray job submit` gives to what it starts.
        address = address or os.environ.get("RAY_ADDRESS")
        self.alone = not address and not ray.is_initialized()
        """Whether no node can come to it."""
        if not ray.is_initialized():
            with _own_sigterm():
                if address:
                    _join(address)
                else:
                    _start()
        self._head = None if (address or "").startswith("ray://") else ray.get_runtime_context().gcs_address
        self._nodes: list[Node] = []
        self._answered, self._refreshed = time.monotonic(), 0.0

    def nodes(self) -> Sequence[Node]:
        """What each living node has; looked up every few seconds.

        Raises:
            UserError: the head node has not answered for a while.
        """
        now = time.monotonic()
        if self._nodes and now - self._refreshed < REFRESH_SECONDS:
            return self._nodes
        self._refreshed = now
        if self.answers():
            found = ray.nodes()  # type: ignore[no-untyped-call]  # Ray leaves it untyped
            self._nodes = [node["Resources"] for node in found if node["Alive"]]
            self._answered = now
        elif now - self._answered > GONE_SECONDS:
            raise UserError(
                f"The Ray cluster at {self._head} has gone: its head has not answered for {GONE_SECONDS:.0f} seconds. {GO_ON}"
            )
        return self._nodes

    def answers(self) -> bool:
        """Whether the head node can be asked: Ray's own questions to one that is gone do not come back."""
        if self._head is None:
            return True
        host, _, port = self._head.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
        except OSError:
            return False
        return True


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep the handler of SIGTERM: Ray puts its own in its place, which ends the process without a word."""
    own = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, own)


def _join(address: str) -> None:
    try:
        _check_listening(address)
        ray.init(address=address, logging_level=logging.WARNING)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise UserError(
            f"--address {address}: no Ray cluster answers there ({one_line(error)}). Start one with `ray start --head`, or "
            "leave --address out (and RAY_ADDRESS unset) to run on this machine. A cluster with token authentication wants "
            "RAY_AUTH_MODE=token, and its token in RAY_AUTH_TOKEN or ~/.ray/auth_token."
        ) from None


def _check_listening(address: str) -> None:
    """Raise OSError if nobody listens at host:port: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


def _start() -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a study of private prompts calls nobody
    _ask_for_a_token()
    try:
        # "local" and not None: a cluster that happens to run on this machine is joined only when it is asked for.
        with _on_loopback():
            ray.init(
                address="local",
                include_dashboard=False,
                logging_level=logging.ERROR,
                object_store_memory=128 * 2**20,
                log_to_driver=False,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"Ray cannot start on this machine ({one_line(error)}). --executor inline runs without it."
        ) from error


def _ask_for_a_token() -> None:
    """Have the Ray that starts here refuse whoever lacks its token, whatever Ray does by default.

    The token is made for this process, and handed on to Ray's own by their environment, which no other user can read.

    Raises:
        UserError: this version of Ray knows no tokens: any process on the machine could run code in it.
    """
    try:
        from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # compiled: it has no types
    except ImportError:
        raise UserError(
            f"Ray {ray.__version__} would let any process on this machine run code in it. Install a newer one: "
            f"pip install '{NEEDED}'. --executor inline runs without Ray."
        ) from None
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    # Ray has read its environment when it was imported.
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Have a Ray that starts here listen on 127.0.0.1 alone, as Ray does by itself on macOS and Windows.

    It takes no such address as an argument: it puts the machine's own in its place.
    """
    before, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
