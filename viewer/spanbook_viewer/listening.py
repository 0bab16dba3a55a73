"""Where the server listens: an address of this machine, on the first port that is free."""

import socket
from ipaddress import ip_address

from spanbook.errors import SettingsError

PORT = 5050
TRIED = 20  # ports from PORT on, where nobody asked for one


def is_loopback(host: str) -> bool:
    """Tell whether `host` names this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int | None) -> socket.socket:
    """Return a listening socket on the port asked for, else on the first free one from 5050 on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ports = range(PORT, PORT + TRIED) if port is None else [port]
    reason = "no port"
    for number in ports:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
        except OSError as error:
            listener.close()
            reason = error.strerror or str(error)
        else:
            return listener
    tried = str(port) if port is not None else f"{PORT} to {PORT + TRIED - 1}"
    raise SettingsError(f"Cannot listen on {host}, port {tried}: {reason}. Give another --port.")
