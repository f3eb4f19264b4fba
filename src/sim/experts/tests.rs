//! Actions that `metaworld.policies` 3.1.1 returned, most branches of the policies of the first contest. Whole episodes
//! of every expert are pinned in `tests/golden.rs`.

use super::expert;

/// Environment; hand, opening, object and goal of the observation; the action's bits in Python.
type Row = (&'static str, [f64; 3], f64, [f64; 3], [f64; 3], [u32; 4]);

const PYTHON: &[Row] = &[
    (
        "button-press-v3",
        [-0.0675, 0.5748, -0.0272],
        1.0,
        [0.061, 0.8424, 0.1128],
        [-0.1366, 0.4226, 0.0622],
        [0x404d999a, 0xc0200000, 0x3fe00000, 0x00000000],
    ),
    (
        "button-press-v3",
        [0.0006, 0.6857, 0.1172],
        0.509,
        [0.0111, 0.6814, 0.1783],
        [-0.2091, 0.8477, 0.268],
        [0x3e866666, 0x3ec8f5c3, 0xbe63d70a, 0x00000000],
    ),
    (
        "button-press-v3",
        [-0.0729, 0.6364, -0.0681],
        0.792,
        [-0.0988, 0.6174, 0.031],
        [0.0726, 0.5133, 0.1161],
        [0xbf25c28f, 0xc0200000, 0x3f3a3d71, 0x00000000],
    ),
    (
        "door-open-v3",
        [-0.1493, 0.6861, 0.0517],
        0.684,
        [-0.0689, 0.6817, 0.0323],
        [-0.1526, 0.4994, 0.1325],
        [0x3f428f5c, 0xbde147ae, 0xbef851ec, 0x3f800000],
    ),
    (
        "door-open-v3",
        [-0.2965, 1.0417, -0.0633],
        0.939,
        [-0.0743, 0.8252, 0.1329],
        [-0.2162, 0.8194, 0.1389],
        [0x40b9c28f, 0xc09d3333, 0x411e7ae1, 0x3f800000],
    ),
    (
        "door-open-v3",
        [-0.1106, 0.8694, 0.0481],
        0.988,
        [-0.0458, 0.887, 0.0918],
        [-0.1034, 0.8919, 0.2484],
        [0x3fef5c29, 0x3f70a3d7, 0x3f8bd70a, 0x3f800000],
    ),
    (
        "drawer-close-v3",
        [0.0665, 0.7284, 0.1925],
        0.69,
        [0.0785, 0.731, 0.1935],
        [-0.2303, 0.703, 0.1573],
        [0x3e99999a, 0x3d851eb8, 0xbef33333, 0x3f800000],
    ),
    (
        "drawer-close-v3",
        [0.2301, 0.7155, 0.1071],
        0.777,
        [0.0485, 0.8248, 0.0617],
        [-0.2081, 0.4298, 0.1442],
        [0xc09147ae, 0x3f5b851f, 0xbfd147ae, 0x3f800000],
    ),
    (
        "drawer-close-v3",
        [0.1709, 0.7215, 0.1188],
        0.798,
        [0.0949, 0.6785, 0.101],
        [-0.2164, 0.4413, 0.0701],
        [0x00000000, 0x00000000, 0x4138e148, 0x3f800000],
    ),
    (
        "drawer-close-v3",
        [0.1065, 0.8092, 0.3511],
        0.902,
        [0.0057, 0.699, 0.1406],
        [-0.1532, 0.4002, 0.0805],
        [0xc02147ae, 0xc09428f6, 0xbc4ccccd, 0x3f800000],
    ),
    (
        "drawer-open-v3",
        [-0.0156, 0.7077, -0.1465],
        0.739,
        [0.0462, 0.6397, 0.0367],
        [0.1, 0.7046, 0.1643],
        [0x3e7d21ff, 0xbe8b4396, 0x3fed288d, 0xbf800000],
    ),
    (
        "drawer-open-v3",
        [-0.0734, 0.855, 0.1045],
        0.693,
        [-0.0713, 0.829, 0.0844],
        [-0.013, 0.6283, 0.2313],
        [0x3c09a027, 0xbdd4fdf4, 0xbe243fe6, 0xbf800000],
    ),
    (
        "peg-insert-side-v3",
        [-0.0072, 0.817, 0.0844],
        0.912,
        [-0.0207, 0.8252, 0.0989],
        [-0.1897, 0.604, 0.0619],
        [0x3fb70a3d, 0xc0aa6666, 0x3ff1eb85, 0x3f19999a],
    ),
    (
        "peg-insert-side-v3",
        [0.0192, 0.4629, -0.0868],
        0.666,
        [0.0547, 0.6578, 0.0286],
        [-0.1744, 0.5395, 0.2494],
        [0x3f633333, 0x409beb85, 0x412628f6, 0xbf800000],
    ),
    (
        "peg-insert-side-v3",
        [0.0097, 0.7538, 0.0911],
        0.803,
        [0.0319, 0.7454, 0.0611],
        [0.0671, 0.7205, 0.1781],
        [0x3f0e147b, 0xbe570a3d, 0xbf400000, 0x3f19999a],
    ),
    (
        "peg-insert-side-v3",
        [-0.0153, 0.6689, 0.165],
        0.962,
        [-0.02, 0.6944, 0.16],
        [-0.2674, 0.6944, 0.1954],
        [0xc105e148, 0x3f233333, 0xbe000000, 0x3f19999a],
    ),
    (
        "pick-place-v3",
        [-0.0728, 0.7728, 0.1034],
        0.514,
        [-0.0288, 0.8155, 0.1523],
        [-0.1516, 0.5945, 0.2401],
        [0x3ec7ae14, 0x3eda9fbe, 0x3fbe978d, 0x00000000],
    ),
    (
        "pick-place-v3",
        [-0.0385, 0.8105, 0.044],
        0.899,
        [-0.0485, 0.8028, 0.0469],
        [0.0591, 0.6335, 0.2675],
        [0x00000000, 0x00000000, 0x00000000, 0x3f800000],
    ),
    (
        "pick-place-v3",
        [-0.0883, 0.8424, 0.1176],
        0.531,
        [-0.0908, 0.8513, 0.1289],
        [-0.013, 0.7238, 0.2257],
        [0x3f40c49c, 0xbf97ced9, 0x3f8a5e35, 0x3f800000],
    ),
    (
        "push-v3",
        [-0.0655, 0.777, 0.0316],
        0.518,
        [-0.0982, 0.7763, 0.0479],
        [-0.0428, 0.7042, 0.0726],
        [0xbec10625, 0xbbe56042, 0x400a6e98, 0x00000000],
    ),
    (
        "push-v3",
        [0.0156, 0.7101, 0.1576],
        0.547,
        [0.0232, 0.7114, 0.1493],
        [-0.0027, 0.5314, 0.0735],
        [0xbe3b645a, 0xbfe4bc6a, 0xbf574bc7, 0x3f19999a],
    ),
    (
        "push-v3",
        [-0.0185, 0.707, 0.2212],
        0.596,
        [0.004, 0.7146, 0.1915],
        [-0.0471, 0.4029, 0.2664],
        [0xbe926e98, 0xc0429fbe, 0x3ee76c8b, 0x00000000],
    ),
    (
        "push-v3",
        [0.0902, 0.7541, 0.1725],
        0.604,
        [0.0978, 0.7664, 0.1268],
        [-0.0756, 0.8128, 0.1805],
        [0x3cd4fdf4, 0x3dfbe76d, 0xbe20c49c, 0x3f19999a],
    ),
    (
        "reach-v3",
        [0.1114, 0.6661, -0.0047],
        0.91,
        [-0.0156, 0.724, 0.0273],
        [0.0952, 0.7555, 0.2715],
        [0xbda5e354, 0x3ee4dd2f, 0x3fb0c49c, 0x00000000],
    ),
];

#[test]
fn every_action_is_pythons_bits() {
    for (name, hand, opening, object, goal, expected) in PYTHON {
        let mut observation = [0.0; 39];
        observation[..3].copy_from_slice(hand);
        observation[3] = *opening;
        observation[4..7].copy_from_slice(object);
        observation[36..].copy_from_slice(goal);
        let env = format!("metaworld/{name}").parse().unwrap();
        let action = expert(&env).expect("the environment has an expert").act(&observation);
        assert_eq!(action.map(f32::to_bits), *expected, "{name} at {hand:?}: {action:?}");
    }
}

#[test]
fn every_task_has_an_expert_and_nothing_else_has() {
    for spec in crate::sim::tasks() {
        assert!(expert(&spec.env_id()).is_some(), "{}", spec.name);
    }
    assert!(expert(&"metaworld/chess-v3".parse().unwrap()).is_none());
}
