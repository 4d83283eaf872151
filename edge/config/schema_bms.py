"""The tables of the building's interface and of the grid: ``[bms.mqtt]``, ``[bms.modbus]``, ``[grid]``,
``[[schedule]]``.
"""

import re
from datetime import date, time
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from edge.config.addresses import HostPort
from edge.config.schema_ocpp import Listen
from edge.config.schema_site import MAX_CIRCUIT_KW, FileName, Id, Table

LONGEST_TIMEOUT_S = 86_400
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_PATTERN = f"^({'|'.join(DAYS)})$"


def _network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"has '{text}' in it, which is neither an address nor a network") from None
    return text


def _clock(text: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError(f"is '{text}', no time of day")
    return text


def _date(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"has '{text}' in it, which is no date") from None
    return text


Timeout = Annotated[float, Field(gt=0, le=LONGEST_TIMEOUT_S)]
Dates = tuple[Annotated[str, AfterValidator(_date)], ...]


class MqttTable(Table):
    """``[bms.mqtt]``"""

    broker: Annotated[str, Field(description="the MQTT broker's address", examples=["mqtt://127.0.0.1:1883"])] = (
        "mqtt://127.0.0.1:1883"
    )
    version: Annotated[
        str, Field(pattern=r"^(5|3\.1\.1)$", description='the protocol, "5" or "3.1.1"', examples=["5"])
    ] = "5"
    username: Annotated[str | None, Field(min_length=1, description="the user's name", examples=["edge"])] = None
    password: Annotated[str | None, Field(min_length=1, description="the user's password", examples=["secret"])] = None
    ca_file: Annotated[
        FileName | None,
        Field(description="the file of the broker's certificate authority", examples=["/etc/edge-controller/ca.pem"]),
    ] = None
    certificate_file: Annotated[
        FileName | None,
        Field(description="the file of the client certificate", examples=["/etc/edge-controller/mqtt.pem"]),
    ] = None
    key_file: Annotated[
        FileName | None,
        Field(description="the file of the client certificate's key", examples=["/etc/edge-controller/mqtt.key"]),
    ] = None
    writable: Annotated[bool, Field(description="whether the BMS may limit, true or false", examples=[True])] = False
    limit_timeout_s: Annotated[Timeout, Field(description="how long a limit holds in s, above 0", examples=[60])] = 60.0
    fallback_a: Annotated[
        float | None,
        Field(ge=0, description="the limit in A when the BMS falls silent, 0 or more", examples=[20]),
    ] = None
    home_assistant: Annotated[
        bool, Field(description="whether Home Assistant is told of everything, true or false", examples=[True])
    ] = False


class ModbusTable(Table):
    """``[bms.modbus]``"""

    listen: Annotated[
        Listen,
        Field(
            description="the address for the BMS as host:port with a port from 1 to 65535", examples=["127.0.0.1:5502"]
        ),
    ] = HostPort("127.0.0.1", 5502)
    writable: Annotated[bool, Field(description="whether the BMS may write limits, true or false", examples=[True])] = (
        False
    )
    limit_timeout_s: Annotated[
        Timeout, Field(description="how long a written limit holds in s, above 0", examples=[60])
    ] = 60.0
    fallback_a: Annotated[
        float,
        Field(ge=0, description="the limit in A when the BMS falls silent, 0 or more", examples=[20]),
    ]
    fallback_writable: Annotated[
        bool, Field(description="whether the BMS may lower the fallback, true or false", examples=[False])
    ] = False
    allow: Annotated[
        tuple[Annotated[str, AfterValidator(_network)], ...] | None,
        Field(
            strict=False,
            min_length=1,
            description="the addresses or networks that may connect",
            examples=[["192.168.1.20", "10.0.0.0/24"]],
        ),
    ] = None
    idle_timeout_s: Annotated[
        Timeout, Field(description="after how long without a request a connection is closed, in s", examples=[300])
    ] = 300.0


class BmsTable(Table):
    """``[bms]``"""

    mqtt: Annotated[MqttTable | None, Field(description="the table [bms.mqtt]")] = None
    modbus: Annotated[ModbusTable | None, Field(description="the table [bms.modbus] with fallback_a")] = None


class GridTable(Table):
    """``[grid]``: what the grid operator may ask for, and how demand is measured."""

    circuit: Annotated[Id | None, Field(description="the id of the circuit that is dimmed", examples=["garage"])] = None
    devices: Annotated[
        int | None,
        Field(ge=1, le=1000, description="the number of controllable devices, 1 or more", examples=[10]),
    ] = None
    steering: Annotated[str, Field(pattern="^(ems|direct)$", description='"ems" or "direct"', examples=["ems"])] = "ems"
    contact: Annotated[
        str | None,
        Field(
            pattern=r"^gpiochip[0-9]{1,3}/[0-9]{1,4}$",
            description="the pin of the grid operator's relay as chip and line",
            examples=["gpiochip0/17"],
        ),
    ] = None
    contact_closed: Annotated[
        str,
        Field(
            pattern="^(dims|frees)$",
            description='what the closed contact means, "dims" or "frees"',
            examples=["dims"],
        ),
    ] = "dims"
    eebus_lpc: Annotated[
        bool,
        Field(description="whether an EEBUS bridge limits by cmd/lpc, true or false", examples=[True]),
    ] = False
    failsafe_kw: Annotated[
        float,
        Field(
            ge=0,
            le=MAX_CIRCUIT_KW,
            description=f"the failsafe value of EEBUS LPC in kW, 0 to {MAX_CIRCUIT_KW:g}",
            examples=[4.2],
        ),
    ] = 4.2
    failsafe_h: Annotated[
        float, Field(ge=2, le=24, description="the failsafe duration of EEBUS LPC in h, 2 to 24", examples=[2])
    ] = 2.0
    openadr: Annotated[
        bool, Field(description="whether an OpenADR VEN hands in events by cmd/openadr, true or false", examples=[True])
    ] = False
    random_delay_s: Annotated[
        int | None,
        Field(
            ge=1,
            le=1800,
            description="by how many s a schedule's change is delayed at most, by chance, 1 to 1800",
            examples=[600],
        ),
    ] = None
    demand_window_min: Annotated[
        int, Field(description="the length of the demand window in min: 5, 15, 30 or 60", examples=[15])
    ] = 15


class SurplusTable(Table):
    """``[surplus]``: how cars charge on the sun's surplus."""

    start_kw: Annotated[
        float,
        Field(
            ge=0,
            le=MAX_CIRCUIT_KW,
            description=f"what must be left over before a car begins, in kW, 0 to {MAX_CIRCUIT_KW:g}",
            examples=[2],
        ),
    ] = 0.0
    start_s: Annotated[
        float, Field(ge=0, le=3600, description="for how long it must be, in s, 0 to 3600", examples=[60])
    ] = 60.0
    stop_s: Annotated[
        float, Field(ge=0, le=3600, description="for how long there may be too little, in s, 0 to 3600", examples=[180])
    ] = 180.0
    battery_meter: Annotated[
        Id | None, Field(description="the id of the meter that measures the battery alone", examples=["battery"])
    ] = None
    battery_counts: Annotated[
        bool, Field(description="whether a battery's discharge counts as surplus, true or false", examples=[False])
    ] = False


class ScheduleTable(Table):
    """``[[schedule]]``: a limit of a circuit at certain hours, or the rank of a class then, or its opening hours."""

    circuit: Annotated[Id | None, Field(description="the id of the circuit that is limited", examples=["garage"])] = (
        None
    )
    class_: Annotated[
        Id | None,
        Field(alias="class", description="the id of the class whose rank or opening hours it is", examples=["guests"]),
    ] = None
    from_: Annotated[
        str,
        AfterValidator(_clock),
        Field(alias="from", description="the time of day from which it holds, as HH:MM", examples=["07:00"]),
    ]
    to: Annotated[
        str,
        AfterValidator(_clock),
        Field(description="the time of day at which it ends, as HH:MM", examples=["18:30"]),
    ]
    days: Annotated[
        tuple[Annotated[str, Field(pattern=DAY_PATTERN)], ...],
        Field(
            strict=False, max_length=7, description=f"days of the week: {', '.join(DAYS)}", examples=[["mon", "fri"]]
        ),
    ] = DAYS
    dates: Annotated[
        Dates, Field(strict=False, description="dates on which it holds too", examples=[["2026-12-24"]])
    ] = ()
    except_dates: Annotated[
        Dates, Field(strict=False, description="dates on which it doesn't hold", examples=[["2026-12-25"]])
    ] = ()
    holidays: Annotated[
        str,
        Field(
            pattern="^(as_weekday|off|on)$",
            description='what holds on public holidays: "as_weekday", "off" or "on"',
            examples=["off"],
        ),
    ] = "as_weekday"
    limit_a: Annotated[float | None, Field(ge=0, description="the limit in A per phase, 0 or more", examples=[16])] = (
        None
    )
    limit_kw: Annotated[
        float | None,
        Field(ge=0, le=MAX_CIRCUIT_KW, description=f"the limit in kW, 0 to {MAX_CIRCUIT_KW:g}", examples=[11]),
    ] = None

    rank: Annotated[
        int | None,
        Field(ge=0, le=1000, description="the class's rank then, a whole number; 0 is served first", examples=[0]),
    ] = None
    at_close: Annotated[
        str | None,
        Field(
            pattern="^(refuse|reduce|finish)$",
            description='what becomes of who charges when they are over: "refuse", "reduce" or "finish"',
            examples=["finish"],
        ),
    ] = None

    @property
    def begins(self) -> time:
        return time.fromisoformat(self.from_)

    @property
    def ends(self) -> time:
        return time.fromisoformat(self.to)
