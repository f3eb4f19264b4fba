"""A model repository of any size on loopback, made up as it is sent: for the memory and time of `kinitro admit`.

    python3 tests/admission/made_up_repository.py --bytes 18000000000
    HF_ENDPOINT=http://127.0.0.1:8777 /usr/bin/time -v kinitro admit big/policy@main --coldkey ADDRESS --cache FOLDER

It speaks as much of the hub's documented API as a reader needs, with ranges. Nothing is kept on a disk. What was asked
for is printed, so that one sees where a check that was broken off went on.
"""

import argparse
import hashlib
import http.server
import json
import time

REPO = "big/policy"
SHA = "0123456789abcdef0123456789abcdef01234567"
# Substrate's well-known development account.
COLDKEY = b"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\n"
# The data of a file is this again and again. Its length is odd, so that tensors begin at different places of it and are
# not equal.
PATTERN = hashlib.shake_256(b"kinitro").digest((4 << 20) + 3)


class File:
    """A safetensors file: a header, and the pattern from `phase` on."""

    def __init__(self, size, tensors, name_bytes, number):
        self.size, self.phase = size, number * 65_537
        header = b""
        for _ in range(3):
            # The header's length and the lengths in it depend on one another.
            data = size - 8 - len(header)
            side = data // tensors // 2
            entries, at = {}, 0
            for index in range(tensors):
                end = at + 2 * side if index + 1 < tensors else data - data % 2
                name = f"model.layers.{number}.{index:05}.weight".ljust(name_bytes, "_")
                entries[name] = {"dtype": "BF16", "shape": [(end - at) // 2], "data_offsets": [at, end]}
                at = end
            text = json.dumps(entries, separators=(",", ":")).encode()
            header = text.ljust(max(len(header), (len(text) + 64) // 8 * 8 + size % 2))
        self.head = len(header).to_bytes(8, "little") + header
        assert entries and at == size - len(self.head), (at, size, len(self.head))
        digest = hashlib.sha256()
        for piece in self.pieces(0, size):
            digest.update(piece)
        self.sha256 = digest.hexdigest()

    def pieces(self, begin, end):
        if begin < len(self.head):
            yield self.head[begin:end]
            begin = len(self.head)
        view = memoryview(PATTERN)
        while begin < end:
            at = (begin + self.phase) % len(view)
            length = min(end - begin, len(view) - at)
            yield view[at : at + length]
            begin += length


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files, bytes_per_second = {}, 0

    def do_GET(self):
        path = self.path.split("?")[0]
        resolved = path.removeprefix(f"/{REPO}/resolve/{SHA}/")
        if path.startswith(f"/api/models/{REPO}/revision/"):
            self.whole(json.dumps(self.described()).encode())
        elif resolved == "coldkey.txt":
            self.whole(COLDKEY)
        elif resolved in self.files:
            self.ranged(resolved, self.files[resolved])
        else:
            self.send_error(404)

    def described(self):
        blob = hashlib.sha1(b"blob %d\0" % len(COLDKEY) + COLDKEY).hexdigest()
        siblings = [{"rfilename": "coldkey.txt", "size": len(COLDKEY), "blobId": blob, "lfs": None}]
        for name, file in self.files.items():
            lfs = {"sha256": file.sha256, "size": file.size, "pointerSize": 135}
            siblings.append({"rfilename": name, "size": file.size, "blobId": "0" * 40, "lfs": lfs})
        return {"id": REPO, "sha": SHA, "private": False, "gated": False, "disabled": False, "siblings": siblings}

    def whole(self, body):
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def ranged(self, name, file):
        begin, end = 0, file.size
        asked = self.headers.get("range", "")
        if asked.startswith("bytes="):
            first, last = asked.removeprefix("bytes=").split("-")
            begin, end = int(first), int(last) + 1 if last else file.size
        print(f"{name} from byte {begin:,} to {end:,}", flush=True)
        self.send_response(206 if asked else 200)
        self.send_header("content-length", str(end - begin))
        self.send_header("content-range", f"bytes {begin}-{end - 1}/{file.size}")
        self.end_headers()
        sent, begun = 0, time.monotonic()
        try:
            for piece in file.pieces(begin, end):
                self.wfile.write(piece)
                sent += len(piece)
                if self.bytes_per_second:
                    time.sleep(max(0, begun + sent / self.bytes_per_second - time.monotonic()))
        except ConnectionError:
            print(f"{name} was broken off after {sent:,} bytes", flush=True)
            self.close_connection = True

    def log_message(self, *_):
        pass


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--bytes", type=int, default=18_000_000_000, help="of all files together")
    asked.add_argument("--files", type=int, default=4, help="safetensors files")
    asked.add_argument("--tensors", type=int, default=100, help="in each of them")
    asked.add_argument("--name-bytes", type=int, default=0, help="least length of their names")
    asked.add_argument("--bytes-per-second", type=int, default=0, help="no faster than that; 0 is as fast as it can")
    asked.add_argument("--port", type=int, default=8777)
    args = asked.parse_args()
    left = args.bytes - len(COLDKEY)
    for number in range(args.files):
        size = left // (args.files - number)
        left -= size
        name = f"model-{number + 1:05}-of-{args.files:05}.safetensors"
        Answer.files[name] = File(size, args.tensors, args.name_bytes, number)
    Answer.bytes_per_second = args.bytes_per_second
    server = http.server.ThreadingHTTPServer(("127.0.0.1", args.port), Answer)
    print(f"{REPO}@{SHA} at http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
