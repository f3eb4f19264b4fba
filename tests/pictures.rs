//! What cameras show, and on which side of the picture.

use kinitro::domain::{Action, CameraSetting, EnvId, Frame, Marks, Orientation, Side, standard_cameras};
use kinitro::sim::{CAMERAS, Simulator, World};

const SIDE: u32 = 192;

fn reach(simulator: &Simulator, puck: [f64; 3], goal: [f64; 3]) -> World {
    let env: EnvId = "metaworld/reach-v3".parse().unwrap();
    simulator.episode_at(&env, &[puck, goal].concat()).unwrap()
}

fn upright(name: &str, side: u32) -> CameraSetting {
    CameraSetting::upright(name, Side::try_from(side).unwrap()).unwrap()
}

fn all_cameras() -> Vec<CameraSetting> {
    CAMERAS.iter().map(|name| upright(name, SIDE)).collect()
}

fn frames(world: &mut World, cameras: &[CameraSetting]) -> Vec<Frame> {
    world.pictures(cameras).unwrap().into_iter().map(|image| image.frame).collect()
}

/// Where the pixels lie in which a picture differs from both of two others: right and up of the picture's middle, in halves of
/// its side. `None` if they are too few.
fn place_of_what_is_only_in(picture: &Frame, others: [&Frame; 2]) -> Option<[f64; 2]> {
    let side = picture.width() as usize;
    let pixel = |frame: &Frame, at: usize| <[u8; 3]>::try_from(&frame.rgb()[at * 3..at * 3 + 3]).unwrap();
    let apart = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>() > 60;
    let own: Vec<usize> = (0..side * side)
        .filter(|at| others.iter().all(|other| apart(pixel(picture, *at), pixel(other, *at))))
        .collect();
    let middle = |sum: usize| (sum as f64 / own.len() as f64 + 0.5) * 2.0 / side as f64 - 1.0;
    let (columns, rows) = (own.iter().map(|at| at % side).sum(), own.iter().map(|at| at / side).sum());
    (own.len() >= 4).then(|| [middle(columns), -middle(rows)])
}

fn direction(from: [f64; 2], to: [f64; 2]) -> [f64; 2] {
    let (x, y) = (to[0] - from[0], to[1] - from[1]);
    let length = x.hypot(y);
    assert!(length > 0.05, "what moved did not move in the picture: {from:?} {to:?}");
    [x / length, y / length]
}

fn turned(direction: [f64; 2], half: bool) -> [f64; 2] {
    direction.map(|value| if half { -value } else { value })
}

fn assert_along(what: &str, seen: [f64; 2], due: [f64; 2]) {
    let cosine = seen[0] * due[0] + seen[1] * due[1];
    assert!(cosine > 0.85, "{what} goes along {seen:?} in the picture, not along {due:?} (right, up)");
}

/// A direction in a picture: right, up.
type Seen = [f64; 2];

/// Where the world's axes point in an upright picture (right, up): x to the robot's right, y away from it, z up. From the poses
/// of the cameras in MetaWorld's model.
const AXES: [(&str, [Seen; 2], Option<Seen>); 7] = [
    ("topview", [[1.0, 0.0], [0.0, 1.0]], None),
    ("corner", [[0.94, 0.33], [-0.93, 0.36]], Some([-0.03, 1.0])),
    ("corner2", [[0.80, -0.60], [0.92, 0.38]], Some([0.02, 1.0])),
    ("corner3", [[0.57, -0.82], [0.93, 0.36]], Some([0.29, 0.96])),
    ("corner4", [[0.82, -0.57], [0.92, 0.39]], Some([0.09, 1.0])),
    ("behindGripper", [[1.0, 0.0], [0.37, 0.93]], Some([0.0, 1.0])),
    ("gripperPOV", [[1.0, 0.0], [0.05, 1.0]], None),
];

#[test]
fn left_is_left_and_up_is_up_in_every_camera_and_orientation() {
    let simulator = Simulator::locate(None).unwrap();
    // Each as it is upright, then each the other way up.
    let mut cameras = all_cameras();
    for place in 0..AXES.len() {
        let orientation = match cameras[place].orientation {
            Orientation::AsRendered => Orientation::Rotated180,
            Orientation::Rotated180 => Orientation::AsRendered,
        };
        cameras.push(CameraSetting { orientation, ..cameras[place].clone() });
    }
    let goal = [0.0, 0.95, 0.2];
    let pucks = [[-0.1, 0.7, 0.02], [0.1, 0.7, 0.02], [-0.1, 0.8, 0.02]];
    let pucks = pucks.map(|puck| frames(&mut reach(&simulator, puck, goal), &cameras));
    // Where the arm hides the goal from one camera, another sees it.
    let goals = |x: f64| {
        let goals = [[x, 0.95, 0.05], [x, 0.95, 0.3], [0.25, 0.75, 0.15]];
        goals.map(|goal| frames(&mut reach(&simulator, [-0.1, 0.6, 0.02], goal), &cameras))
    };
    let (ahead, aside) = (goals(0.0), goals(-0.25));
    for (place, (name, [x, y], z)) in AXES.into_iter().enumerate() {
        assert_eq!(name, CAMERAS[place]);
        let upright_turn = cameras[place].orientation;
        for orientation in [Orientation::AsRendered, Orientation::Rotated180] {
            let half = orientation != upright_turn;
            let drawn = if half { place + AXES.len() } else { place };
            assert_eq!(cameras[drawn].orientation, orientation);
            let where_is = |of: &[Vec<Frame>; 3], which: usize| {
                let [a, b, c] = [0, 1, 2].map(|other| &of[(which + other) % 3][drawn]);
                place_of_what_is_only_in(a, [b, c])
                    .unwrap_or_else(|| panic!("{name}: what moves is not seen in picture {which}"))
            };
            let [base, right, far] = [0, 1, 2].map(|which| where_is(&pucks, which));
            let (along_x, along_y) = (direction(base, right), direction(base, far));
            assert_along(&format!("{name} {orientation:?}: x"), along_x, turned(x, half));
            assert_along(&format!("{name} {orientation:?}: y"), along_y, turned(y, half));
            // All cameras stand above the table, so y lies to the left of x. A mirror, and only a mirror, swaps them.
            let handedness = along_x[0] * along_y[1] - along_x[1] * along_y[0];
            assert!(handedness > 0.3, "{name} {orientation:?} is a mirror image");
            if let Some(z) = z {
                let goals = if name == "behindGripper" { &aside } else { &ahead };
                let up = direction(where_is(goals, 0), where_is(goals, 1));
                assert_along(&format!("{name} {orientation:?}: z"), up, turned(z, half));
            }
        }
    }
}

#[test]
fn policies_see_the_room_upright() {
    let simulator = Simulator::locate(None).unwrap();
    let cameras = standard_cameras();
    assert_eq!(
        cameras.iter().map(|camera| camera.orientation).collect::<Vec<_>>(),
        [Orientation::Rotated180, Orientation::AsRendered]
    );
    // A camera that is asked for both ways gives one picture turned, byte for byte.
    let mut raw = cameras[0].clone();
    raw.orientation = Orientation::AsRendered;
    let mut world = reach(&simulator, [0.0, 0.65, 0.02], [0.1, 0.85, 0.2]);
    let both = frames(&mut world, &[cameras[0].clone(), raw]);
    let mut turned = both[1].rgb().to_vec();
    Orientation::Rotated180.turn(&mut turned);
    assert!(turned == both[0].rgb());
    // The arm reaches down from above: the hand that goes up rises in the corner's picture.
    let hand = |lift: f64| {
        let mut world = reach(&simulator, [0.0, 0.65, 0.02], [0.1, 0.85, 0.2]);
        for _ in 0..25 {
            world.step(Action::clipped([0.0, 0.0, lift, 0.0]).unwrap()).unwrap();
        }
        (world.observation()[2], frames(&mut world, &cameras[..1]).remove(0))
    };
    let [(_, still), (low, down), (high, up)] = [0.0, -1.0, 1.0].map(hand);
    assert!(low + 0.05 < high, "the hand moved: {low} {high}");
    let below = place_of_what_is_only_in(&down, [&still, &up]).unwrap();
    let above = place_of_what_is_only_in(&up, [&still, &down]).unwrap();
    assert!(below[1] < above[1], "{below:?} {above:?}");
}

#[test]
fn the_mark_of_the_goal_is_drawn_as_metaworld_does_unless_it_is_hidden() {
    let simulator = Simulator::locate(None).unwrap();
    let cameras = |marks| {
        let names = ["topview", "corner", "behindGripper"];
        names.map(|name| CameraSetting { marks, ..upright(name, 48) })
    };
    let pictures = |goal: [f64; 3], marks, steps: u32| {
        let mut world = reach(&simulator, [-0.1, 0.6, 0.02], goal);
        for _ in 0..steps {
            world.step(Action::clipped([0.2, 0.5, 0.1, 1.0]).unwrap()).unwrap();
        }
        frames(&mut world, &cameras(marks))
    };
    for steps in [0, 3] {
        let (here, there) = ([0.1, 0.8, 0.1], [-0.1, 0.9, 0.25]);
        let shown = [here, there].map(|goal| pictures(goal, Marks::AsMetaworld, steps));
        let hidden = [here, there].map(|goal| pictures(goal, Marks::Hidden, steps));
        for place in 0..3 {
            assert!(shown[0][place] != shown[1][place], "camera {place}, step {steps}: the goal does not show");
            assert!(hidden[0][place] == hidden[1][place], "camera {place}, step {steps}: the goal shows");
        }
    }
}
