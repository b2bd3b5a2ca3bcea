"""Tells whether a host name or an address belongs to this computer, without a name lookup."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(name: str) -> bool:
    """Return whether a host name or an address belongs to this computer.

    Args:
        name: host name or IP address.
    """
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """Return the host name of a ``Host`` header without its port; empty for an invalid header.

    Args:
        host: value of the header, in lower case.
    """
    try:
        parts = urlsplit(f"//{host}")
        return (parts.hostname or "") if parts.netloc == host and "@" not in host else ""
    except ValueError:
        return ""
