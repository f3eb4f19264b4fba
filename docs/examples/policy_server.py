#!/usr/bin/env python3
"""A minimal policy server for profile kinitro-v1, with nothing but Python's standard library.

    python3 policy_server.py 8001
    kinitro evaluate http://127.0.0.1:8001 --env metaworld/reach-v3 --episodes 3

It moves the hand to one fixed point for each task: put your policy into `Policy`. The protocol is described in
docs/miners.md.
"""

import json
import sys
import threading
import time
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Episodes that are remembered; the oldest go first. An episode that ends by our fault says no goodbye.
MAX_EPISODES = 1024
# Largest request that is read: the pictures of the largest contest, as JSON.
MAX_REQUEST_BYTES = 32 << 20
# Metres that the hand moves in one step for an action of 1.
METRES_PER_UNIT = 0.01
# Where the hand goes, in metres: for one task, and for all others.
POINTS = {"reach-v3": (0.0, 0.85, 0.18)}
OTHER_POINT = (0.0, 0.7, 0.15)


class Policy:
    """One episode. Everything that a policy learns is in the task config and in the observations."""

    def __init__(self, task_config):
        self.point = POINTS.get(task_config.get("task_name"), OTHER_POINT)

    def act(self, observation, images):
        """From [x, y, z, gripper] to [dx, dy, dz, gripper]; the last is -1 to close and +1 to open the fingers.

        `images` is None, or holds for each camera rows of pixels [red, green, blue]. This policy looks at none.
        """
        towards = [(goal - hand) / METRES_PER_UNIT for goal, hand in zip(self.point, observation[:3])]
        return [max(-1.0, min(1.0, value)) for value in towards] + [1.0]


class Episodes:
    """Policies of the episodes under way, by the id that all calls of an episode carry."""

    def __init__(self):
        self.lock = threading.Lock()
        self.policies = OrderedDict()

    def put(self, episode, policy):
        with self.lock:
            self.policies[episode] = policy
            while len(self.policies) > MAX_EPISODES:
                self.policies.popitem(last=False)

    def get(self, episode):
        with self.lock:
            return self.policies.get(episode)


EPISODES = Episodes()
STARTED = time.monotonic()


class Handler(BaseHTTPRequestHandler):
    # HTTP/1.1 keeps the episode's one connection open; without Nagle's algorithm an answer leaves at once.
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.path != "/health":
            return self.answer(404, {"detail": "this server has GET /health, POST /reset and POST /act"})
        self.answer(200, {"status": "healthy", "model_loaded": True, "uptime_seconds": time.monotonic() - STARTED})

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        if not 0 < length <= MAX_REQUEST_BYTES:
            self.close_connection = True
            return self.answer(400, {"detail": "send a JSON body with a Content-Length"})
        try:
            status, body = self.handle_call(json.loads(self.rfile.read(length)))
        except (ValueError, KeyError, TypeError) as error:
            status, body = 400, {"detail": f"not a request of kinitro-v1: {error}"}
        self.answer(status, body)

    def handle_call(self, request):
        episode = self.headers.get("x-kinitro-episode", "")
        if self.path == "/reset":
            EPISODES.put(episode, Policy(request["task_config"]))
            return 200, {"status": "ok", "episode_id": episode}
        if self.path == "/act":
            policy = EPISODES.get(episode)
            if policy is None:
                return 409, {"detail": "call /reset first"}
            return 200, {"action": policy.act(request["observation"], request.get("images"))}
        return 404, {"detail": "this server has GET /health, POST /reset and POST /act"}

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        """500 lines an episode help nobody."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # Many episodes begin at the same moment.
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """A caller may hang up at any time, for example when an answer came too late."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
    server = Server(("127.0.0.1", port), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
