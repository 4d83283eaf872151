"""`edge run` as a wire: every message of every edition, both ways, through the real process."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from edge.domain.site import Mode
from edge.ocpp.routing import FROM_CLOUD
from edge.ocpp.versions import Version
from simulators.ports import free_endpoints
from tests.wire.schema_messages import digest, messages

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0  # for one message, on a machine that does much else
WHOLE_S = 240.0  # for some 1500 of them on a loaded machine
SITE = """
[site]
id = "wire"
[control]
mode = "{mode}"
[[circuit]]
id = "main"
fuse_a = 63
background_reserve_a = 6
{stations}
[ocpp]
listen = "127.0.0.1:{listen}"
upstream = "ws://127.0.0.1:{cloud}/{{station}}"
[api]
listen = "127.0.0.1:{api}"
[storage]
path = "{folder}/storage"
"""

STATION = """
[[station]]
id = "{id}"
circuit = "main"
[[station.evse]]
id = 1
max_a = 10
"""

# What the gateway answers by itself while it controls, and the station never hears of. A ClearChargingProfile of an id
# that it doesn't know passes, and so does an UpdateDynamicSchedule; of the signed ones here the clear is of everything,
# and can't be told otherwise, and the update names no profile.
OWN = frozenset(
    {
        "GetChargingProfiles",
        "GetCompositeSchedule",
        "SetChargingProfile",
        "SetNetworkProfile",
        "UsePriorityCharging",
    }
)
OWN_SIGNED = frozenset({"ClearChargingProfile-Signed", "UpdateDynamicSchedule-Signed"})
# Starts of a transaction whose profile breaks the rules; without a profile, as the signed ones here, they pass.
STARTS = frozenset({"RemoteStartTransaction", "RequestStartTransaction"})
CHANGED = {"GetLocalListVersion"}  # the answer: 0 for a list that the gateway hasn't seen, so that it is sent whole
UNANSWERED = {
    Version.V21: ('[6, "e1", "NotifyPeriodicEventStream",  {"id": 1}]', '[5, "e2", "FormatViolation", "", {}]')
}


@dataclass
class Ends:
    """The station's and the cloud's end of the wire: what each has said, and what it has heard of the other."""

    station: ClientConnection
    cloud: ServerConnection
    said: dict[str, list[str]] = field(default_factory=lambda: {"station": [], "cloud": []})
    heard: dict[str, list[str]] = field(default_factory=lambda: {"station": [], "cloud": []})

    async def says(self, who: str, text: str) -> str:
        """One end speaks; what the other hears."""
        sends, hears, other = (
            (self.station, self.cloud, "cloud") if who == "station" else (self.cloud, self.station, "station")
        )
        self.said[who].append(text)
        await sends.send(text)
        heard = await passed_on(hears)
        self.heard[other].append(heard)
        return heard


async def passed_on(end: ClientConnection | ServerConnection) -> str:
    """The next message that isn't a CALL of the gateway's own; those are answered."""
    while True:
        async with asyncio.timeout(PATIENCE_S):
            text = str(await end.recv())
        message = json.loads(text)
        if message[0] != 2 or not message[1].startswith("edge-"):
            return text
        await end.send(json.dumps([3, message[1], {"status": "Accepted"}]))


@asynccontextmanager
async def gateway(folder: Path, mode: Mode) -> AsyncIterator[dict[Version, Ends]]:
    """A gateway in a process of its own, between a station of each edition and their clouds; all are connected."""
    met: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def meet(connection: ServerConnection) -> None:
        met.put_nowait(connection)
        await connection.wait_closed()

    protocols = [Subprotocol(version.value) for version in Version]
    async with AsyncExitStack() as stack, asyncio.timeout(WHOLE_S):
        cloud = await stack.enter_async_context(serve(meet, "127.0.0.1", 0, subprotocols=protocols, max_size=None))
        port = next(iter(cloud.sockets)).getsockname()[1]
        listen, api = (each.port for each in free_endpoints(2))
        stations = "".join(STATION.format(id=version.value) for version in Version)
        site = folder / "site.toml"
        values = {"mode": mode.value, "stations": stations, "listen": listen, "cloud": port, "api": api}
        site.write_text(SITE.format(**values, folder=folder), encoding="utf-8")
        await stack.enter_async_context(edge_run(site, folder / "edge.sock"))
        ends = {}
        for protocol, version in zip(protocols, Version, strict=True):
            address = f"ws://127.0.0.1:{listen}/{version.value}"
            dialled = connect(address, subprotocols=[protocol], proxy=None, max_size=None)
            ends[version] = Ends(await stack.enter_async_context(dialled), await met.get())
        yield ends


@asynccontextmanager
async def edge_run(site: Path, socket: Path) -> AsyncIterator[None]:
    """The process; it listens."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "edge", "run", "--config", str(site)),
        *("--socket", str(socket), "--log-format", "json"),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    log = process.stderr
    assert log is not None
    while json.loads(await log.readline())["event"] != "listening for charging stations":
        pass
    drained = asyncio.create_task(log.read())
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
        await drained


async def test_observing_it_is_a_wire(tmp_path: Path) -> None:
    """One digest on both sides, of all that either said, in each edition; and nothing that neither said."""
    async with gateway(tmp_path, Mode.OBSERVE) as stations:
        for version, ends in stations.items():
            up, down = messages(version)
            for caller, answerer, texts in (("station", "cloud", up), ("cloud", "station", down)):
                for text in texts:
                    await ends.says(caller if json.loads(text)[0] == 2 else answerer, text)
            for text in UNANSWERED.get(version, ()):
                await ends.says("station", text)
                await ends.says("cloud", text)
            assert digest(ends.heard["cloud"]) == digest(ends.said["station"])
            assert digest(ends.heard["station"]) == digest(ends.said["cloud"])


async def test_controlling_it_changes_what_it_must(tmp_path: Path) -> None:
    """All passes to the letter but for what is named here, whose every CALL is answered once all the same."""
    async with gateway(tmp_path, Mode.CONTROL) as stations:
        for version, ends in stations.items():
            different, own = await carried(ends, version)
            assert different == CHANGED
            known = FROM_CLOUD[version].keys() if version.is_v2 else frozenset[str]()
            signed = {each for each in OWN_SIGNED if each.removesuffix("-Signed") in known}
            assert own == ((OWN | STARTS) & FROM_CLOUD[version].keys()) | signed


async def carried(ends: Ends, version: Version) -> tuple[set[str], set[str]]:
    """Carry every message; the actions in which something came otherwise, and those that the gateway answered."""
    up, down = messages(version)
    different: set[str] = set()
    own: set[str] = set()
    for caller, answerer, texts in (("station", "cloud", up), ("cloud", "station", down)):
        for asked, answered in zip(texts[::2], texts[1::2], strict=True):
            action = json.loads(asked)[2]
            if action.removesuffix("-Signed") in OWN or action in STARTS or action in OWN_SIGNED:
                await ends.cloud.send(asked)
                own.add(action if action in OWN_SIGNED else action.removesuffix("-Signed"))
                assert json.loads(await passed_on(ends.cloud))[1] == json.loads(asked)[1]
            elif await ends.says(caller, asked) != asked or await ends.says(answerer, answered) != answered:
                different.add(action)
    for text in UNANSWERED.get(version, ()):
        assert await ends.says("station", text) == text
        assert await ends.says("cloud", text) == text
    return different, own
