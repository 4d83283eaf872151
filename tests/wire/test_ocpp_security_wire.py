"""Security profiles 0 to 3 on real sockets: for each the right peer gets in, and the wrong ones don't."""

import asyncio
import contextlib
import resource
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography import x509
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.protocol import State
from websockets.typing import Subprotocol

from edge.ocpp import keys
from edge.ocpp.crowd import MAX_ARRIVING
from edge.ocpp.settings import Listener, SecurityProfile, StationSecurity, TlsFiles, UnknownStations
from edge.ocpp.timings import LinkTimings
from edge.ocpp.turned_away import MOST_TOLD
from tests.unit.ocpp.ocpp_bench import call
from tests.wire.ocpp_site import HURRY, PATIENCE_S, Cloud, Gateway, eventually, round_trip, running
from tests.wire.pki import PAST, TO_COME, Authority, Pair

KEY = bytes(range(0, 200, 10))  # 20 bytes, no text
RIGHT = {"Authorization": keys.header("CP-01", KEY)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this module's certificates are."""
    return tmp_path_factory.mktemp("pki")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    """The authority that all trust."""
    return Authority(folder, "right")


@pytest.fixture(scope="module")
def stranger(folder: Path) -> Authority:
    """An authority that nobody trusts."""
    return Authority(folder, "stranger")


@pytest.fixture(scope="module")
def server(authority: Authority) -> Pair:
    """The gateway's certificate."""
    return authority.issue("gateway", server=True)


def files(pair: Pair, authority: Authority) -> TlsFiles:
    """The gateway's files toward its stations."""
    return TlsFiles(certificate=pair.certificate, private_key=pair.key, ca=authority.own.certificate)


def trusting(authority: Authority | None, shown: Pair | None = None) -> ssl.SSLContext:
    """A station's side of TLS: whom it trusts (None: anybody), and what it shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(authority.own.certificate)
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


@asynccontextmanager
async def secured(
    profile: SecurityProfile, tls: TlsFiles | None = None, **options: Any
) -> AsyncIterator[tuple[Gateway, Cloud]]:
    """A gateway whose only station has a key and this profile."""
    security = {"CP-01": StationSecurity(profile=profile, key_hash=keys.hashed(KEY))}
    if tls is not None:
        options |= {"tls": tls, "tls_listen": Listener(host="127.0.0.1", port=0)}
    async with running("CP-01", profile=profile, security=security, **options) as both:
        yield both


async def comes(
    gateway: Gateway,
    *,
    tls: ssl.SSLContext | None = None,
    path: str = "/CP-01",
    headers: Mapping[str, str] | None = None,
    source: str = "127.0.0.1",
    offers: str = "ocpp1.6",
) -> ClientConnection:
    """A station's handshake."""
    scheme, port = ("wss", gateway.server.tls_port) if tls is not None else ("ws", gateway.server.port)
    return await connect(
        f"{scheme}://127.0.0.1:{port}{path}",
        subprotocols=[Subprotocol(offers)],
        additional_headers=headers or {},
        ssl=tls,
        proxy=None,
        local_addr=(source, 0),
        open_timeout=PATIENCE_S,
        close_timeout=0.2,
    )


async def is_refused(gateway: Gateway, **shown: Any) -> int | None:
    """The station doesn't get in; the HTTP status, None where TLS or TCP already refuses."""
    try:
        station = await comes(gateway, **shown)
    except InvalidStatus as refused:
        return refused.response.status_code
    except (OSError, InvalidHandshake, EOFError):
        return None
    # With TLS 1.3 a client's certificate is judged after its handshake is done.
    with pytest.raises(Exception, match=r"."):
        await station.recv()
    raise AssertionError("it got in")


async def test_profile_0_asks_for_nothing() -> None:
    """Where it is configured. Not in: another identity, none, one whose profile is 1, another machine while the station
    is there, no WebSocket, TLS on the plain port, none of our editions; and the station is undisturbed by all."""
    security = {
        "CP-01": StationSecurity(profile=SecurityProfile.NONE),
        "CP-02": StationSecurity(profile=SecurityProfile.BASIC, key_hash=keys.hashed(KEY)),
    }
    async with running("CP-01", "CP-02", security=security) as (gateway, cloud):
        station = await comes(gateway)
        await round_trip(station, cloud)
        assert await is_refused(gateway, path="/CP-03") == 404
        assert await is_refused(gateway, path="/") == 404
        assert await is_refused(gateway, path="/CP-02") == 401
        assert await is_refused(gateway, source="127.0.0.2") == 409
        assert await raw_answer(gateway, b"GET /CP-01 HTTP/1.1\r\nHost: x\r\n\r\n") == b"HTTP/1.1 426 Upgrade Required"
        assert not (await raw_answer(gateway, CLIENT_HELLO)).startswith(b"HTTP/1.1 101")
        with pytest.raises(ConnectionClosed):  # OCPP-J 1.6 §3.2: the handshake is completed, then closed
            await (await comes(gateway, source="127.0.0.2", offers="ocpp1.5")).recv()
        await round_trip(station, cloud, "2")
        await station.close()
        assert len(cloud.connections) == 1


CLIENT_HELLO = bytes.fromhex("16030100090100000503030d0a0d0a")  # the record of one; some byte of it ends a line


async def raw_answer(gateway: Gateway, text: bytes, source: str = "127.0.0.1") -> bytes:
    """The first line that comes back to this, and nothing where the gateway just hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port, local_addr=(source, 0))
    try:
        writer.write(text)
        async with asyncio.timeout(PATIENCE_S):
            return (await reader.read()).partition(b"\r\n")[0]
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_crowd_of_strangers_does_not_fill_the_log() -> None:
    """A peer may have any number of addresses, and no handshake costs it nothing: each is told of once, and the first
    of an hour only; the list has the newest."""
    async with running("CP-01") as (gateway, _):
        for number in range(1, MOST_TOLD + 6):
            for _ in range(2):
                await raw_answer(gateway, CLIENT_HELLO, source=f"127.0.1.{number}")
        addresses = [line["address"] for line in gateway.logged("refused a connection")]
        assert addresses == [f"127.0.1.{number}" for number in range(1, MOST_TOLD + 1)]
        [last] = [line for line in gateway.capture.entries if "further strangers" in line["event"]]
        assert last["log_level"] == "warning"
        assert gateway.server.turned_away[-1].address == f"127.0.1.{MOST_TOLD + 5}"


@pytest.mark.parametrize("password", [KEY, KEY.hex().encode(), KEY.hex().upper().encode()])
async def test_profile_1_takes_the_key_raw_or_in_digits(password: bytes) -> None:
    """As bytes, as the specification has it, or as its digits (shiv3/ocpp-cp-simulator issue 260)."""
    async with secured(SecurityProfile.BASIC) as (gateway, cloud):
        shown = {"Authorization": keys.header("CP-01", password)}
        station = await comes(gateway, headers=shown)
        await round_trip(station, cloud)
        await station.close()
        assert cloud.connections[0].request is not None
        assert cloud.connections[0].request.headers["Authorization"] == shown["Authorization"]


NOTHING, WRONG = "the station shows no credentials", "the station's credentials are wrong"
WRONG_CREDENTIALS = {
    "nothing": (None, NOTHING),
    "another key": (keys.header("CP-01", KEY[:-1] + b"\x00"), WRONG),
    "another name": (keys.header("CP-02", KEY), "the station's user name isn't its identity"),
    "no key": (keys.header("CP-01", b""), WRONG),
    "no base64": ("Basic ***", NOTHING),
    "another scheme": ("Bearer " + KEY.hex(), NOTHING),
}


@pytest.mark.parametrize(("shown", "why"), WRONG_CREDENTIALS.values(), ids=WRONG_CREDENTIALS.keys())
async def test_profile_1_keeps_others_out(shown: str | None, why: str) -> None:
    """HTTP 401, and the cloud never hears of it; the installer is told what is wrong."""
    async with secured(SecurityProfile.BASIC) as (gateway, cloud):
        assert await is_refused(gateway, headers={"Authorization": shown} if shown else {}) == 401
        assert cloud.connections == []
        (line,) = gateway.logged("refused a connection")
        assert (line["station"], line["why"]) == ("CP-01", why)


async def test_profile_2(authority: Authority, stranger: Authority, server: Pair) -> None:
    """TLS and the key. Not: without TLS, without or with a wrong key, TLS 1.1, a certificate of a stranger."""
    async with secured(SecurityProfile.TLS, files(server, authority)) as (gateway, cloud):
        station = await comes(gateway, tls=trusting(authority), headers=RIGHT)
        await round_trip(station, cloud)
        await station.close()
        assert await is_refused(gateway, headers=RIGHT) == 403
        assert await is_refused(gateway, tls=trusting(authority)) == 401
        wrong = {"Authorization": keys.header("CP-01", bytes(20))}
        assert await is_refused(gateway, tls=trusting(authority), headers=wrong) == 401
        assert await is_refused(gateway, tls=trusting(None, stranger.issue("CP-01")), headers=RIGHT) is None
        old = trusting(None)
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old.minimum_version = ssl.TLSVersion.TLSv1
        assert await is_refused(gateway, tls=old, headers=RIGHT) is None


async def test_a_station_does_not_trust_every_gateway(authority: Authority, stranger: Authority) -> None:
    """An expired certificate of ours, and one of an authority that the station doesn't know, end its handshake."""
    for pair in (authority.issue("gateway", server=True, valid=PAST), stranger.issue("gateway", server=True)):
        async with secured(SecurityProfile.TLS, files(pair, authority)) as (gateway, _):
            with pytest.raises(ssl.SSLCertVerificationError):
                await comes(gateway, tls=trusting(authority), headers=RIGHT)


async def test_profile_3(authority: Authority, stranger: Authority, server: Pair) -> None:
    """A certificate of its own. Not: none, another's, a stranger's, an expired one, a key instead, no TLS."""
    async with secured(SecurityProfile.MUTUAL, files(server, authority)) as (gateway, cloud):
        station = await comes(gateway, tls=trusting(authority, authority.issue("CP-01")))
        await round_trip(station, cloud)
        await station.close()
        wrong = {
            "none": None,
            "a stranger's": stranger.issue("CP-01"),
            "an expired one": authority.issue("CP-01", valid=PAST),
        }
        for shown in wrong.values():
            assert await is_refused(gateway, tls=trusting(authority, shown), headers=RIGHT) is None
        assert await is_refused(gateway, tls=trusting(authority, authority.issue("CP-02"))) == 403
        assert await is_refused(gateway, headers=RIGHT) == 403
        assert len(cloud.connections) == 1


def distrust(port: int, tls: ssl.SSLContext) -> None:
    """A handshake that ends with the peer's alert, as asyncio's own doesn't."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        tls.wrap_socket(plain, server_hostname="127.0.0.1")


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_failed_handshake_of_tls_is_told(
    authority: Authority, stranger: Authority, server: Pair, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    """What an installer looks for when a station stays away: who and why, in the log and in the list; on the loop of
    the gateway, too. Who opens the port and leaves isn't told of."""

    async def tell() -> None:
        async with secured(SecurityProfile.MUTUAL, files(server, authority)) as (gateway, _):
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.server.tls_port)
            writer.close()
            await writer.wait_closed()
            assert await is_refused(gateway, tls=trusting(authority)) is None
            assert await is_refused(gateway, tls=trusting(authority, stranger.issue("CP-01"))) is None
            await asyncio.to_thread(distrust, gateway.server.tls_port, trusting(stranger))
            with pytest.raises((OSError, InvalidHandshake, EOFError)):
                await connect(f"ws://127.0.0.1:{gateway.server.tls_port}/CP-01", proxy=None)
            told = [line["why"] for line in gateway.logged("refused a connection")]
            assert [each.why for each in gateway.server.turned_away] == told
            assert {line["address"] for line in gateway.logged("refused a connection")} == {"127.0.0.1"}
            assert {each.address for each in gateway.server.turned_away} == {"127.0.0.1"}
            assert [why.partition(":")[0] for why in told] == [
                "it shows no certificate of its own",
                "its certificate isn't trusted",
                "it doesn't trust this gateway's certificate",
                "it speaks without TLS (ws",
            ]

    run(tell())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_handshakes_of_tls_under_way_end_with_the_gateway(
    authority: Authority, server: Pair, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    """Who has connected and says nothing is hung up on when the gateway stops, and whoever is in when it does."""

    async def stop() -> None:
        timings = LinkTimings(handshake_s=1000.0)
        async with secured(SecurityProfile.TLS, files(server, authority), timings=timings) as (gateway, cloud):
            station = await comes(gateway, tls=trusting(authority), headers=RIGHT)
            await round_trip(station, cloud)
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.tls_port)
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_S):
            await read_to_the_end(reader)
        assert station.state is State.CLOSED
        writer.close()

    run(stop())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_tls_where_no_descriptor_is_left(
    authority: Authority, server: Pair, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    """Who comes is hung up on, and the next gets in once there is one."""

    async def come() -> None:
        async with secured(SecurityProfile.TLS, files(server, authority)) as (gateway, cloud):
            with socket.create_connection(("127.0.0.1", gateway.server.tls_port)) as plain, one_descriptor_left():
                plain.setblocking(False)
                async with asyncio.timeout(PATIENCE_S):
                    with contextlib.suppress(ConnectionError):
                        assert await asyncio.get_running_loop().sock_recv(plain, 1) == b""
            station = await comes(gateway, tls=trusting(authority), headers=RIGHT)
            await round_trip(station, cloud)
            await station.close()

    run(come())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_crowd_that_begins_no_tls(
    authority: Authority, server: Pair, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    """Of one address so many may be about to shake hands, and a handshake of TLS is one; who leaves makes room."""

    async def crowd() -> None:
        timings = LinkTimings(handshake_s=1000.0)
        async with secured(SecurityProfile.TLS, files(server, authority), timings=timings) as (gateway, _):
            port, more = gateway.server.tls_port, 10
            opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_ARRIVING + more)]
            await eventually(lambda: sum(reader.at_eof() for reader, _ in opened) == more)
            assert await is_refused(gateway, tls=trusting(authority), headers=RIGHT) is None
            for _, writer in opened:
                writer.close()
            async with asyncio.timeout(PATIENCE_S):
                while await is_refused(gateway, tls=trusting(authority)) != HTTPStatus.UNAUTHORIZED:  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.05)  # until the gateway has heard of it, too

    with many_descriptors():
        run(crowd())


@contextlib.contextmanager
def many_descriptors() -> Iterator[None]:
    """Both ends of many connections are in this process."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, min(most, 4096)), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))


@contextlib.contextmanager
def one_descriptor_left() -> Iterator[None]:
    """This process may open one file, and no more."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path("/dev/null").open("rb") as lowest:
        free = lowest.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))


async def test_a_certificate_may_have_the_serial_number(authority: Authority, server: Pair) -> None:
    """Its common name is what the site file says, where that isn't the identity."""
    security = {"CP-01": StationSecurity(profile=SecurityProfile.MUTUAL, certificate_name="SN-42")}
    options: dict[str, Any] = {"tls": files(server, authority), "tls_listen": Listener(host="127.0.0.1", port=0)}
    async with running("CP-01", security=security, **options) as (gateway, cloud):
        station = await comes(gateway, tls=trusting(authority, authority.issue("SN-42")))
        await round_trip(station, cloud)
        await station.close()
        assert await is_refused(gateway, tls=trusting(authority, authority.issue("CP-01"))) == 403


async def test_stations_of_two_profiles(authority: Authority, server: Pair) -> None:
    """One with a certificate and one with a key are let in side by side, and neither with what the other has."""
    security = {
        "CP-01": StationSecurity(profile=SecurityProfile.MUTUAL),
        "CP-02": StationSecurity(profile=SecurityProfile.TLS, key_hash=keys.hashed(KEY)),
    }
    options: dict[str, Any] = {"tls": files(server, authority), "tls_listen": Listener(host="127.0.0.1", port=0)}
    async with running("CP-01", "CP-02", security=security, **options) as (gateway, cloud):
        with_key = {"Authorization": keys.header("CP-02", KEY)}
        first = await comes(gateway, tls=trusting(authority, authority.issue("CP-01")))
        second = await comes(gateway, tls=trusting(authority), path="/CP-02", headers=with_key)
        await eventually(lambda: cloud.open == 2)
        for station in (first, second):
            await station.send(call("1", "Heartbeat"))
            assert await cloud.hears() == call("1", "Heartbeat")
            await station.close()
        assert await is_refused(gateway, tls=trusting(authority), headers=RIGHT) == 403
        shown = trusting(authority, authority.issue("CP-02"))
        assert await is_refused(gateway, tls=shown, path="/CP-02") == 401


async def test_a_renewed_certificate_is_used(folder: Path, authority: Authority, stranger: Authority) -> None:
    """New handshakes see it, also of another authority; who is connected stays; a broken file changes nothing."""
    used = Pair(folder / "renewed.pem", folder / "renewed.key")
    put(used, authority.issue("gateway", server=True))
    timings = LinkTimings(tick_every_s=0.02, certificates_every_s=0.02)
    async with secured(SecurityProfile.TLS, files(used, authority), timings=timings) as (gateway, cloud):
        station = await comes(gateway, tls=trusting(authority), headers=RIGHT)
        used.certificate.write_text("no certificate")
        await eventually(lambda: gateway.logged("kept the old certificate toward stations"))
        put(used, stranger.issue("gateway", server=True))
        await eventually(lambda: gateway.logged("took over new certificate files toward stations"))
        await round_trip(station, cloud)
        await station.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await comes(gateway, tls=trusting(authority), headers=RIGHT)
        again = await comes(gateway, tls=trusting(stranger), headers=RIGHT)
        await again.close()


def put(place: Pair, pair: Pair) -> None:
    """Put a certificate and its key where the gateway looks for them, key first."""
    for source, target in ((pair.key, place.key), (pair.certificate, place.certificate)):
        fresh = target.with_suffix(".new")
        shutil.copyfile(source, fresh)
        fresh.replace(target)


async def test_an_unknown_station_waits_whatever_the_profile() -> None:
    """It proves nothing, and nothing is relayed of it."""
    async with (
        secured(SecurityProfile.BASIC, unknown=UnknownStations.WAIT) as (gateway, cloud),
        gateway.station("/CP-99") as station,
    ):
        await station.send(call("1", "Heartbeat"))
        await eventually(lambda: len(gateway.server.waiting) == 1)
        assert cloud.connections == []


async def test_who_has_proved_it_takes_over() -> None:
    """A second connection with the right key ends the first, wherever it comes from; without it, it doesn't."""
    async with secured(SecurityProfile.BASIC) as (gateway, cloud):
        first = await comes(gateway, headers=RIGHT)
        assert await is_refused(gateway) == 401
        await round_trip(first, cloud)
        async with gateway.station(source="127.0.0.2", additional_headers=RIGHT) as second:
            await first.wait_closed()
            await round_trip(second, cloud, "2")
        assert gateway.logged("a second connection claims a station's identity")[0]["taken_over"]


# Toward the cloud.


@asynccontextmanager
async def cloud_behind_tls(
    pair: Pair, ca: Authority | None, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
) -> AsyncIterator[tuple[int, list[ServerConnection]]]:
    """A CSMS behind TLS, which wants certificates of ``ca``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    context.load_cert_chain(pair.certificate, pair.key)
    if ca is not None:
        context.load_verify_locations(ca.own.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    met: list[ServerConnection] = []

    async def meet(connection: ServerConnection) -> None:
        met.append(connection)
        await connection.wait_closed()

    async with serve(meet, "127.0.0.1", 0, ssl=context, subprotocols=[Subprotocol("ocpp1.6")]) as listening:
        yield next(iter(listening.sockets)).getsockname()[1], met


@pytest.mark.parametrize("own_key", [None, b"another key, of 16 bytes"])
async def test_the_cloud_behind_tls(authority: Authority, server: Pair, own_key: bytes | None) -> None:
    """Met with the gateway's certificate and the station's key, or the one that the site file has for it."""
    shown = authority.issue("gateway")
    tls = TlsFiles(certificate=shown.certificate, private_key=shown.key, ca=authority.own.certificate)
    security = {"CP-01": StationSecurity(profile=SecurityProfile.NONE, cloud_key=own_key)}
    async with cloud_behind_tls(server, authority) as (port, met):
        options: dict[str, Any] = {
            "upstream": f"wss://127.0.0.1:{port}/{{path}}",
            "cloud_tls": tls,
            "security": security,
        }
        async with running("CP-01", **options) as (gateway, _):
            station = await comes(gateway, headers=RIGHT, path="/a/b/CP-01")
            await eventually(lambda: met)
            assert met[0].request is not None
            assert met[0].request.path == "/a/b/CP-01"
            expected = keys.header("CP-01", own_key) if own_key is not None else RIGHT["Authorization"]
            assert met[0].request.headers["Authorization"] == expected
            ends = x509.load_pem_x509_certificate(server.certificate.read_bytes()).not_valid_after_utc
            await eventually(lambda: gateway.server.tls.shown == {f"127.0.0.1:{port}": ends})
            await station.close()


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_cloud_that_asks_for_a_certificate(authority: Authority, server: Pair, newest: ssl.TLSVersion) -> None:
    """The site file has none for it: its refusal has no words, and what it may be is said."""
    async with cloud_behind_tls(server, authority, newest) as (port, met):
        tls = TlsFiles(ca=authority.own.certificate)
        options: dict[str, Any] = {"upstream": f"wss://127.0.0.1:{port}/{{station}}", "cloud_tls": tls}
        async with running("CP-01", **options) as (gateway, _), gateway.station():
            await eventually(lambda: gateway.logged("can't reach the cloud"))
            told = gateway.logged("can't reach the cloud")[0]["problem"]
            assert told.endswith("does it ask for a certificate of this gateway's ([ocpp.cloud])?")
            assert met == []


async def test_a_cloud_that_cannot_be_trusted(authority: Authority, stranger: Authority) -> None:
    """An expired certificate, a stranger's, one of another name: never sent anything; the station stays connected."""
    wrong = {
        "certificate has expired": authority.issue("cloud", server=True, valid=PAST),
        "unable to get local issuer": stranger.issue("cloud", server=True),
        "IP address mismatch": authority.issue("cloud", server=True, address="127.0.0.9"),
    }
    for problem, pair in wrong.items():
        async with cloud_behind_tls(pair, None) as (port, met):
            tls = TlsFiles(ca=authority.own.certificate)
            options: dict[str, Any] = {"upstream": f"wss://127.0.0.1:{port}/{{station}}", "cloud_tls": tls}
            async with running("CP-01", **options) as (gateway, _), gateway.station():
                await eventually(lambda: gateway.logged("can't reach the cloud"))
                told = gateway.logged("can't reach the cloud")[0]["problem"]
                assert problem in told
                assert ("clock" in told) is ("expired" in problem)
                assert met == []


@pytest.mark.parametrize(("valid", "why"), [(TO_COME, "is not yet valid"), (PAST, "has expired")])
async def test_a_certificate_of_another_time(authority: Authority, valid: tuple[str, str], why: str) -> None:
    """It may be the gateway's clock that is wrong: what it shows is said."""
    async with cloud_behind_tls(authority.issue("cloud", server=True, valid=valid), None) as (port, _):
        tls = TlsFiles(ca=authority.own.certificate)
        options: dict[str, Any] = {"upstream": f"wss://127.0.0.1:{port}/{{station}}", "cloud_tls": tls}
        async with running("CP-01", **options) as (gateway, _), gateway.station():
            await eventually(lambda: gateway.logged("can't reach the cloud"))
            told = gateway.logged("can't reach the cloud")[0]["problem"]
            assert told.startswith(f"its certificate isn't trusted: certificate {why} (this gateway's clock shows 20")


@pytest.mark.parametrize("speaks", ["no TLS", "TLS 1.1"])
async def test_a_cloud_without_a_good_tls(authority: Authority, server: Pair, speaks: str) -> None:
    """Where the site file has wss://, neither a plain socket nor an old TLS is taken in its place."""
    context: ssl.SSLContext | None = None
    if speaks == "TLS 1.1":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.certificate, server.key)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = ssl.TLSVersion.TLSv1_1
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
    met: list[ServerConnection] = []

    async def meet(connection: ServerConnection) -> None:
        met.append(connection)

    async with serve(meet, "127.0.0.1", 0, ssl=context, subprotocols=[Subprotocol("ocpp1.6")]) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        tls = TlsFiles(ca=authority.own.certificate)
        options: dict[str, Any] = {"upstream": f"wss://127.0.0.1:{port}/{{station}}", "cloud_tls": tls}
        async with running("CP-01", **options) as (gateway, _), gateway.station():
            await eventually(lambda: gateway.logged("can't reach the cloud"))
            assert met == []


async def test_strangers_at_the_door_disturb_nobody() -> None:
    """Five hundred connections that say nothing end when their time is up; a station is served meanwhile."""
    timings = LinkTimings(handshake_s=0.5, tick_every_s=0.05)
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, min(most, 4096)), most))  # both ends are in this process
    async with running("CP-01", timings=timings) as (gateway, cloud), gateway.station() as station:
        await round_trip(station, cloud)
        silent = [await asyncio.open_connection("127.0.0.1", gateway.server.port) for _ in range(500)]
        await round_trip(station, cloud, "2")
        cut = [reader for reader, _ in silent if reader.at_eof()]
        assert len(cut) < len(silent)
        for reader, writer in silent:
            async with asyncio.timeout(PATIENCE_S):
                await read_to_the_end(reader)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await round_trip(station, cloud, "3")
    assert HURRY.handshake_s > HURRY.dial_s + HURRY.takeover_ping_s


async def read_to_the_end(reader: asyncio.StreamReader) -> None:
    """Whatever the gateway still says, until it hangs up."""
    try:
        while await reader.read(1000):
            pass
    except ConnectionError:
        return
