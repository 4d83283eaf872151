"""What a register counted between two readings."""

from decimal import Decimal

import pytest

from edge.domain.register import counted


@pytest.mark.parametrize(
    ("rise", "fallen", "expected"),
    [
        (500, 0, 500),  # as ever
        (0, 0, 0),
        (-100_000, 0, -100_000),  # it fell
        (100_020, 100_000, 20),  # back again, and 20 further
        (60_000, 100_000, 0),  # most of the way back is back
        (500, 100_000, 500),  # a register that began anew counts on
        (50_000, 100_000, 50_000),
    ],
)
def test_a_leap_back_counts_only_what_is_beyond_it(rise: int, fallen: int, expected: int) -> None:
    assert counted(float(rise), float(fallen)) == expected
    assert counted(Decimal(rise), Decimal(fallen)) == expected
