"""Deploys the policy to Chutes: the same three calls as server.py, as cords.

    export CHUTE_USER=alice HF_REPO=alice/policy HF_REVISION=0123456789abcdef0123456789abcdef01234567
    chutes build chute:chute
    chutes deploy chute:chute --accept-fee

A cord is handed the JSON body and no headers: there is no msgpack here and no x-kinitro-episode, so the policy must
remember nothing between calls. They come on several threads at once, each call in an event loop of its own.
"""

import os
import re
import time

from chutes.chute import Chute, NodeSelector
from chutes.image import Image
from pydantic import BaseModel


def setting(name, default=None):
    """A setting from the environment."""
    value = os.environ.get(name) or default
    if value is None:
        raise SystemExit(f"chute.py: set {name} in the environment")
    return value


# On the platform this file is loaded again, where only what the image has is known; so the image has them too.
CHUTES_USER = setting("CHUTE_USER")
HF_REPO = setting("HF_REPO")
HF_REVISION = setting("HF_REVISION")
CHUTE_NAME = setting("CHUTE_NAME", f"{CHUTES_USER}-kinitro-policy")
GPU_COUNT = int(setting("GPU_COUNT", "1"))
MIN_VRAM_GB = int(setting("MIN_VRAM_GB", "16"))

if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*", HF_REPO):
    raise SystemExit("chute.py: HF_REPO is owner/name")
# A branch could become another model after the claim; a commit cannot.
if not re.fullmatch(r"[0-9a-f]{40}", HF_REVISION):
    raise SystemExit("chute.py: HF_REVISION is the full commit, 40 hexadecimal digits")

JSON = "application/json"
FETCH = (
    "from huggingface_hub import snapshot_download as get; "
    f"get('{HF_REPO}', revision='{HF_REVISION}', local_dir='/app')"
)

# The image is named by the revision, so that another revision is another image.
image = (
    Image(CHUTES_USER, CHUTE_NAME, HF_REVISION[:12])
    .from_base("parachutes/python:3.12")
    .with_env("CHUTE_USER", CHUTES_USER)
    .with_env("CHUTE_NAME", CHUTE_NAME)
    .with_env("HF_REPO", HF_REPO)
    .with_env("HF_REVISION", HF_REVISION)
    .run_command("pip install huggingface_hub")
    .run_command(f'python -c "{FETCH}"')
    .run_command("pip install -r /app/requirements.txt")
)

chute = Chute(
    username=CHUTES_USER,
    name=CHUTE_NAME,
    image=image,
    tagline="A policy for kinitro",
    node_selector=NodeSelector(gpu_count=GPU_COUNT, min_vram_gb_per_gpu=MIN_VRAM_GB),
    # Episodes at the same time on one instance.
    concurrency=32,
    # Cold instances miss a cycle: stay up for eight hours after the last call.
    shutdown_after_seconds=28_800,
)


class ResetRequest(BaseModel):
    task_config: dict = {}


class ActRequest(BaseModel):
    observation: list[float]
    images: dict[str, list] | None = None


@chute.on_startup()
async def load(self):
    import sys

    sys.path.insert(0, "/app")
    from policy import RobotPolicy

    self.started = time.monotonic()
    self.policy = RobotPolicy()


@chute.cord(public_api_path="/health", public_api_method="GET", output_content_type=JSON)
async def health(self) -> dict:
    return {
        "status": "healthy",
        "model_loaded": self.policy.is_loaded(),
        "uptime_seconds": time.monotonic() - self.started,
        "encodings": ["json"],
    }


@chute.cord(public_api_path="/reset", public_api_method="POST", output_content_type=JSON)
async def reset(self, request: ResetRequest) -> dict:
    return {"status": "ok", "episode_id": await self.policy.reset(request.task_config)}


@chute.cord(public_api_path="/act", public_api_method="POST", output_content_type=JSON)
async def act(self, request: ActRequest) -> dict:
    import numpy as np

    images = {name: np.asarray(image, np.uint8) for name, image in (request.images or {}).items()}
    action = await self.policy.act(np.asarray(request.observation, np.float32), images or None)
    return {"action": [float(number) for number in action]}
