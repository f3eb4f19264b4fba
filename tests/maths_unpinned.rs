//! Shows that the determinism tests can see what they guard against. This program does not link `kinitro`, so that
//! libmujoco uses the system's libm here: hiding CPU features from glibc then changes trajectories. In `golden.rs`,
//! with our maths functions, the same hiding must change nothing.

mod support_cpu;

use mujoco_rs::prelude::MjModel;

/// Set in the child process that only prints its trajectory's digest.
const CHILD: &str = "KINITRO_TEST_UNPINNED_CHILD";

/// A body on a ball joint with a spring and a stop: every step takes the angle out of a quaternion.
const PENDULUM: &str = r#"<mujoco>
  <option timestep="0.0025"/>
  <worldbody>
    <body pos="0 0 1" euler="20 30 40">
      <joint type="ball" stiffness="5" range="0 30" limited="true"/>
      <geom type="capsule" size="0.02" fromto="0 0 0 0.3 0 0"/>
    </body>
  </worldbody>
</mujoco>"#;

/// True if hiding has an effect: glibc picks other maths functions on this CPU than on an older one.
fn has_fma() -> bool {
    std::arch::is_x86_feature_detected!("fma") && std::arch::is_x86_feature_detected!("avx2")
}

fn trajectory_digest() -> String {
    let model = MjModel::from_xml_string(PENDULUM).unwrap();
    let mut data = model.make_data();
    let mut hasher = blake3::Hasher::new();
    for _ in 0..4000 {
        data.step();
        for value in data.qpos() {
            hasher.update(&value.to_le_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

#[test]
fn without_our_maths_a_trajectory_depends_on_the_cpu() {
    if std::env::var_os(CHILD).is_some() {
        println!("digest {}", trajectory_digest());
        return;
    }
    if !has_fma() {
        eprintln!("skipped: this CPU has no FMA, so there is nothing to hide");
        return;
    }
    let name = "without_our_maths_a_trajectory_depends_on_the_cpu";
    let plain = support_cpu::run_self(name, CHILD, false);
    let hidden = support_cpu::run_self(name, CHILD, true);
    let digest = |output: &str| output.split("digest ").nth(1).map(|rest| rest[..64].to_owned());
    assert!(digest(&plain).is_some(), "{plain}");
    assert_ne!(digest(&plain), digest(&hidden), "glibc's variants were expected to differ");
}
