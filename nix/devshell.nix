# What `make lint`, `make test` and `make nix-check` need, with libmujoco and the assets of vendor.lock.
{
  craneLib,
  cargo-nextest,
  deadnix,
  kinitro-assets,
  kinitro-mujoco,
  lib,
  nixfmt,
  python3,
  rust-analyzer,
  stdenv,
}:
craneLib.devShell {
  packages = [
    cargo-nextest
    deadnix
    nixfmt
    (python3.withPackages (python: [ python.pip ]))
    rust-analyzer
  ];
  # The wheels that `make test` installs look for libstdc++.
  LD_LIBRARY_PATH = lib.makeLibraryPath [ stdenv.cc.cc ];
  MUJOCO_DYNAMIC_LINK_DIR = "${kinitro-mujoco}/lib";
  KINITRO_ASSETS = "${kinitro-assets}/share/kinitro/${(import ./vendor-lock.nix).metaworld.file}";
}
