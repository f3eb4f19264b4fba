"""The appliance's disk in a virtual machine: firmware, boot loader, kernel, and its initrd up to the verified store.

The image is that of image.py with the systemd of Debian as initrd (dracut) and systemd-boot. It shows that a machine
starts from the root hash in its kernel's command line, finds its own disk, makes the second slot and the state
partition once, and mounts the state. What NixOS's own initrd does with the same definitions, it does not show.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import image
from common import Failed, Skipped, run
from machines import evaluated

PROGRAMS = ("dracut", "qemu-system-x86_64")
FIRMWARE = Path("/usr/share/OVMF")
BOOT_LOADER = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
PACKAGES = "dracut-core systemd-cryptsetup systemd-boot-efi ovmf qemu-system-x86"
# Emulated, it takes a minute and a half.
BOOT_S = 300
# Of the machine, by its firmware.
IDENTITY = "6b696e69-7472-4f00-8000-6d616368696e"
# As nixpkgs' module has the unit: the definitions are the initrd's. Our module adds what /usr is mounted by.
REPART = """[Unit]
After=sysroot.mount {after}
Requires={requires}
[Service]
Environment=TMPDIR=/tmp
ExecStart=
ExecStart=systemd-repart --definitions=/etc/repart.d --dry-run=no
"""
# What is looked at, one line each, before the machine is switched off.
PROBE = """[Unit]
DefaultDependencies=no
Wants=systemd-repart.service
After=initrd-root-fs.target initrd-usr-fs.target systemd-repart.service
Before=initrd.target initrd-cleanup.service initrd-switch-root.target
[Service]
Type=oneshot
StandardOutput=tty
TTYPath=/dev/ttyS0
ExecStart=-/bin/sh -c 'udevadm settle; \
  for label in $$(lsblk --noheadings --output PARTLABEL /dev/vda); do echo "PART $$label"; done; \
  echo "USR $$(findmnt --noheadings --output SOURCE,FSTYPE /sysroot/usr)"; \
  mkdir -p /sysroot/var; mount /dev/disk/by-partlabel/state /sysroot/var && echo MOUNTED; \
  test -e /sysroot/usr/nix/store/file-1 && echo STORE; \
  echo "IDENTITY $$(cat /etc/machine-id)"; \
  test -e /sysroot/var/seen && echo AGAIN; touch /sysroot/var/seen; umount /sysroot/var; \
  systemctl --force --force poweroff'
"""


def needs() -> None:
    """Skips where a program is missing."""
    image.needs()
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    missing += [str(path) for path in (FIRMWARE / "OVMF_CODE_4M.fd", BOOT_LOADER) if not path.exists()]
    if missing:
        raise Skipped(f"{', '.join(missing)} missing (Debian: {PACKAGES})")


def make_initrd(folder: Path, appliance: dict[str, Any]) -> Path:
    """An initrd of systemd with the module's definitions for the first boot."""
    extra = folder / "initrd.d"
    units = extra / "etc/systemd/system"
    (units / "systemd-repart.service.d").mkdir(parents=True)
    (units / "initrd.target.wants").mkdir()
    unit = {key: " ".join(names) for key, names in appliance["firstBootUnit"].items()}
    (units / "systemd-repart.service.d/definitions.conf").write_text(REPART.format(**unit))
    (units / "probe.service").write_text(PROBE)
    (units / "initrd.target.wants/probe.service").symlink_to("../probe.service")
    image.write_definitions(extra / "etc/repart.d", appliance["firstBoot"])
    initrd = folder / "initrd"
    version = image.kernel().name.removeprefix("vmlinuz-")
    command = ["dracut", "--force", "--no-hostonly", "--kver", version, "--include", str(extra), "/"]
    command += ["--add", "systemd systemd-veritysetup systemd-repart dm"]
    command += ["--add-drivers", "virtio_blk virtio_pci erofs dm_verity ext4"]
    command += ["--install", "findmnt lsblk mkdir mkfs.ext4 mount touch udevadm umount", str(initrd)]
    run(command)
    return initrd


def with_boot_loader(initrd: Path, appliance: dict[str, Any]) -> Callable[[Path, str], list[str]]:
    """What a bootable image has besides: arguments for ukify, and the boot loader in the ESP."""
    parameters = " ".join(["root=tmpfs console=ttyS0", *appliance["kernelParams"]])

    def prepare(esp: Path, root_hash: str) -> list[str]:
        (esp / "EFI/BOOT").mkdir(parents=True)
        shutil.copy(BOOT_LOADER, esp / "EFI/BOOT/BOOTX64.EFI")
        return [f"--initrd={initrd}", f"--cmdline=usrhash={root_hash} {parameters}"]

    return prepare


def boot(disk: Path, folder: Path) -> list[str]:
    """Starts the machine until it switches itself off; what the probe said."""
    variables = folder / "variables.fd"
    shutil.copy(FIRMWARE / "OVMF_VARS_4M.fd", variables)
    command = [
        "qemu-system-x86_64",
        "-machine",
        "q35,accel=tcg",
        "-cpu",
        "max",
        "-m",
        "1500",
        "-nographic",
        "-no-reboot",
    ]
    command += ["-uuid", IDENTITY, "-net", "none", "-drive", f"if=virtio,format=raw,file={disk}"]
    command += ["-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}/OVMF_CODE_4M.fd"]
    command += ["-drive", f"if=pflash,format=raw,file={variables}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=BOOT_S)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"the machine is still up after {BOOT_S} s") from error
    console = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", done.stdout.decode(errors="replace"))
    said = re.findall(r"^(PART \S+|USR .*|MOUNTED|STORE|AGAIN|IDENTITY .*)\s*$", console, re.MULTILINE)
    if not said:
        raise Failed(f"the machine did not come as far as its probe:\n{console[-2000:]}")
    return [" ".join(line.split()) for line in said]


def check_boot() -> str:
    """The first start makes the rest of the disk, the second finds it; both read the store and know the machine."""
    needs()
    appliance = evaluated("appliance")
    version = appliance["name"].rpartition("_")[2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        initrd = make_initrd(folder, appliance)
        disk, _ = image.make(folder / "image", appliance, with_boot_loader(initrd, appliance))
        image.grow(disk)
        labels = ["esp", f"verity_{version}", f"store_{version}", "_empty", "_empty", "state"]
        first = [f"PART {label}" for label in labels] + ["USR /dev/mapper/usr erofs", "MOUNTED", "STORE"]
        first += [f"IDENTITY {IDENTITY.replace('-', '')}"]
        for start, expected in (("first", first), ("second", [*first, "AGAIN"])):
            if (said := boot(disk, folder)) != expected:
                raise Failed(f"at the {start} start the machine says {said}, not {expected}")
    return "two starts under UEFI, emulated: verified store, second slot, state partition, one identity"
