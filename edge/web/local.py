"""Who asks: somebody on this machine, or somebody else."""

from ipaddress import IPv6Address, ip_address

from fastapi import Request


def is_local(request: Request) -> bool:
    """Whether who asks is on this machine: on the control socket (which has no address), or from a loopback one."""
    if request.client is None:
        return True
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
