"""What the package has, laid out as on a machine: program, library, assets, units."""

import os
import shutil
from pathlib import Path

from errors import SetupError
from services import UNITS
from tree import CACHE, REPOSITORY, remove

PREFIX = "program."


def find() -> Path:
    """The program to test: KINITRO_BIN, else the release build."""
    program = Path(os.environ.get("KINITRO_BIN") or REPOSITORY / "target" / "release" / "kinitro").resolve()
    if not program.is_file():
        raise SetupError(f"{program} is not there: `make build` makes target/release/kinitro; KINITRO_BIN names another")
    return program


def lay_out(program: Path) -> Path:
    """Copies everything into a folder of this run's own; those of runs that ended are removed."""
    for old in CACHE.glob(f"{PREFIX}*"):
        if not Path("/proc", old.name.removeprefix(PREFIX)).exists():
            remove(old)
    layer = CACHE / f"{PREFIX}{os.getpid()}"
    vendor = REPOSITORY / "vendor"
    _copy(program, layer / "usr/bin/kinitro")
    for library in vendor.glob("mujoco/lib/libmujoco.so.*"):
        _copy(library, layer / "usr/lib" / library.name)
    for wheel in vendor.glob("metaworld/*.whl"):
        _copy(wheel, layer / "usr/share/kinitro" / wheel.name)
    units = [*UNITS.glob("*.service"), *UNITS.glob("*.timer")]
    if not units:
        raise SetupError(f"{UNITS} has no units")
    for unit in units:
        _copy(unit, layer / "usr/lib/systemd/system" / unit.name)
    return layer


def take_away() -> None:
    """Removes this run's folder."""
    remove(CACHE / f"{PREFIX}{os.getpid()}")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
