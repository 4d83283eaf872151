"""What stations speak and show of themselves: editions of OCPP, keys, certificates."""

import ssl
from typing import Annotated, Final

import typer

from simulators.errors import ScenarioError

EDITIONS: Final = ("1.6", "2.0.1", "2.1")
MIXED: Final = "mixed"

EditionOption = Annotated[
    str, typer.Option("--ocpp", metavar="EDITION", help=f"{', '.join(EDITIONS)}, or {MIXED}: the stations take turns.")
]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="The key that every station shows by HTTP Basic (profiles 1 and 2)."),
]
CaOption = Annotated[
    str | None,
    typer.Option("--ca", metavar="FILE", help="The authority of the gateway's certificate, for wss:// (profile 2)."),
]
CertificateOption = Annotated[
    str | None,
    typer.Option("--certificate", metavar="FILE", help="The stations' own certificate (profile 3)."),
]
PrivateKeyOption = Annotated[
    str | None, typer.Option("--private-key", metavar="FILE", help="The key of that certificate.")
]


def editions(option: str) -> tuple[str, ...]:
    """Those that stations speak in turn. Raises ScenarioError."""
    if option == MIXED:
        return EDITIONS
    if option not in EDITIONS:
        raise ScenarioError(f"--ocpp: must be {', '.join(EDITIONS)} or {MIXED}, not '{option}'")
    return (option,)


def tls(url: str, ca: str | None, certificate: str | None, private_key: str | None) -> ssl.SSLContext | None:
    """What a wss:// gateway is met with; None for ws://. Raises ScenarioError."""
    if not url.startswith("wss:"):
        if ca is not None or certificate is not None or private_key is not None:
            raise ScenarioError("--ca, --certificate and --private-key are for a wss:// gateway: give --url wss://...")
        return None
    if (certificate is None) != (private_key is None):
        raise ScenarioError("--certificate and --private-key: give both or neither")
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, private_key)
    except OSError as error:  # ssl.SSLError is one
        problem = error.strerror or str(error)
        raise ScenarioError(f"--ca, --certificate, --private-key: can't be used ({problem})") from error
    return context
