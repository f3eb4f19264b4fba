"""The policy: edit this file. `server.py` and `chute.py` serve it, `train.py` fits the numbers that it loads.

Without `policy.safetensors` it moves the hand to the middle of the table and opens the fingers. With it, it goes where
the pictures say that an expert's hand would end.
"""

import os
import uuid

import numpy as np

# The numbers that `train.py` fits, beside this file.
WEIGHTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "policy.safetensors")
# The contest's cameras, in the order in which their features stand.
CAMERAS = ("corner", "gripper")
# Where the hand goes without weights: x, y, z in metres.
MIDDLE = np.array([0.0, 0.85, 0.17], np.float32)
# An action of 1 moves the hand's target by 1 cm; so an error of 10 cm gives full speed.
GAIN = 10.0
# What a picture shows is noted on a grid of CELLS x CELLS points, whatever its size.
CELLS = 8


def see(picture):
    """How much bright red a picture of (height, width, 3) bytes has around each point of the grid.

    The mark of the goal of reach-v3 is bright red, the arm and the puck are dark red. For other tasks, see other
    things: this is the place for a vision encoder of your own.
    """
    pixels = np.asarray(picture, np.float32)
    height, width, _ = pixels.shape
    redness = np.clip((pixels[..., 0] - np.maximum(pixels[..., 1], pixels[..., 2]) - 135.0) / 80.0, 0.0, 1.0)
    rows, columns = np.nonzero(redness)
    amounts = redness[rows, columns] * (84.0 * 84.0 / (height * width))
    # Each pixel counts for the four points around it, by nearness, so that a mark that moves moves the numbers smoothly.
    down, right = (rows + 0.5) * (CELLS - 1) / height, (columns + 0.5) * (CELLS - 1) / width
    upper, left = down.astype(int), right.astype(int)
    down, right = down - upper, right - left
    grid = np.zeros(CELLS * CELLS)
    for row, near_row in ((upper, 1.0 - down), (upper + 1, down)):
        for column, near_column in ((left, 1.0 - right), (left + 1, right)):
            grid += np.bincount(row * CELLS + column, amounts * near_row * near_column, CELLS * CELLS)
    return grid.astype(np.float32)


def features(observation, images):
    """One row of numbers from what the policy is sent: x, y, z, gripper, and what each camera sees."""
    seen = [see(images[camera]) for camera in CAMERAS]
    return np.concatenate([np.asarray(observation, np.float32), *seen])


def predict(weights, rows):
    """Where the expert's hand would end, (n, 3) metres, by a network of two hidden layers, from (n, features)."""
    hidden = (rows - weights["mean"]) / weights["scale"]
    hidden = np.maximum(hidden @ weights["w1"] + weights["b1"], 0.0)
    hidden = np.maximum(hidden @ weights["w2"] + weights["b2"], 0.0)
    return hidden @ weights["w3"] + weights["b3"]


class RobotPolicy:
    """One policy for all episodes. It remembers nothing between calls, so that episodes cannot disturb each other.

    A policy with a memory keeps it by the id that it gives in `reset` and finds in `episode_id` of `act`. Forget old
    ones, because no episode says goodbye. A deployment on Chutes hands over no id (see chute.py): there, remember
    nothing.
    """

    def __init__(self, weights=WEIGHTS):
        self.weights = None
        if os.path.exists(weights):
            from safetensors.numpy import load_file

            self.weights = load_file(weights)
        self._loaded = True

    def is_loaded(self) -> bool:
        """Whether the policy can act."""
        return self._loaded

    async def reset(self, task_config: dict, episode_id: str | None = None) -> str:
        """An episode begins.

        `task_config` has env_id, env_name, task_name, task_id, and a seed for your own sampling.
        """
        return episode_id or uuid.uuid4().hex

    async def act(
        self,
        observation: np.ndarray,
        images: dict[str, np.ndarray] | None = None,
        episode_id: str | None = None,
    ) -> np.ndarray:
        """From [x, y, z, gripper] and a picture of (height, width, 3) bytes per camera to [dx, dy, dz, gripper].

        The last number of the observation is 0 for closed and 1 for open fingers; that of the action is -1 to close
        and +1 to open them. All four of the action are in [-1, 1]. There are 500 ms for it.
        """
        goal = MIDDLE
        if self.weights is not None and images and all(camera in images for camera in CAMERAS):
            goal = predict(self.weights, features(observation, images)[None])[0]
        towards = np.clip(GAIN * (goal - observation[:3]), -1.0, 1.0)
        return np.append(towards, 1.0).astype(np.float32)

    async def cleanup(self):
        """The server stops."""
        self.weights = None
        self._loaded = False
