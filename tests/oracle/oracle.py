"""Python metaworld 3.1.1 as an oracle: one rollout per line of standard input, every value of every step as bits.

A job is a line of JSON:

    {"env": "reach-v3", "draw": 3}                            -> {"task_vector": [...]} as MetaWorld draws it
    {"env": "reach-v3", "task_vector": [...], "steps": 500,
     "actor": "expert" | "disturbed" | [[a, b, c, d], ...],
     "show_goal": false}                                      -> one line per step, step 0 being the reset

Every number of a step is the 16 hexadecimal digits of its bits as float64. Run it through parity.py, which sets the
environment that equal bits need (see `check_setup`).
"""

import hashlib
import json
import os
import pickle
import random
import struct
import sys
import warnings

import mujoco
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.policies import ENV_POLICY_MAP
from metaworld.sawyer_xyz_env import SawyerMocapBase
from metaworld.types import Task

LIBMUJOCO_SHA256 = "23496b023ee80fb61ab71167e94bc649f9941710fde96b18bb8204fb332523ad"
INFO = ("near_object", "grasp_success", "grasp_reward", "in_place_reward", "obj_to_target", "unscaled_reward")


def reset_mocap_welds(self):
    """What metaworld 3.1.1 does, for MuJoCo 3.17: rows of eq_data have 12 numbers now, and it writes 11."""
    for i in range(self.model.neq):
        if self.model.eq_type[i] == mujoco.mjtEq.mjEQ_WELD:
            self.model.eq_data[i, :11] = [0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 5]


SawyerMocapBase.reset_mocap_welds = reset_mocap_welds


def check_setup():
    """Stops unless libmujoco, BLAS and (if asked for) the preloaded maths functions are the ones we compare with."""
    folder = os.path.dirname(mujoco.__file__)
    with open(os.path.join(folder, "libmujoco.so.3.17.0"), "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    if digest != LIBMUJOCO_SHA256:
        sys.exit(f"oracle: libmujoco has sha256 {digest}, not {LIBMUJOCO_SHA256}: install tests/oracle/requirements.txt")
    preload = os.environ.get("LD_PRELOAD")
    with open("/proc/self/maps") as maps:
        if preload and os.path.realpath(preload) not in maps.read():
            sys.exit(f"oracle: {preload} was not loaded: build it with `cargo build --release -p maths_preload`")
    # The last bit of this norm differs under a chain of fused multiply-adds, as on machines with AVX-512.
    v = np.array([-0.7322673547034516, -0.5442588829573099, -0.31630015636915454])
    if np.linalg.norm(v) != np.sqrt(((v[0] * v[0]) + v[1] * v[1]) + v[2] * v[2]):
        sys.exit("oracle: numpy's norm uses fused multiply-add: set OPENBLAS_CORETYPE=Haswell")


def make(name, vector, show_goal):
    """A fresh environment with its task set, through MetaWorld's own door."""
    cls = ALL_V3_ENVIRONMENTS[name]
    env = cls()
    data = {"env_cls": cls, "rand_vec": np.array(vector, dtype=np.float64), "partially_observable": not show_goal}
    env.set_task(Task(env_name=name, data=pickle.dumps(data)))
    return env


def draw(name, seed):
    """The task vector that MetaWorld draws with this seed."""
    env = ALL_V3_ENVIRONMENTS[name]()
    env.seed(seed)
    env._freeze_rand_vec = False
    env.seeded_rand_vec = True
    env._set_task_called = True
    env.reset()
    return [float(x) for x in env._last_rand_vec]


class Scripted:
    """MetaWorld's scripted policy; `disturbed` adds noise and squeezes harder than the action box allows, so that
    the branches of rewards that depend on the fingers are all taken."""

    def __init__(self, name, seed):
        self.policy = ENV_POLICY_MAP[name]()
        self.noise = random.Random(seed) if seed is not None else None
        self.squeeze = 1.0

    def act(self, obs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            action = self.policy.get_action(obs.copy())
        if self.noise is None:
            return action
        if self.noise.random() < 0.05:
            self.squeeze = self.noise.choice([0.5, 1.0, 1.0, 1.7, 2.5])
        offset = [self.noise.uniform(-0.3, 0.3) for _ in range(3)]
        return (action * np.float32(self.squeeze) + np.array(offset + [0.0])).astype(np.float32)


def bits(value):
    return struct.pack(">d", float(value)).hex()


def step_line(env, step, action, obs, reward, info):
    values = {
        "step": step,
        "action": None if action is None else [bits(x) for x in action],
        "obs": [bits(x) for x in obs],
        "reward": bits(reward),
        "success": bits(info.get("success", 0.0)),
        "qpos": [bits(x) for x in env.data.qpos],
        "qvel": [bits(x) for x in env.data.qvel],
        "mocap_pos": [bits(x) for x in env.data.mocap_pos.ravel()],
    }
    values.update((name, bits(info.get(name, 0.0))) for name in INFO)
    return json.dumps(values)


def rollout(job):
    """Yields the lines of one rollout."""
    name = job["env"]
    env = make(name, job["task_vector"], job["show_goal"])
    actor = job["actor"]
    if isinstance(actor, str):
        actor = Scripted(name, json.dumps(job["task_vector"]) if actor == "disturbed" else None)
    obs, _ = env.reset()
    yield step_line(env, 0, None, obs, 0.0, {})
    for step in range(1, job["steps"] + 1):
        action = actor.act(obs) if isinstance(actor, Scripted) else np.array(actor[step - 1]).astype(np.float32)
        obs, reward, _, _, info = env.step(action)
        yield step_line(env, step, action, obs, reward, info)


def main():
    warnings.simplefilter("ignore")
    check_setup()
    for line in sys.stdin:
        job = json.loads(line)
        if "draw" in job:
            print(json.dumps({"task_vector": draw(job["env"], job["draw"])}))
        else:
            for step in rollout(job):
                print(step)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
