//! Lets every program of this package find libmujoco where the build found it, or beside an installed binary.

fn main() {
    println!("cargo::rerun-if-env-changed=MUJOCO_DYNAMIC_LINK_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    if let Ok(folder) = std::env::var("MUJOCO_DYNAMIC_LINK_DIR") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
    }
    println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
}
