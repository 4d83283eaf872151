"""Rules of a site without a cloud: nothing in its file is for one, and who may charge there is told."""

from collections.abc import Iterator

from edge.config.draft import Draft
from edge.config.faults import Fault
from edge.config.locate import Path
from edge.errors import Severity

_REMEDY = "leave it out, or give [ocpp] upstream"


def no_cloud_is_told(draft: Draft) -> Iterator[Fault]:
    """A file without an upstream may be one in which it was forgotten: its reader is told what it means."""
    offline = draft.file.offline
    if draft.file.ocpp.has_cloud or not draft.sound("ocpp"):
        return
    others = (
        f"any other up to {offline.unknown_energy_wh / 1000:g} kWh" if offline.unknown_tokens == "limit" else "no other"
    )
    yield Fault(
        path=("ocpp", "upstream"),
        problem="is left out, so the site has no cloud: its own tokens, and those on a station's local list, may "
        f"charge, and {others}; sessions are in edge report alone",
        remedy="tell it the tokens with edge token add, or give the cloud's address",
        severity=Severity.NOTE,
    )


def nothing_is_for_no_cloud(draft: Draft) -> Iterator[Fault]:
    """What tells how a cloud is met, or what a station hears of it, needs one."""
    table = draft.file.ocpp
    if table.has_cloud:
        return
    found: list[tuple[Path, str]] = []
    if table.mode == "transparent":
        found.append((("ocpp", "mode"), 'is "transparent", which drops stations with their cloud'))
    if table.verdict == "cloud":
        found.append((("ocpp", "verdict"), 'is "cloud", which lets that decide on stations'))
    if table.samples == "asked":
        found.append((("ocpp", "samples"), 'is "asked", which is how many samples the cloud gets'))
    if draft.file.offline.station_rules == "follow":
        found.append((("offline", "station_rules"), 'is "follow", which holds while a cloud is away'))
    for index, station in enumerate(draft.file.station):
        if station.mode == "transparent":
            found.append((("station", index, "mode"), 'is "transparent", which drops it with its cloud'))
        if station.cloud_key_file is not None:
            found.append((("station", index, "cloud_key_file"), "is given, which is shown to its cloud"))
    for index, _ in enumerate(table.mirror):
        found.append((("ocpp", "mirror", index, "url"), "is given, which gets copies of what the cloud is told"))
    for path, problem in found:
        yield Fault(path=path, problem=f"{problem}, and the site has no cloud", remedy=_REMEDY)


def who_follows_is_told(draft: Draft) -> Iterator[Fault]:
    """Stations that come from the factory so that they let nobody in bind the gateway then: else a driver finds out."""
    offline, table = draft.file.offline, draft.file.ocpp
    if offline.station_rules != "follow" or not table.has_cloud or not draft.sound("offline"):
        return
    modes = {station.mode or table.mode for station in draft.file.station}
    if modes == {"transparent"}:
        problem = 'is "follow", which binds nobody: all stations are dropped with their cloud (mode "transparent")'
        remedy = "leave it out"
    else:
        is_limit = offline.unknown_tokens == "limit"
        they = f"let in up to {offline.unknown_energy_wh / 1000:g} kWh" if is_limit else "refused"
        problem = (
            'is "follow": a card that only list or cache know is taken for an unknown one while the cloud is away, at '
            f"a station whose own configuration has it so (many have from the factory), and {they}"
        )
        remedy = "edge status names these stations, once they are there"
    yield Fault(path=("offline", "station_rules"), problem=problem, remedy=remedy, severity=Severity.NOTE)


def own_station_has_a_cloud(draft: Draft) -> Iterator[Fault]:
    """The gateway as a station of its own dials a cloud."""
    table = draft.file.ocpp
    if table.self_ is not None and table.self_.upstream is None and not table.has_cloud:
        yield Fault(
            path=("ocpp", "self", "upstream"),
            problem="is missing, and [ocpp] has none that it could be",
            remedy="give the address of the cloud that is to have the gateway as a station, or leave [ocpp.self] out",
        )
