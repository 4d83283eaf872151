"""What a simulated cloud says of the stations that come and go, one sentence each."""

from websockets.asyncio.server import ServerConnection


def has_come(identity: str, connection: ServerConnection) -> str:
    """A station has connected."""
    address = connection.remote_address
    where = f" from {address[0]}" if address else ""
    return f"{identity} has connected{where}, speaking {connection.subprotocol}"


def has_left(identity: str, connection: ServerConnection) -> str:
    """Its connection is over."""
    why = f": {connection.close_reason}" if connection.close_reason else ""
    return f"{identity} has left ({connection.close_code}){why}"
