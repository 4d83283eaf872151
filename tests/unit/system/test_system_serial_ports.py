"""The names of serial adapters, in a folder that stands for /dev."""

from pathlib import Path

from edge.system.serial_ports import serial_ports


def _plugged(devices: Path, node: str, *names: str) -> None:
    (devices / node).touch()
    for name in names:
        link = devices / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(devices / node)


def test_each_adapter_once_by_its_socket(tmp_path: Path) -> None:
    """Two of one make share their name by id, which leads to one of them; the board's own line comes last."""
    _plugged(tmp_path, "ttyAMA0", "rs485/onboard")
    _plugged(tmp_path, "ttyUSB0", "rs485/port-usb-2")
    _plugged(tmp_path, "ttyUSB1", "rs485/port-usb-1", "serial/by-id/usb-1a86_USB_Serial-if00-port0")
    assert list(serial_ports(tmp_path).items()) == [
        (f"{tmp_path}/rs485/port-usb-1", "usb-1a86_USB_Serial-if00-port0"),
        (f"{tmp_path}/rs485/port-usb-2", ""),
        (f"{tmp_path}/rs485/onboard", ""),
    ]


def test_without_the_gateways_rule_by_the_adapter(tmp_path: Path) -> None:
    """The program alone on a Debian machine; a name whose adapter was pulled isn't one."""
    assert serial_ports(tmp_path) == {}
    _plugged(tmp_path, "ttyUSB0", "serial/by-id/usb-FTDI-if00-port0")
    _plugged(tmp_path, "ttyUSB1", "serial/by-id/usb-Prolific-if00-port0")
    (tmp_path / "ttyUSB1").unlink()
    assert serial_ports(tmp_path) == {f"{tmp_path}/serial/by-id/usb-FTDI-if00-port0": ""}
