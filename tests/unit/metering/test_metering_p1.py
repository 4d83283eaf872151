"""DSMR P1 telegrams: cut out of any stream, checked, and told as quantities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.catalogue import FAMILIES
from edge.metering.family import CURRENTS, POWERS, VOLTAGES, Quantity, Values
from edge.metering.p1 import LONGEST, BrokenTelegram, P1Stream, Telegram, crc16
from edge.metering.quality import Judge
from edge.units import PhaseAmps
from tests.p1_telegrams import DSMR_2_TELEGRAM, DUTCH_LINES, DUTCH_STAMP, checksum, telegram, with_even_parity


def values(lines: tuple[str, ...] = DUTCH_LINES) -> Values:
    """What one whole telegram tells."""
    (found,) = P1Stream().receive(telegram(lines))
    assert isinstance(found, Telegram)
    return found.values


def with_line(code: str, text: str) -> tuple[str, ...]:
    """The Dutch telegram with the line of an OBIS code replaced (or taken out, by an empty text)."""
    return tuple(
        text if line.startswith(f"{code}(") else line for line in DUTCH_LINES if text or not line.startswith(code)
    )


def test_checksum() -> None:
    """The checksum is CRC16/ARC, as its catalogue's check value proves."""
    assert crc16(b"123456789") == checksum(b"123456789") == 0xBB3D


def test_a_dutch_telegram() -> None:
    """Powers are import less export, energies the sum of the tariffs, all in base units."""
    found = values()
    assert [found[name] for name in POWERS] == pytest.approx([2350.0, -3580.0, 1310.0])
    assert [found[name] for name in VOLTAGES] == pytest.approx([230.1, 231.2, 229.4])
    assert [found[name] for name in CURRENTS] == pytest.approx([11.0, 16.0, 6.0])
    assert found[Quantity.POWER] == pytest.approx(80.0)
    assert found[Quantity.IMPORT_WH] == pytest.approx(2_000_000.0)
    assert found[Quantity.EXPORT_WH] == pytest.approx(150_500.0)


def test_whole_amperes_are_no_less_than_the_power_needs() -> None:
    """A current cut down to whole amperes is raised to what the phase's power needs at its voltage."""
    assert values(with_line("1-0:31.7.0", "1-0:31.7.0(010*A)"))[Quantity.CURRENT_L1] == pytest.approx(2350 / 230.1)
    assert values(with_line("1-0:51.7.0", "1-0:51.7.0(15*A)"))[Quantity.CURRENT_L2] == pytest.approx(3580 / 231.2)


def test_a_telegram_of_dsmr_4_has_no_voltages() -> None:
    """Its currents count all the same, no less than the powers need at 230 V."""
    lines = tuple(line for line in DUTCH_LINES if "*V)" not in line)
    reading = Judge(meter="grid", family=FAMILIES["dsmr_p1"]).reading(values(lines), 1.0)
    assert reading.current_a == PhaseAmps(11.0, -16.0, 6.0)
    assert reading.voltage_v is None
    assert reading.phase_power_w == pytest.approx((2350.0, -3580.0, 1310.0))
    cut = tuple(line.replace("011*A", "009*A") for line in lines)
    assert values(cut)[Quantity.CURRENT_L1] == pytest.approx(2350 / 230)


def test_a_telegram_of_dsmr_2() -> None:
    """Without checksum and with parity bits: power and energies, never a current."""
    found = P1Stream().receive(with_even_parity(DSMR_2_TELEGRAM) + with_even_parity(DSMR_2_TELEGRAM))
    assert (
        found
        == [Telegram(values={Quantity.POWER: 1230.0, Quantity.IMPORT_WH: 16_347_684.0, Quantity.EXPORT_WH: 7_000.0})]
        * 2
    )
    with_current = DSMR_2_TELEGRAM.replace(b"0-0:96.13.1()", b"1-0:31.7.0(002*A)")
    (telegram_,) = P1Stream().receive(with_current)
    assert isinstance(telegram_, Telegram)
    assert Quantity.CURRENT_L1 not in telegram_.values


def test_a_belgian_telegram() -> None:
    """Currents with decimals, one register for both tariffs, and no export counted: as e-MUCS has it."""
    lines = tuple(line for line in with_line("1-0:31.7.0", "1-0:31.7.0(011.27*A)") if ".8." not in line)
    found = values((*lines, "1-0:1.8.0(000012.5*kWh)"))
    assert found[Quantity.CURRENT_L1] == 11.27
    assert found[Quantity.IMPORT_WH] == 12_500.0
    assert Quantity.EXPORT_WH not in found


def test_a_single_phase_telegram_tells_one_phase() -> None:
    """What the meter doesn't measure isn't told."""
    other = (
        ".41.",
        ".42.",
        ".51.",
        ".52.",
        ".61.",
        ".62.",
        ".71.",
        ".72.",
        ":41.",
        ":42.",
        ":51.",
        ":52.",
        ":61.",
        ":62.",
        ":71.",
        ":72.",
    )
    found = values(tuple(line for line in DUTCH_LINES if not any(code in line for code in other)))
    assert {name for name in (*CURRENTS, *POWERS, *VOLTAGES) if name in found} == {
        Quantity.CURRENT_L1,
        Quantity.POWER_L1,
        Quantity.VOLTAGE_L1,
    }


def test_units_other_than_those_of_electricity_are_left_out() -> None:
    """A value in an unknown unit isn't taken for one in a known."""
    assert Quantity.CURRENT_L1 not in values(with_line("1-0:31.7.0", "1-0:31.7.0(011*mA)"))
    assert values(with_line("1-0:21.7.0", "1-0:21.7.0(2350*W)"))[Quantity.POWER_L1] == 2350.0


def otherwise_checked(lines: tuple[str, ...] = DUTCH_LINES) -> bytes:
    """The telegram of a meter whose checksum is CRC16/X25, as a Holley's (dsmr_parser issue 91)."""
    body = telegram(lines)[:-6]
    crc = 0xFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return body + f"{crc ^ 0xFFFF:04X}\r\n".encode()


def test_a_meter_that_reckons_its_checksum_otherwise_is_read() -> None:
    """From its first telegram on; and again, when one of them has fitted the standard by chance."""
    stream = P1Stream()
    assert stream.receive(2 * otherwise_checked()) == [Telegram(values=values(), stamp=DUTCH_STAMP)] * 2
    stream.receive(telegram())
    told = stream.receive(3 * otherwise_checked())
    assert [isinstance(each, Telegram) for each in told] == [False, True, True]


def test_one_that_fits_otherwise_by_chance_is_damaged() -> None:
    """Among those that fit as the standard says, one alone is what noise makes of one in 65,536."""
    stream = P1Stream()
    for _ in range(3):
        good, chance = stream.receive(telegram() + otherwise_checked(with_line("1-0:31.7.0", "1-0:31.7.0(000*A)")))
        assert good == Telegram(values=values(), stamp=DUTCH_STAMP)
        assert isinstance(chance, BrokenTelegram)


def test_bytes_that_are_no_ascii_count_in_the_checksum() -> None:
    """Some meters fill their message to the customer with 0xFF (esphome issue 2393)."""
    plain = (*DUTCH_LINES, "0-0:96.13.0(####)")
    body = telegram(plain)[:-6].replace(b"####", bytes(4 * (0xFF,)))
    assert P1Stream().receive(body + f"{checksum(body):04X}\r\n".encode()) == [
        Telegram(values=values(), stamp=DUTCH_STAMP)
    ]


ENCRYPTED = (
    bytes.fromhex("db08 53414778 00000102 8201f4 30 00000001") + bytes(range(255)) + bytes(reversed(range(229)))
)  # DLMS general-glo-ciphering: mark, system title, length, security byte, frame counter, cipher text


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_encrypted_telegrams_are_told_as_such(piece: int) -> None:
    """Luxembourg's meters encrypt theirs (dsmr_parser issue 27): that is no wrong speed, and no telegram ever ends."""
    stream = P1Stream()
    data = 3 * ENCRYPTED
    found = [told for at in range(0, len(data), piece) for told in stream.receive(data[at : at + piece])]
    assert found
    for told in found:
        assert isinstance(told, BrokenTelegram)
        assert "encrypted" in told.problem


@given(st.lists(st.integers(1, 700), max_size=8), st.binary(max_size=40))
def test_telegrams_are_found_however_the_stream_is_split(cuts: list[int], before: bytes) -> None:
    """Two telegrams come out whole wherever the bytes are cut; what came before the first is no part of it."""
    stream, found = P1Stream(), []
    rest = before.replace(b"\n", b" ").replace(b"/", b" ") + b"\r\n" + telegram() + telegram()
    for cut in cuts:
        found += stream.receive(rest[:cut])
        rest = rest[cut:]
    found += stream.receive(rest)
    assert [each for each in found if isinstance(each, Telegram)] == [Telegram(values=values(), stamp=DUTCH_STAMP)] * 2
    assert len(found) == 2


@given(st.integers(0, len(telegram()) - 1), st.integers(1, 255))
def test_a_damaged_byte_never_gives_another_value(at: int, flip: int) -> None:
    """One byte changed anywhere: the telegram is refused or hasn't changed in meaning, and the next one is whole; or
    the one after it, where the damage hid the line's end between the two."""
    damaged = bytearray(telegram())
    damaged[at] ^= flip
    stream = P1Stream()
    stream.receive(telegram())
    told = [each.values for each in stream.receive(bytes(damaged) + 2 * telegram()) if isinstance(each, Telegram)]
    assert told
    assert all(each == values() for each in told)


@given(
    st.lists(
        st.binary(max_size=300) | st.just(telegram()[:200]) | st.just(b"\r\n!12\r\n") | st.just(b"\n/"), max_size=30
    )
)
def test_any_bytes_raise_nothing(chunks: list[bytes]) -> None:
    """Noise gives no telegram; the next whole one is found all the same."""
    stream = P1Stream()
    for chunk in chunks:
        assert not [each for each in stream.receive(chunk) if isinstance(each, Telegram)]
    found = stream.receive(b"\r\n" + telegram())
    assert found[-1] == Telegram(values=values(), stamp=DUTCH_STAMP)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (telegram()[:-6] + b"0000\r\n", "damaged on the line"),
        (telegram()[:-6] + b"\r\n", "without its checksum"),
        (b"/ABC\r\n1-0:1.7.0(1*kW)\r\n!\r\n", "without checksum, power and energy"),
        (b"/ABC\r\n" + b"x" * LONGEST, "check the port's speed"),
        (telegram((*DUTCH_LINES, "1-0:31.7.0(012*A)")), "tells 31.7.0 twice"),
    ],
)
def test_what_is_no_telegram_is_said(data: bytes, said: str) -> None:
    """A wrong or missing checksum, an endless line and a contradiction are sentences."""
    (found,) = P1Stream().receive(data)
    assert isinstance(found, BrokenTelegram)
    assert said in found.problem
