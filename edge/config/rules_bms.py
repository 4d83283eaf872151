"""Rules of the building's interface, of the grid and of schedules."""

from collections.abc import Iterator

from edge.config.addresses import broker
from edge.config.draft import Draft
from edge.config.faults import Fault, one_of
from edge.config.locate import Path
from edge.public_holidays import public_holidays

WINDOWS_MIN = (5, 15, 30, 60)  # the demand windows that grid operators bill by


def broker_address(draft: Draft) -> Iterator[Fault]:
    """The broker's address is an MQTT address, and its certificates are for one with TLS."""
    table = draft.file.bms.mqtt
    if table is None:
        return
    try:
        address = broker(table.broker)
    except ValueError as exc:
        yield Fault(
            path=("bms", "mqtt", "broker"),
            problem=str(exc),
            remedy="give mqtt:// or mqtts:// and a host, for example mqtt://127.0.0.1:1883",
        )
        return
    for key in ("ca_file", "certificate_file", "key_file"):
        if getattr(table, key) is not None and not address.tls and draft.sound("bms", "mqtt", "broker"):
            yield Fault(
                path=("bms", "mqtt", key),
                problem="is for TLS, which the broker's address doesn't ask for",
                remedy="give the broker as mqtts://, or leave it out",
            )


def credentials_whole(draft: Draft) -> Iterator[Fault]:
    """What belongs together is given together."""
    table = draft.file.bms.mqtt
    if table is None:
        return
    for key, other in (("certificate_file", "key_file"), ("key_file", "certificate_file"), ("password", "username")):
        if getattr(table, key) is not None and getattr(table, other) is None:
            yield Fault(path=("bms", "mqtt", key), problem=f"is given without {other}", remedy=f"give {other} too")


def fallback_known(draft: Draft) -> Iterator[Fault]:
    """Who may limit over MQTT needs a fallback: silence is never "unlimited"."""
    table = draft.file.bms.mqtt
    if table is not None and table.writable and table.fallback_a is None:
        yield Fault(
            path=("bms", "mqtt", "fallback_a"),
            problem="is missing, and writable is true",
            remedy="give the limit in A that holds when the BMS falls silent, for example 20",
        )


def fallback_below_fuse(draft: Draft) -> Iterator[Fault]:
    """A fallback above the fuse would be none."""
    fuse_a = next((circuit.fuse_a for circuit in draft.circuits if circuit.parent is None), None)
    tables = {"mqtt": draft.file.bms.mqtt, "modbus": draft.file.bms.modbus}
    for name, table in tables.items():
        if fuse_a is not None and table is not None and table.fallback_a is not None and table.fallback_a > fuse_a:
            yield Fault(
                path=("bms", name, "fallback_a"),
                problem=f"is {table.fallback_a:g}, above the grid connection's fuse of {fuse_a:g} A",
                remedy=f"give 0 to {fuse_a:g}",
            )


def circuits_exist(draft: Draft) -> Iterator[Fault]:
    """``[grid]`` and each ``[[schedule]]`` limit a circuit that is there."""
    places: list[tuple[Path, str | None]] = [
        (("schedule", index, "circuit"), rule.circuit) for index, rule in enumerate(draft.file.schedule)
    ]
    if draft.file.grid is not None:
        places.append((("grid", "circuit"), draft.file.grid.circuit))
    known = [circuit.id for circuit in draft.circuits]
    for path, circuit in places:
        if circuit is not None and circuit not in known and draft.ids_sound("circuit"):
            yield Fault(
                path=path,
                problem=f"is '{circuit}', which is no circuit",
                remedy=one_of(known, circuit, kind="circuits are", none="add a [[circuit]]"),
            )


def devices_known(draft: Draft) -> Iterator[Fault]:
    """Without a number of devices the EVSEs are counted, and there must be one."""
    grid = draft.file.grid
    if grid is not None and grid.devices is None and not draft.file.station:
        yield Fault(
            path=("grid", "devices"),
            problem="is missing, and there is no station to count",
            remedy="give the number of controllable devices, for example 10",
        )


def window_length(draft: Draft) -> Iterator[Fault]:
    """The demand window is one that fits into the hour."""
    grid = draft.file.grid
    if grid is not None and grid.demand_window_min not in WINDOWS_MIN:
        yield Fault(
            path=("grid", "demand_window_min"),
            problem=f"is {grid.demand_window_min}, no length of a demand window",
            remedy=f"give {', '.join(map(str, WINDOWS_MIN[:-1]))} or {WINDOWS_MIN[-1]}",
        )


def demand_measured(draft: Draft) -> Iterator[Fault]:
    """A mean of power can only be kept where power is measured."""
    for index, circuit in enumerate(draft.circuits):
        if circuit.demand_limit_kw is not None and circuit.meter is None and draft.sound("circuit", index, "meter"):
            yield Fault(
                path=("circuit", index, "demand_limit_kw"),
                problem="is for a circuit without a meter",
                remedy="give the circuit its meter",
            )


def bridges_have_a_way(draft: Draft) -> Iterator[Fault]:
    """EEBUS and OpenADR come in as commands over MQTT."""
    mqtt, grid = draft.file.bms.mqtt, draft.file.grid
    for key in ("eebus_lpc", "openadr"):
        if grid is not None and getattr(grid, key) and (mqtt is None or not mqtt.writable):
            yield Fault(
                path=("grid", key),
                problem="comes in over MQTT, where no commands are taken",
                remedy="give [bms.mqtt] with writable = true",
            )


def holidays_known(draft: Draft) -> Iterator[Fault]:
    """The calendar of public holidays is there, where one is asked for."""
    place = draft.file.site.holidays
    if place is not None:
        try:
            public_holidays(place)
        except ValueError:
            yield Fault(
                path=("site", "holidays"),
                problem=f"is '{place}', whose public holidays aren't known",
                remedy="give the code of a country, or of a part of it (ISO 3166), for example DE or DE-BY",
            )
    for index, rule in enumerate(draft.file.schedule):
        if place is None and rule.holidays != "as_weekday":
            yield Fault(
                path=("schedule", index, "holidays"),
                problem=f"is '{rule.holidays}', and whose holidays isn't known",
                remedy='give [site] its holidays, for example holidays = "DE-BY"',
            )


def surplus_measured(draft: Draft) -> Iterator[Fault]:
    """Surplus is measured at the grid connection; a battery's meter is a meter."""
    root = next((circuit for circuit in draft.circuits if circuit.parent is None), None)
    classes = {each.id for each in draft.file.class_ if each.surplus}
    for index, station in enumerate(draft.file.station):
        lives_on_it = station.class_ in classes or any(evse.surplus for evse in station.evse)
        if lives_on_it and root is not None and root.meter is None:
            yield Fault(
                path=("station", index, "id"),
                problem=f"is '{station.id}', which charges on surplus, and the grid connection has no meter",
                remedy=f"give circuit '{root.id}' its meter",
            )
    battery = draft.file.surplus.battery_meter
    known = [meter.id for meter in draft.file.meter]
    if battery is not None and battery not in known and draft.ids_sound("meter"):
        yield Fault(
            path=("surplus", "battery_meter"),
            problem=f"is '{battery}', which is no meter",
            remedy=one_of(known, battery, kind="meters are", none="add a [[meter]]"),
        )
