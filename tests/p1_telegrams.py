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
