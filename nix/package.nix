# The program, with libmujoco and MetaWorld's assets where it looks for them: `../lib` and `../share/kinitro` beside it.
# `checks` in its passthru are what `nix flake check` runs of cargo.
{
  lib,
  stdenv,
  craneLib,
  kinitro-mujoco,
  kinitro-assets,
  autoAddDriverRunpath,
  cacert,
  installShellFiles,
  libglvnd,
  patchelf,
  python3,
  util-linux,
  # What `kinitro version` tells of the source; null is "unknown".
  gitRevision ? null,
  narHash ? null,
  # The renderer `mujoco-gl`, MuJoCo's own over EGL.
  withGl ? false,
}:
let
  root = ../.;
  files = lib.fileset;
  sources = fileset: files.toSource { inherit root fileset; };

  # What the program is made of. Its dependencies are built again when Cargo's files change; the program, which tells of
  # its revision, at each revision.
  programSource = sources (
    files.unions [
      ../.cargo
      ../Cargo.lock
      ../Cargo.toml
      ../build.rs
      ../src
      ../tests/oracle/maths_preload
    ]
  );
  # The tests read pages, scripts and units too.
  wholeSource = sources (
    files.difference root (
      files.unions (
        map files.maybeMissing [
          ../flake.lock
          ../flake.nix
          ../nix
          ../target
          ../vendor
        ]
      )
    )
  );

  features = lib.optionalString withGl " --features gl";
  common = {
    inherit (craneLib.crateNameFromCargoToml { cargoToml = ../Cargo.toml; }) pname version;
    strictDeps = true;
    cargoExtraArgs = "--locked${features}";
    env.MUJOCO_DYNAMIC_LINK_DIR = "${kinitro-mujoco}/lib";
  };
  # Tests run as cargo runs them by default: only in a release does the program forget where its sources are.
  ofTests = common // {
    CARGO_PROFILE = "dev";
  };
  dependenciesOf = profile: craneLib.buildDepsOnly (profile // { src = programSource; });
  cargoArtifacts = dependenciesOf common;
  ofWhole = common // {
    inherit cargoArtifacts;
    src = wholeSource;
  };

  checks = {
    clippy = craneLib.cargoClippy (
      ofWhole // { cargoClippyExtraArgs = "--workspace --all-targets -- --deny warnings"; }
    );
    docs = craneLib.cargoDoc (
      ofWhole
      // {
        cargoDocExtraArgs = "--no-deps --lib";
        env = common.env // {
          RUSTDOCFLAGS = "--deny warnings";
        };
      }
    );
    fmt = craneLib.cargoFmt {
      inherit (common) pname version;
      src = wholeSource;
    };
    nextest = craneLib.cargoNextest (
      ofTests
      // {
        cargoArtifacts = dependenciesOf ofTests;
        src = wholeSource;
        # For `unshare`, and for the clients that want certificates to begin with.
        nativeCheckInputs = [
          cacert
          util-linux
          (python3.withPackages (python: [
            python.blake3
            python.cbor2
            python.fastapi
            python.msgpack
            python.numpy
            python.pandas
            python.pyarrow
            python.safetensors
            python.typing-extensions
            python.uvicorn
            python.zstandard
          ]))
        ];
        # The tests look where `make vendor` puts things.
        postPatch = ''
          patchShebangs scripts
          mkdir -p vendor/mujoco
          ln -s ${kinitro-mujoco}/lib vendor/mujoco/lib
          ln -s ${kinitro-assets}/share/kinitro vendor/metaworld
        '';
        env = common.env // {
          KINITRO_MINER_PYTHON = "python3";
          KINITRO_READER_PYTHON = "python3";
        };
      }
    );
  };
in
craneLib.buildPackage (
  common
  // {
    inherit cargoArtifacts;
    src = programSource;
    env =
      common.env
      // lib.optionalAttrs (gitRevision != null) { KINITRO_GIT_REVISION = gitRevision; }
      // lib.optionalAttrs (narHash != null) { KINITRO_NAR_HASH = narHash; };
    nativeBuildInputs = [
      installShellFiles
    ]
    ++ lib.optionals withGl [
      autoAddDriverRunpath
      patchelf
    ];
    # `checks.nextest` runs the tests.
    doCheck = false;

    postInstall = ''
      mkdir -p $out/lib $out/share
      ln -s ${kinitro-mujoco}/lib/libmujoco.so.${kinitro-mujoco.version} $out/lib/
      ln -s ${kinitro-assets}/share/kinitro $out/share/kinitro
    ''
    + lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
      for shell in bash fish zsh; do
        installShellCompletion --cmd kinitro --$shell <($out/bin/kinitro completions $shell)
      done
    '';
    # libEGL is loaded when it is first asked for, so no linker knows of it.
    postFixup = lib.optionalString withGl ''
      patchelf --add-rpath ${lib.makeLibraryPath [ libglvnd ]} $out/bin/kinitro
    '';

    passthru = { inherit checks; };

    meta = {
      description = "Robot-policy evaluation whose published scores any stranger can verify";
      license = lib.licenses.mit;
      mainProgram = "kinitro";
      platforms = [ "x86_64-linux" ];
    };
  }
)
