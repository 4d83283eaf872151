"""The samples in a StopTransaction (OCPP 1.6 §9.1.27 StopTxnSampledData): no more of them than the cloud has asked for.

A station takes them as often as those of MeterValues, and that is as often as control needs them. Of a session of ten
hours they would come to six times what a cloud that wants one each minute is used to, and many clouds end a connection
on a message of that length.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from edge.domain.journal import OCMF
from edge.ocpp import wire
from edge.ocpp.fields import elements, fields
from edge.ocpp.station_clock import parse_timestamp
from edge.ocpp.wire import Call
from edge.units import Seconds

STOP = "StopTransaction"
# Shorter ones pass as they are: the narrowest of common clouds take frames of 32 KiB.
LONG = 32 * 1024  # characters
# Samples aren't taken to the second: of those each 10 s the sixth counts as one of each minute.
EARLY_S: Seconds = 5.0

_PERIODIC = "Sample.Periodic"  # the default (§7.37)


def thinned(call: Call, every_s: int) -> Call:
    """A StopTransaction with one periodic sample of each kind in ``every_s`` (0: with the first and the last); what is
    signed, or taken at a certain moment, stays. The very CALL where there is nothing to leave out."""
    data = elements(fields(call.payload).get("transactionData"))
    periodic = [(place, each, kind_of(each)) for place, each in enumerate(map(fields, data)) if is_periodic(each)]
    ends = {kind: place for place, _, kind in periodic}  # the last of each kind
    kept_at: dict[object, datetime] = {}
    left_out = set[int]()
    for place, each, kind in periodic:
        at = parse_timestamp(each.get("timestamp"))
        before = kept_at.get(kind)
        if at is None or before is None:
            is_due = True
        else:
            is_due = every_s > 0 and abs((at - before).total_seconds()) >= every_s - EARLY_S  # a clock may be set back
        if not is_due and ends[kind] != place:
            left_out.add(place)
        elif at is not None:
            kept_at[kind] = at
    if not left_out:
        return call
    rest = [each for place, each in enumerate(data) if place not in left_out]
    payload = {**fields(call.payload), "transactionData": rest}
    return replace(call, payload=payload, text=wire.call_text(call.id, call.action, payload))


def is_periodic(element: Mapping[str, Any]) -> bool:
    """Whether it is of nothing but periodic samples, none of them signed."""
    samples = [fields(each) for each in elements(element.get("sampledValue"))]
    return bool(samples) and all(
        each.get("context", _PERIODIC) == _PERIODIC and not _is_signed(each) for each in samples
    )


def _is_signed(sample: Mapping[str, Any]) -> bool:
    return sample.get("format") == "SignedData" or str(sample.get("value", "")).lstrip().startswith(OCMF)


def kind_of(element: Mapping[str, Any]) -> str:
    """What it measures: some stations give each measurand an element of its own."""
    samples = [fields(each) for each in elements(element.get("sampledValue"))]
    return str([(each.get("measurand"), each.get("phase"), each.get("location")) for each in samples])
