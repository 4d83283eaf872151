"""What a meter's connection may say."""

import pytest

from edge.domain.connection import SerialSettings, Transport, parse_connection


def test_network_forms() -> None:
    """Host and port; Modbus TCP and MQTT have a usual port, a serial server has none."""
    tcp = parse_connection("tcp://10.0.0.5")
    assert (tcp.transport, tcp.host, tcp.port, tcp.line) == (Transport.TCP, "10.0.0.5", 502, "tcp://10.0.0.5:502")
    server = parse_connection("rtu+tcp://[::1]:4001")
    assert (server.transport, server.host, server.port, server.line) == (
        Transport.RTU_TCP,
        "::1",
        4001,
        "rtu+tcp://[::1]:4001",
    )
    mqtt = parse_connection("mqtt://broker/plant/meter")
    assert (mqtt.port, mqtt.topic) == (1883, "plant/meter")


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("mqtt://broker//plant/meter", "/plant/meter"),
        ("mqtt://broker/plant/meter/", "plant/meter/"),
        ("mqtt://broker/plant/what%3F", "plant/what?"),
    ],
)
def test_a_topic_is_as_it_is_written(text: str, topic: str) -> None:
    """A slash at its begin or its end makes another topic (MQTT 5 §4.7.1.1), on which nothing would come."""
    assert parse_connection(text).topic == topic


def test_serial_forms() -> None:
    """A path, and how the line is set: 9600 8N1 where nothing is said, 115200 8N1 for P1."""
    rtu = parse_connection("rtu:///dev/serial/by-id/usb-FTDI_x-if00-port0?baudrate=19200&parity=e&stopbits=2")
    assert (rtu.path, rtu.serial) == (
        "/dev/serial/by-id/usb-FTDI_x-if00-port0",
        SerialSettings(baudrate=19200, parity="E", stopbits=2),
    )
    assert str(parse_connection("rtu:///dev/ttyUSB0").serial) == "9600 8N1"
    assert str(parse_connection("p1:///dev/ttyUSB0").serial) == "115200 8N1"


def test_how_long_a_character_takes() -> None:
    """Ten bits at 8N1, eleven with a parity or a second stop bit."""
    assert SerialSettings(baudrate=9600).character_s == pytest.approx(10 / 9600)
    assert SerialSettings(baudrate=9600, parity="E").character_s == pytest.approx(11 / 9600)
    assert SerialSettings(baudrate=9600, parity="E", stopbits=2).character_s == pytest.approx(12 / 9600)


def test_meters_of_one_line() -> None:
    """The line is the same whatever way its settings are written."""
    assert parse_connection("rtu:///dev/x?baudrate=9600").line == parse_connection("rtu:///dev/x").line
    assert parse_connection("tcp://h").line == parse_connection("tcp://h:502/").line


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("udp://10.0.0.5:1", "does not begin with one of tcp://"),
        ("10.0.0.5:502", "does not begin with"),
        ("rtu+tcp://10.0.0.5", "has no port"),
        ("tcp://10.0.0.5:0", "has the port 0"),
        ("tcp://10.0.0.5:99999", "is no address"),
        ("tcp://10.0.0.5:502/x", "more than a host and a port"),
        ("tcp://a@10.0.0.5:502", "more than a host and a port"),
        ("tcp://:502", "has no host"),
        ("tcp://-x:502", "neither a name nor an address"),
        ("tcp://10.0.0.5:502#x", "has a fragment"),
        ("tcp://10.0.0.5 :502", "a blank or a control character"),
        ("rtu://dev/ttyUSB0", "three slashes, as in rtu:///dev/ttyUSB0"),
        ("rtu:///", "names no serial port"),
        ("rtu:///dev/x?baudrate=9601", "none of 1200, 2400"),
        ("rtu:///dev/x?baud=9600", "has the setting 'baud'; there are baudrate, parity and stopbits"),
        ("rtu:///dev/x?parity=N&parity=E", "has parity twice"),
        ("rtu:///dev/x?stopbits=3", "not 1 or 2"),
        ("mqtt://broker", "has no topic"),
        ("mqtt://broker/", "has no topic"),
        ("mqtt://broker/a/+/b", "has a wildcard"),
        ("mqtt://broker/a/#", "has a wildcard"),
        ("mqtt://broker/#", "has a wildcard"),
        ("mqtt://broker/what?", "a question mark in a topic is written %3F"),
        ("tcp://10.0.0.5:502#", "has a fragment"),
    ],
)
def test_what_is_wrong_is_said(text: str, problem: str) -> None:
    """Each bad connection is refused in words that complete "it ..."."""
    with pytest.raises(ValueError, match=problem):
        parse_connection(text)
