"""MuJoCo's own GL renderer, timed, for camera_speed.py.

The first line of standard input is a job {"env": "reach-v3", "task_vector": [...], "moments": [0, 20, ...]}: the
scripted expert plays, and the states after these many steps are kept. Each following line is a job
{"camera": "corner", "size": 84, "seconds": 2.0}, whose answer is {"frames_per_s": ...}: pictures of these states in
turn, per second of processor time of all of this process.
"""

import copy
import json
import sys
import time
import warnings

import mujoco

import oracle


def states_of(job):
    env = oracle.make(job["env"], job["task_vector"], True)
    expert = oracle.Scripted(job["env"], None)
    obs, _ = env.reset()
    step, states = 0, []
    for moment in job["moments"]:
        while step < moment:
            obs, _, _, _, _ = env.step(expert.act(obs))
            step += 1
        state = copy.copy(env.data)
        # MetaWorld leaves the positions of a world that was just reset underived.
        mujoco.mj_forward(env.model, state)
        states.append(state)
    return env.model, states


def rate(renderer, states, job):
    def draw(number):
        renderer.update_scene(states[number % len(states)], job["camera"])
        renderer.render()

    draw(0)
    count, started = 0, time.process_time()
    while time.process_time() - started < job["seconds"]:
        draw(count)
        count += 1
    return count / (time.process_time() - started)


def main():
    warnings.simplefilter("ignore")
    oracle.check_setup()
    model, states = states_of(json.loads(sys.stdin.readline()))
    print(json.dumps({"moments": len(states)}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        renderer = mujoco.Renderer(model, job["size"], job["size"])
        print(json.dumps({"frames_per_s": rate(renderer, states, job)}), flush=True)
        renderer.close()


if __name__ == "__main__":
    main()
