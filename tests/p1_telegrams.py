"""P1 telegrams for tests: made line by line, and closed with a checksum by another way than the parser's."""

# A Dutch DSMR 5 meter on three phases: L2 feeds in.
DUTCH_LINES = (
    "1-3:0.2.8(50)",
    "0-0:1.0.0(261121073000W)",
    "0-0:96.1.1(4530303434303037313331363530363138)",
    "1-0:1.8.1(001234.567*kWh)",
    "1-0:1.8.2(000765.433*kWh)",
    "1-0:2.8.1(000100.000*kWh)",
    "1-0:2.8.2(000050.500*kWh)",
    "0-0:96.14.0(0002)",
    "1-0:1.7.0(00.080*kW)",
    "1-0:2.7.0(00.000*kW)",
    "0-0:96.7.21(00004)",
    "1-0:99.97.0(1)(0-0:96.7.19)(101208152415W)(0000000240*s)",
    "1-0:32.7.0(230.1*V)",
    "1-0:52.7.0(231.2*V)",
    "1-0:72.7.0(229.4*V)",
    "1-0:31.7.0(011*A)",
    "1-0:51.7.0(016*A)",
    "1-0:71.7.0(006*A)",
    "1-0:21.7.0(02.350*kW)",
    "1-0:41.7.0(00.000*kW)",
    "1-0:61.7.0(01.310*kW)",
    "1-0:22.7.0(00.000*kW)",
    "1-0:42.7.0(03.580*kW)",
    "1-0:62.7.0(00.000*kW)",
    "0-1:24.1.0(003)",
    "0-1:24.2.1(261121070000W)(00012.345*m3)",
)

DUTCH_STAMP = "261121073000W"


# A Dutch DSMR 2.2 meter: the values of one phase or three together, no version, no checksum.
DSMR_2_TELEGRAM = b"\r\n".join(
    (
        b"/KMP5 KA6U001585575011",
        b"",
        b"0-0:96.1.1(204B413655303031353835353735303131)",
        b"1-0:1.8.1(08894.561*kWh)",
        b"1-0:1.8.2(07453.123*kWh)",
        b"1-0:2.8.1(00005.000*kWh)",
        b"1-0:2.8.2(00002.000*kWh)",
        b"0-0:96.14.0(0002)",
        b"1-0:1.7.0(0001.23*kW)",
        b"1-0:2.7.0(0000.00*kW)",
        b"0-0:17.0.0(0999.00*kW)",
        b"0-0:96.3.10(1)",
        b"0-0:96.13.1()",
        b"0-1:24.3.0(121211110000)(00)(60)(1)(0-1:24.2.0)(m3)",
        b"(00790.001)",
        b"!",
        b"",
    )
)


def with_even_parity(text: bytes) -> bytes:
    """What seven data bits and a parity bit look like to who listens for eight."""
    return bytes(byte | (byte.bit_count() % 2) << 7 for byte in text)


def telegram(lines: tuple[str, ...] = DUTCH_LINES) -> bytes:
    """The telegram with these lines, as a meter sends it."""
    body = ("/ISK5\\2M550T-1012\r\n\r\n" + "".join(f"{line}\r\n" for line in lines) + "!").encode()
    return body + f"{checksum(body):04X}\r\n".encode()


def checksum(body: bytes) -> int:
    """CRC16/ARC by reflecting the bits around an ordinary CRC with the unreflected polynomial 0x8005."""
    crc = 0
    for byte in body:
        crc ^= int(f"{byte:08b}"[::-1], 2) << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x8005 if crc & 0x8000 else crc << 1) & 0xFFFF
    return int(f"{crc:016b}"[::-1], 2)
