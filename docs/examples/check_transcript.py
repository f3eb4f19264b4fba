#!/usr/bin/env python3
"""Checks kinitro transcripts and manifests without kinitro, from docs/transcript-format.md alone.

    check_transcript.py [--manifest MANIFEST.json] [TRANSCRIPT.ktr ...]

Transcripts: form, hash chain, replay_root, transcript_id, and the sums of the footer. Manifests: digest, contest and engine
digests, Merkle root, and for each given transcript its seed and its row. Not checked: the operator's sr25519 signature and VRF
proof (they need a schnorrkel library; `kinitro verify` checks them) and physics (it needs the simulator).

Needs the packages of requirements.txt. Exit code 0: everything holds. 1: something does not.
"""

import argparse
import io
import json
import math
import struct
import sys

import blake3
import cbor2
import zstandard

MAX_BYTES = 16 * 1024 * 1024
MAGIC, VERSION = "kinitro-transcript", 1
MISSED = ["timeout", "disconnected", "http_status", "too_large", "malformed"]


class Wrong(Exception):
    """Something that does not hold."""


def need(holds, message):
    if not holds:
        raise Wrong(message)


def digest(data):
    return blake3.blake3(data).digest()


def derive_key(context, data):
    return blake3.blake3(data, derive_key_context=context).digest()


def link(chain, data):
    return digest(chain + data)


# --- canonical JSON, RFC 8785 ---------------------------------------------------------------------------------------------


def number_text(value):
    """A double as ECMAScript writes it: the shortest digits that read back, in its own layout."""
    if value == 0:
        return "0"
    if value < 0:
        return "-" + number_text(-value)
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0)
    if whole == "0":
        point -= 1 + len(fraction) - len(fraction.lstrip("0"))
    digits = digits.rstrip("0") or "0"
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    power = point - 1
    rest = "." + digits[1:] if len(digits) > 1 else ""
    return f"{digits[0]}{rest}e{'+' if power >= 0 else '-'}{abs(power)}"


def canonical(value):
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        need(abs(value) < 2**53, f"{value} is beyond the whole numbers that JSON keeps exact")
        return str(value)
    if isinstance(value, float):
        need(math.isfinite(value), "a number that is not finite")
        return number_text(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"


def canonical_bytes(value):
    return canonical(value).encode()


# --- digests that both formats share --------------------------------------------------------------------------------------


def engine_digest(engine):
    parts = [
        engine["mujoco_version"].encode(),
        bytes.fromhex(engine["libmujoco"]),
        bytes.fromhex(engine["assets"]),
        struct.pack("<I", engine["task_code"]),
        engine["maths"].encode(),
        engine["renderer"].encode(),
        engine["architecture"].encode(),
    ]
    return derive_key("kinitro engine fingerprint v1", b"".join(struct.pack("<I", len(p)) + p for p in parts))


def episode_seed(output, cycle, environment, index):
    cycle_seed = derive_key("kinitro cycle seed v1", output + struct.pack("<Q", cycle))
    message = b"episode" + environment.encode() + b"\0" + struct.pack("<I", index)
    return blake3.blake3(message, key=cycle_seed).digest()


# --- transcripts ----------------------------------------------------------------------------------------------------------


class Items:
    """The CBOR items of a body, one after the other, each with its bytes, which must be the deterministic ones."""

    def __init__(self, body):
        self.body, self.file, self.at = body, io.BytesIO(body), 0

    def next(self):
        need(self.at < len(self.body), "the transcript is truncated")
        self.file.seek(self.at)
        try:
            item = cbor2.CBORDecoder(self.file).decode()
        except cbor2.CBORDecodeError as error:
            raise Wrong(f"no CBOR item at byte {self.at}: {error}") from error
        raw = cbor2.dumps(item, canonical=True)
        need(self.body.startswith(raw, self.at), f"the item at byte {self.at} is not in its deterministic form")
        self.at += len(raw)
        return item, raw


def unpack(path):
    with open(path, "rb") as file:
        reader = zstandard.ZstdDecompressor(max_window_size=MAX_BYTES).stream_reader(file)
        try:
            body = reader.read(MAX_BYTES + 1)
        except zstandard.ZstdError as error:
            raise Wrong(f"no zstd frame: {error}") from error
    need(len(body) <= MAX_BYTES, "larger than any honest transcript")
    return body


def is_digests(values):
    return isinstance(values, list) and all(isinstance(v, bytes) and len(v) == 32 for v in values)


def check_record(record, heavy, kind, length):
    need(isinstance(record, list) and len(record) == length + heavy, f"a {kind} record of wrong length")
    if heavy:
        values = record[-1]
        state = record[2] if kind == "reset" else record[6]
        need(digest(values) == state, f"a {kind} record's state is not what its digest says")


def check_step(step):
    sent, applied, observation, frames, reward, success, state = step[:7]
    need((isinstance(sent, int) and sent < len(MISSED)) or (isinstance(sent, bytes) and len(sent) == 32), "sent")
    need(len(applied) == 16 and all(-1 <= v <= 1 for v in struct.unpack("<4f", applied)), "applied action")
    need(is_digests([observation, state]) and is_digests(frames), "digests")
    need(len(reward) == 8 and isinstance(success, bool), "reward and success")


def read_transcript(path):
    """Checks one file; its header, footer and id."""
    items = Items(unpack(path))
    (magic, version, header), raw = items.next()
    need(magic == MAGIC, "not a kinitro transcript")
    need(version == VERSION, f"format version {version}; this reader knows {VERSION}")
    heavy = header["heavy"]
    chain = derive_key("kinitro transcript v1", raw)
    first = [engine_digest(header["engine"]), header["environment"], bytes.fromhex(header["seed"])]
    replay = derive_key("kinitro replay v1", cbor2.dumps(first, canonical=True))

    reset, raw = items.next()
    check_record(reset, heavy, "reset", 3)
    cameras = len(header.get("cameras", []))
    need(len(reset[1]) == cameras, "one picture of each camera")
    chain = link(chain, raw)
    replay = link(replay, cbor2.dumps(reset[:3], canonical=True))

    steps, total, first_success = 0, 0.0, None
    while True:
        item, raw = items.next()
        chain = link(chain, raw)
        if isinstance(item, dict):
            footer = item
            break
        check_record(item, heavy, "step", 10)
        check_step(item)
        need(len(item[3]) == cameras, "one picture of each camera")
        _, applied, observation, frames, reward, success, state = item[:7]
        replayable = [applied, observation, frames, reward, success, state]
        replay = link(replay, cbor2.dumps(replayable, canonical=True))
        steps += 1
        total += struct.unpack("<d", reward)[0]
        if success and first_success is None:
            first_success = steps
    transcript_id, _ = items.next()
    need(items.at == len(items.body), "bytes follow the transcript's end")

    outcome = "faulted" if footer["fault"] else "success" if first_success else "failure"
    need(transcript_id == chain, "transcript_id does not follow from the contents")
    need(footer["replay_root"] == replay.hex(), "replay_root does not follow from the steps")
    need(footer["steps"] == steps, "the number of steps does not follow")
    need(footer["total_reward"] == struct.pack(">d", total).hex(), "the total reward does not follow")
    need(footer["first_success_step"] == first_success, "the first success step does not follow")
    need(footer["outcome"] == outcome, "the outcome does not follow")
    need(steps <= header["max_steps"], "more steps than the contest has")
    return header, footer, transcript_id.hex()


# --- manifests ------------------------------------------------------------------------------------------------------------


def merkle_root(leaves):
    """RFC 6962 section 2.1 with blake3."""
    if not leaves:
        return digest(b"")
    if len(leaves) == 1:
        return digest(b"\0" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return digest(b"\1" + merkle_root(leaves[:split]) + merkle_root(leaves[split:]))


def no_repeated_keys(pairs):
    need(len({key for key, _ in pairs}) == len(pairs), "a key stands twice")
    return dict(pairs)


def read_manifest(path):
    with open(path, encoding="utf-8") as file:
        signed = json.load(file, object_pairs_hook=no_repeated_keys)
    manifest = signed["manifest"]
    need(manifest["format"] == "kinitro-manifest" and manifest["version"] == 1, "no manifest of version 1")
    need(signed["digest"] == digest(canonical_bytes(manifest)).hex(), "the digest does not follow from the contents")
    need(manifest["contest_digest"] == digest(canonical_bytes(manifest["contest"])).hex(), "the contest digest")
    need(manifest["engine_digest"] == engine_digest(manifest["engine"]).hex(), "the engine digest")
    leaves = [canonical_bytes(row) for row in manifest["episodes"]]
    need(manifest["episodes_root"] == merkle_root(leaves).hex(), "the Merkle root does not follow from the episodes")
    return manifest, signed["digest"]


def check_against(manifest, header, footer, transcript_id):
    rows = [row for row in manifest["episodes"] if row["transcript_id"] == transcript_id]
    need(len(rows) == 1, "the manifest names no such transcript")
    row, total = rows[0], struct.unpack(">d", bytes.fromhex(footer["total_reward"]))[0]
    output = bytes.fromhex(manifest["beacon"]["output"])
    seed = episode_seed(output, manifest["cycle"], row["environment"], row["index"])
    need(header["seed"] == seed.hex(), "the seed does not follow from the manifest's beacon")
    for field in ("cycle", "anchor", "engine"):
        need(header[field] == manifest[field], f"{field} is not the manifest's")
    need(header["contest"] == manifest["contest_digest"], "contest is not the manifest's")
    for field in ("environment", "index"):
        need(header[field] == row[field], f"{field} is not its row's")
    for field in ("uid", "hotkey"):
        need(header["miner"][field] == row[field], f"{field} is not its row's")
    for field in ("replay_root", "outcome", "fault", "steps", "first_success_step"):
        need(footer[field] == row[field], f"{field} is not its row's")
    need(row["reward"] == (total if math.isfinite(total) else None), "reward is not its row's")
    need(row["success"] == (footer["outcome"] == "success"), "success is not its row's")


def main():
    parser = argparse.ArgumentParser(description="Check kinitro transcripts and manifests without kinitro.")
    parser.add_argument("--manifest", help="a published manifest; the transcripts are then held against it")
    parser.add_argument("transcripts", nargs="*", help="transcript files")
    arguments = parser.parse_args()
    failed, manifest, name = False, None, arguments.manifest
    try:
        if name:
            manifest, manifest_digest = read_manifest(name)
            print(f"{name}: manifest {manifest_digest} holds (signature not checked)")
    except (Wrong, KeyError, TypeError, ValueError, OSError) as error:
        print(f"{name}: {error or repr(error)}")
        return 1
    for path in arguments.transcripts:
        try:
            header, footer, transcript_id = read_transcript(path)
            if manifest:
                check_against(manifest, header, footer, transcript_id)
            print(f"{path}: transcript {transcript_id} holds ({footer['steps']} steps, {footer['outcome']})")
        except (Wrong, KeyError, TypeError, ValueError, OSError, struct.error) as error:
            failed = True
            print(f"{path}: {error or repr(error)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
