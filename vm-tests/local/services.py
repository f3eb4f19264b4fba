"""What NixOS's modules make of a service's options, made of the units in dist/systemd/ instead."""

import shutil
from pathlib import Path
from typing import Any

from errors import SetupError
from settings import to_toml

REPOSITORY = Path(__file__).resolve().parent.parent.parent
UNITS = REPOSITORY / "dist" / "systemd"
# Options of each module that the units in dist/ have too. A secret's file is where these units expect it.
OPTIONS: dict[str, dict[str, Any]] = {
    "kinitro": {
        "localExecutor": (True, False),
        "hotkeyFile": ("/etc/kinitro/hotkey",),
        "backup": ({"enable": True},),
    },
    "kinitro-executor": {"apiKeyFile": ("/etc/kinitro/api-key",)},
    "kinitro-validator": {"hotkeyFile": ("/etc/kinitro/hotkey",)},
}
ALWAYS = {"enable", "settings"}


def check(where: str, services: dict[str, dict[str, Any]]) -> None:
    """Refuses what could be set on NixOS alone.

    Raises:
        SetupError: with the reason; `where` says whose services these are.
    """
    # All roles of one machine read /etc/kinitro/kinitro.toml outside of NixOS, where each has a file of its own.
    if len(services) > 1:
        raise SetupError(f"{where} has several services; give each a machine of its own")
    for service, options in services.items():
        if service not in OPTIONS:
            raise SetupError(f"{where}: {service} is no service of ours: {', '.join(OPTIONS)}")
        for option in set(options) - ALWAYS:
            allowed = OPTIONS[service].get(option, ())
            if options[option] not in allowed:
                raise SetupError(f"{where}: {service}.{option} may be one of {list(allowed)} here")


def install(root: Path, services: dict[str, dict[str, Any]]) -> None:
    """Writes settings, drop-ins and the links that start units into a machine's tree."""
    for service, options in services.items():
        at = root / "etc/kinitro/kinitro.toml"
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(to_toml(options.get("settings", {})))
        for unit in _units(service, options):
            # The daemon of a development chain needs no hotkey, so that its unit asks for none.
            if service == "kinitro" and "hotkeyFile" in options and unit != "kinitro-api":
                _drop_in(root, unit, "hotkey.conf")
            if options.get("enable"):
                _link(root, f"{unit}.service", "multi-user.target")
        if "backup" in options:
            _link(root, "kinitro-backup.timer", "timers.target")


def _units(service: str, options: dict[str, Any]) -> list[str]:
    """The units of a service, as the module has them."""
    is_apart = service == "kinitro" and not options.get("localExecutor", True)
    return ["kinitro-api", "kinitro-scheduler"] if is_apart else [service]


def _drop_in(root: Path, unit: str, name: str) -> None:
    folder = _folder(root) / f"{unit}.service.d"
    folder.mkdir(exist_ok=True)
    shutil.copy(UNITS / "drop-ins" / name, folder)


def _link(root: Path, unit: str, target: str) -> None:
    """Has a unit started with a target."""
    wants = _folder(root) / f"{target}.wants"
    wants.mkdir(exist_ok=True)
    (wants / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")


def _folder(root: Path) -> Path:
    folder = root / "etc/systemd/system"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
