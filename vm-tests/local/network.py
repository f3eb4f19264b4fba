"""The network of a case: a bridge in the driver's own network namespace, a cable to each machine."""

import subprocess

from case import Node

BRIDGE = "machines"


def ip(*arguments: str) -> None:
    """Runs `ip`, whose message is shown when it fails."""
    subprocess.run(["ip", *arguments], check=True)


def lay(nodes: list[Node]) -> None:
    """Makes the bridge, and a namespace with an address for each machine; they vanish with our namespaces."""
    ip("link", "set", "lo", "up")
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("link", "set", BRIDGE, "up")
    for node in nodes:
        ip("netns", "add", node.name)
        ip("link", "add", cable(node), "type", "veth", "peer", "name", "eth1", "netns", node.name)
        ip("link", "set", cable(node), "master", BRIDGE, "up")
        ip("-n", node.name, "address", "add", f"{node.address}/24", "dev", "eth1")
        ip("-n", node.name, "link", "set", "eth1", "up")
        ip("-n", node.name, "link", "set", "lo", "up")


def lay_taps(nodes: list[Node]) -> None:
    """The same with the ends that QEMU takes; addresses are set within the machines."""
    ip("link", "set", "lo", "up")
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("link", "set", BRIDGE, "up")
    for node in nodes:
        ip("tuntap", "add", "dev", cable(node), "mode", "tap")
        ip("link", "set", cable(node), "master", BRIDGE, "up")


def cable(node: Node) -> str:
    """Our end of a machine's cable."""
    return f"to-{node.name}"
