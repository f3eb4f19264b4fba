"""Serves the policy by HTTP as kinitro asks for it:

    uvicorn server:app --host 127.0.0.1 --port 8001
    kinitro evaluate http://127.0.0.1:8001 --env metaworld/reach-v3

Both encodings of /act are understood: JSON, and msgpack, which is four times smaller and much faster.
"""

import json
import time
from contextlib import asynccontextmanager

import msgpack
import numpy as np
from fastapi import FastAPI, HTTPException, Request, Response

from policy import RobotPolicy

MSGPACK = "application/msgpack"
# Largest request that is read: the pictures of the largest contest, as JSON.
MAX_REQUEST_BYTES = 32 << 20

STARTED = time.monotonic()
POLICY = RobotPolicy()


@asynccontextmanager
async def lifespan(app):
    yield
    await POLICY.cleanup()


app = FastAPI(title="kinitro policy", lifespan=lifespan)


async def body_of(request: Request):
    """The request's body, read in the encoding that it names."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_REQUEST_BYTES:
            raise HTTPException(413, f"a request has at most {MAX_REQUEST_BYTES} bytes")
    try:
        packed = request.headers.get("content-type", "").split(";")[0].strip().lower() == MSGPACK
        message = msgpack.unpackb(bytes(body)) if packed else json.loads(body)
    except Exception as error:
        raise HTTPException(400, f"the body cannot be read: {error}") from error
    if not isinstance(message, dict):
        raise HTTPException(400, "the body is not a map")
    return message, packed


def picture(image):
    """A picture of (height, width, 3) bytes from either form."""
    if isinstance(image, dict):
        if image["dtype"] != "uint8":
            raise ValueError("a picture has the dtype uint8")
        pixels = np.frombuffer(image["data"], np.uint8).reshape(image["shape"])
    else:
        pixels = np.asarray(image, np.uint8)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError("a picture has height, width and three colours")
    return pixels


@app.get("/health")
async def health():
    return {
        "status": "healthy",
        "model_loaded": POLICY.is_loaded(),
        "uptime_seconds": time.monotonic() - STARTED,
        "encodings": ["json", "msgpack"],
    }


@app.post("/reset")
async def reset(request: Request):
    message, _ = await body_of(request)
    task_config = message.get("task_config") or {}
    if not isinstance(task_config, dict):
        raise HTTPException(400, "not a request of kinitro-v1: task_config is not a map")
    # The same for all calls of an episode; many episodes run at the same time.
    episode = request.headers.get("x-kinitro-episode")
    return {"status": "ok", "episode_id": await POLICY.reset(task_config, episode)}


@app.post("/act")
async def act(request: Request):
    message, packed = await body_of(request)
    try:
        observation = np.asarray(message["observation"], np.float32)
        images = {name: picture(image) for name, image in (message.get("images") or {}).items()}
        if observation.shape != (4,) or not np.isfinite(observation).all():
            raise ValueError("an observation is four finite numbers")
    except Exception as error:  # numbers too large for their type, unknown shapes, missing keys, …
        raise HTTPException(400, f"not a request of kinitro-v1: {error}") from error
    action = await POLICY.act(observation, images or None, request.headers.get("x-kinitro-episode"))
    answer = {"action": [float(number) for number in action]}
    if packed:
        return Response(msgpack.packb(answer), media_type=MSGPACK)
    return answer
