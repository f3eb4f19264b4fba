"""The appliance's recipe on Debian: the image is made twice from the partitions of the module, and compared.

Debian's systemd-repart, mkfs.erofs and ukify stand in for those of nixpkgs, and a few files for the store. It shows
that the definitions are taken, that equal inputs make equal bytes, that the root hash verifies the store and finds a
change, that the first boot makes the second slot and the state partition, and that an update fills that slot. It does
not boot the image.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import Failed, Skipped, run
from machines import evaluated

# Outside of PATH.
SYSUPDATE = "/usr/lib/systemd/systemd-sysupdate"
PROGRAMS = (
    SYSUPDATE,
    "systemd-repart",
    "ukify",
    "veritysetup",
    "mkfs.erofs",
    "mkfs.vfat",
    "mkfs.ext4",
    "mcopy",
    "sfdisk",
    "jq",
)
PACKAGES = "systemd-container systemd-repart systemd-ukify systemd-boot-efi cryptsetup-bin erofs-utils mtools jq"
# The first systemd-repart that fills partitions without loop devices and knows all options that are used here.
OLDEST = 255
KERNELS = ("/boot", "/usr/lib/modules")
# What nixpkgs' module `verityStore` adds to the partitions of that name.
VERITY = {
    "10-store-verity": {"Type": "usr-x86-64-verity", "Verity": "hash", "VerityMatchKey": "store"},
    "20-store": {"Type": "usr-x86-64", "Verity": "data", "VerityMatchKey": "store", "Format": "erofs"},
}
# Any fixed time: nixpkgs' builds have one too.
TIME = "1"
DISK_BYTES = 16 << 30

Definitions = dict[str, dict[str, Any]]


def needs() -> None:
    """Skips where a program is missing or too old."""
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        raise Skipped(f"{', '.join(missing)} missing (Debian: {PACKAGES})")
    version = int(run(["systemd-repart", "--version"]).split()[1])
    if version < OLDEST:
        raise Skipped(f"systemd-repart {version} is too old; {OLDEST} or newer will do")


def kernel() -> Path:
    """A kernel to make a UKI of."""
    found = [path for folder in KERNELS for path in sorted(Path(folder).rglob("vmlinuz*")) if path.is_file()]
    if not found:
        raise Skipped("there is no kernel in /boot (Debian: linux-image-cloud-amd64)")
    return found[0]


def assignments(values: dict[str, Any]) -> str:
    """Lines of an INI section; a list is one line for each element."""
    lines = []
    for key, value in values.items():
        for element in value if isinstance(value, list) else [value]:
            lines.append(f"{key}={str(element).lower() if isinstance(element, bool) else element}\n")
    return "".join(lines)


def write_definitions(folder: Path, definitions: Definitions) -> None:
    """repart.d as NixOS writes it."""
    folder.mkdir(parents=True)
    for name, values in definitions.items():
        (folder / f"{name}.conf").write_text("[Partition]\n" + assignments(values))


def repart(image: Path, definitions: Path, options: list[str], appliance: dict[str, Any]) -> list[dict[str, Any]]:
    """Runs systemd-repart on an image; its report."""
    command = ["systemd-repart", "--offline=yes", "--dry-run=no", "--json=short", f"--seed={appliance['seed']}"]
    command += [f"--definitions={definitions}", *options, str(image)]
    environment = {
        f"SYSTEMD_REPART_MKFS_OPTIONS_{kind.upper()}": " ".join(given)
        for kind, given in appliance["mkfsOptions"].items()
    }
    report: list[dict[str, Any]] = json.loads(run(command, **environment, SOURCE_DATE_EPOCH=TIME))
    return report


def no_boot_loader(_esp: Path, root_hash: str) -> list[str]:
    """What an image has besides that nobody boots: no initrd in its UKI, nothing more in its ESP."""
    return [f"--cmdline=usrhash={root_hash}"]


def make(
    folder: Path, appliance: dict[str, Any], prepare: Callable[[Path, str], list[str]] = no_boot_loader
) -> tuple[Path, str]:
    """One image, as nixpkgs makes it: store and hashes, a UKI with the root hash, then the ESP with it."""
    definitions: Definitions = {
        name: {**values, **VERITY.get(name, {})} for name, values in appliance["definitions"].items()
    }
    store, esp = folder / "store", folder / "esp"
    store.mkdir(parents=True)
    esp.mkdir()
    for number in range(64):
        (store / f"file-{number}").write_bytes(hashlib.sha256(bytes([number])).digest() * 4096)
    definitions["20-store"]["CopyFiles"] = f"{store}:/nix/store"
    definitions["00-esp"]["CopyFiles"] = f"{esp}:/"
    write_definitions(folder / "repart.d", definitions)
    image = folder / f"{appliance['name']}.raw"

    options = ["--size=auto", "--split=yes"]
    report = repart(image, folder / "repart.d", [*options, "--empty=create", "--defer-partitions=esp"], appliance)
    root_hash = next(row["roothash"] for row in report if row["type"] == "usr-x86-64-verity")
    uki = esp / "EFI/Linux" / f"{appliance['name']}.efi"
    uki.parent.mkdir(parents=True)
    command = ["ukify", "build", f"--linux={kernel()}", *prepare(esp, root_hash), f"--output={uki}"]
    run(command, SOURCE_DATE_EPOCH=TIME)
    for path in [esp, *esp.rglob("*")]:
        os.utime(path, (int(TIME), int(TIME)))
    final = folder / "final" / image.name
    final.parent.mkdir()
    run(["cp", "--sparse=always", str(image), str(final)])
    repart(final, folder / "repart.d", options, appliance)
    # The second report does not know the root hash; nixpkgs puts that of the first one in its place.
    (final.parent / "repart-output.json").write_text(json.dumps(report))
    return final, root_hash


def digests(image: Path) -> dict[str, str]:
    """Of the image and of the files of its partitions, by name."""
    found = {}
    for path in sorted(image.parent.glob(f"{image.stem}*.raw")):
        with path.open("rb") as opened:
            found[path.name] = hashlib.file_digest(opened, "sha256").hexdigest()
    return found


def verifies(image: Path, root_hash: str) -> bool:
    """Whether the store of an image is the one of the root hash."""
    store, hashes = (image.with_name(f"{image.stem}.{part}.raw") for part in ("store", "verity"))
    return subprocess.run(["veritysetup", "verify", store, hashes, root_hash], capture_output=True).returncode == 0


def change_one_byte(store: Path) -> None:
    """In the middle of what is written."""
    with store.open("r+b") as opened:
        opened.seek(8192)
        byte = opened.read(1)
        opened.seek(8192)
        opened.write(bytes([byte[0] ^ 1]))


def partitions(image: Path) -> list[dict[str, Any]]:
    """The partitions of an image, in order."""
    found: list[dict[str, Any]] = json.loads(run(["sfdisk", "--json", str(image)]))["partitiontable"]["partitions"]
    return found


def labels(image: Path) -> list[str]:
    """The names of an image's partitions, in order."""
    return [partition.get("name", "") for partition in partitions(image)]


def grow(image: Path) -> None:
    """Gives the image the size of a machine's disk."""
    os.truncate(image, DISK_BYTES)


def boot_first(image: Path, folder: Path, appliance: dict[str, Any]) -> list[str]:
    """What the first boot makes of the disk: the names of its partitions."""
    grow(image)
    write_definitions(folder / "first-boot.d", appliance["firstBoot"])
    repart(image, folder / "first-boot.d", [], appliance)
    return labels(image)


def publish(image: Path, kernels: Path, folder: Path, appliance: dict[str, Any]) -> str:
    """Runs the script of `nix/appliance.nix` on an image, for the files of an update; the root hash that it tells."""
    run(["bash", "-euc", appliance["publish"]], finalImage=str(image.parent), uki=str(kernels), out=str(folder))
    return (folder / "root-hash").read_text().strip()


def update(image: Path, esp: Path, published: Path, appliance: dict[str, Any]) -> None:
    """Runs systemd-sysupdate with the module's transfers, on the image in the place of the running disk."""
    folder = published.parent / "sysupdate.d"
    folder.mkdir()
    places = {appliance["update"]: f"file://{published}/", "auto": str(image), "/EFI/Linux": str(esp)}
    for name, transfer in appliance["transfers"].items():
        text = ""
        for section, values in transfer.items():
            here = {key: places.get(value, value) if key == "Path" else value for key, value in values.items()}
            here.pop("PathRelativeTo", None)
            here.update({"ProtectVersion": image.stem.rpartition("_")[2]} if section == "Transfer" else {})
            text += f"[{section}]\n{assignments(here)}"
        (folder / f"{name}.transfer").write_text(text)
    # The signature is gpg's; here the files come from this process.
    run([SYSUPDATE, f"--definitions={folder}", "--verify=no", "--no-pager", "update"])


def check_recipe() -> str:
    """Two images are equal, the root hash holds, the first boot makes the rest, and an update fills the other slot."""
    needs()
    appliance = evaluated("appliance")
    old, new = appliance["name"].rpartition("_")[2], "99.0.0"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, root_hash = make(folder / "first", appliance)
        second, other_hash = make(folder / "second/at/another/path", appliance)
        one, two = digests(first), digests(second)
        if one != two or root_hash != other_hash:
            differing = sorted(key for key in one.keys() | two.keys() if one.get(key) != two.get(key))
            raise Failed(f"two images differ: {differing}")
        if not verifies(first, root_hash):
            raise Failed("the root hash does not verify the store")
        change_one_byte(second.with_name(f"{second.stem}.store.raw"))
        if verifies(second, root_hash):
            raise Failed("a store with one byte changed still verifies")

        expect(boot_first(first, folder, appliance), [old, "_empty"], "after the first boot")
        newer = json.loads(json.dumps(appliance).replace(f"_{old}", f"_{new}"))
        image, new_hash = make(folder / "new", newer)
        kernels = folder / "kernels"
        shutil.copytree(folder / "first/esp/EFI/Linux", kernels)
        if publish(image, folder / "new/esp/EFI/Linux", folder / "published", newer) != new_hash:
            raise Failed("nix/appliance.nix tells another root hash than systemd-repart")
        update(first, kernels, folder / "published/update", newer)
        expect(labels(first), [old, new], "after an update")
        slots = partitions(first)[1:5]
        halves = [partition["uuid"].replace("-", "").lower() for partition in slots]
        if halves[3] + halves[2] != new_hash:
            raise Failed("after an update the new store has not the UUIDs by which its kernel finds it")
        # The new one has its tries to come up, which the boot loader counts.
        if (found := {path.name for path in kernels.iterdir()}) != {f"kinitro_{old}.efi", f"kinitro_{new}+3-0.efi"}:
            raise Failed(f"after an update there are the kernels {found}")
        if slots[0]["attrs"] != slots[2]["attrs"] or slots[1]["attrs"] != slots[3]["attrs"]:
            raise Failed(f"the slots have different attributes: {[slot['attrs'] for slot in slots]}")
    return f"{len(one)} equal files, root hash {root_hash[:16]}…; first boot and update fill both slots"


def expect(found: list[str], slots: list[str], when: str) -> None:
    """Fails unless there are the ESP, both slots and the state partition; an empty slot has one name for both parts."""
    names = ["_empty" if slot == "_empty" else f"{part}_{slot}" for slot in slots for part in ("verity", "store")]
    expected = ["esp", *names, "state"]
    if found != expected:
        raise Failed(f"{when} there are {found}, not {expected}")
