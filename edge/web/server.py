"""Serves the API in the event loop of the daemon, on TCP and on the control socket."""

import asyncio
import contextlib
import socket
import stat
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.errors import StartError
from edge.listening import listen_once_there
from edge.web.connection import BoundedProtocol

BACKLOG = 64  # requests in waiting: a scraper, a browser and a command line are what there is
SOCKET_MODE = 0o660  # the service's user and group; who else may ask asks over TCP
PROBE_S = 0.5  # a living controller accepts at once; its loop needn't run for that
GRACE_S = 0.5  # for answers under way when the daemon stops


class _EmbeddedServer(uvicorn.Server):
    """Without uvicorn's signal handlers: SIGTERM and SIGINT are the daemon's. And without its ten looks a second
    whether it is to end: it is told.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()
        self._to_end = asyncio.Event()

    def end(self) -> None:
        """Stop serving when the answers under way have ended."""
        self.should_exit = True
        self._to_end.set()

    async def main_loop(self) -> None:
        await self._to_end.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _served(server: _EmbeddedServer, sockets: list[socket.socket]) -> None:
    """Serve until it is told to end. However that ends, the sockets are closed: when cancelled, it leaves them open."""
    try:
        await server.serve(sockets)
    finally:
        for each in sockets:
            each.close()


def dated(app: ASGIApp) -> ASGIApp:
    """The same, whose answers bear the date (RFC 9110 §6.6.1)."""

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [(b"date", formatdate(usegmt=True).encode()), *message["headers"]]
            await send(message)

        await app(scope, receive, sent)

    return answering


ListenTcp = Callable[[str, int], socket.socket]  # host and port; raises StartError


class ApiServer:
    """Listens on a TCP address (host and port) and on a Unix socket at the path ``socket``. ``listen_tcp`` makes the
    former's socket; the operating system's, unless given.
    """

    def __init__(
        self, app: FastAPI, *, listen: tuple[str, int], socket: Path, listen_tcp: ListenTcp | None = None
    ) -> None:
        self._app = app
        self._listen = listen
        self._listen_tcp = listen_tcp if listen_tcp is not None else _listen_tcp
        self._socket_path = socket
        self._inode: int | None = None
        self._server: _EmbeddedServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen and serve.

        :raises StartError: when an address can't be had, or another controller answers on the control socket.
        """
        local = _listen_unix(self._socket_path)
        self._inode = self._socket_path.stat().st_ino
        try:
            sockets = [local, self._listen_tcp(*self._listen)]
        except StartError:
            local.close()
            self._remove_socket()
            raise
        config = uvicorn.Config(
            dated(self._app),
            loop="none",
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,  # it would be renewed each second, whether anybody asks or not
            backlog=BACKLOG,
        )
        self._server = _EmbeddedServer(config)
        self._serving = asyncio.create_task(_served(self._server, sockets))
        is_up = asyncio.create_task(self._server.is_up.wait())
        await asyncio.wait([self._serving, is_up], return_when=asyncio.FIRST_COMPLETED)
        is_up.cancel()
        if self._serving.done():
            await self._serving  # raises what went wrong

    async def stop(self) -> None:
        """Stop listening, let answers under way end, close every connection; within 1 s."""
        if self._server is None or self._serving is None:
            return
        self._server.end()
        done, _ = await asyncio.wait([self._serving], timeout=GRACE_S)
        if not done:
            self._server.force_exit = True
            self._serving.cancel()
            await asyncio.wait([self._serving], timeout=GRACE_S / 2)
        self._remove_socket()

    def _remove_socket(self) -> None:
        """Unlink the socket file, unless another controller has put its own there."""
        with contextlib.suppress(OSError):
            if self._socket_path.stat().st_ino == self._inode:
                self._socket_path.unlink()


def _listen_tcp(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as exc:  # a name that nobody knows is one too
        return listen_once_there("the API's address", host, port, exc, key="[api] listen", backlog=BACKLOG)


def _listen_unix(path: Path) -> socket.socket:
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(SOCKET_MODE)  # before it listens: nobody can have connected
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as exc:
        listener.close()
        raise StartError(
            f"the control socket {path} can't be made ({exc.strerror or exc})",
            remedy="give --socket a path in a folder that this user may write to",
        ) from exc
    return listener


def _clear(path: Path) -> None:
    """Remove the socket that a controller which is gone has left behind."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return  # nothing there, or nothing that can be looked at: binding will tell
    if not stat.S_ISSOCK(mode):
        raise StartError(f"{path} is in the way of the control socket", remedy="remove it or give another --socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_S)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as exc:
            raise StartError(
                f"the control socket {path} can't be taken over ({exc.strerror or exc})",
                remedy="remove it or give another --socket",
            ) from exc
        else:
            raise StartError(
                f"another controller runs: it answers on {path}", remedy="stop it or give another --socket"
            )
