# MuJoCo as its wheel has it: the library, byte for byte what vendor.lock names, and the headers.
{
  lib,
  stdenvNoCC,
  unzip,
  callPackage,
  fetchWheel ? callPackage ./fetch-wheel.nix { },
}:
let
  library = (import ./vendor-lock.nix).libmujoco;
in
stdenvNoCC.mkDerivation {
  pname = "mujoco";
  inherit (library) version;
  src = fetchWheel "mujoco";
  nativeBuildInputs = [ unzip ];

  unpackPhase = ''
    runHook preUnpack
    unzip -q $src '${library.file}' 'mujoco/include/*'
    runHook postUnpack
  '';

  doCheck = true;
  checkPhase = ''
    runHook preCheck
    echo '${library.sha256}  ${library.file}' | sha256sum --check --strict
    runHook postCheck
  '';

  installPhase = ''
    runHook preInstall
    install -Dm444 -t $out/lib ${library.file}
    ln -s ${baseNameOf library.file} $out/lib/libmujoco.so
    cp -r mujoco/include $out/include
    runHook postInstall
  '';

  # It needs nothing but the C library of whoever loads it. Its bits are part of the promise, so nobody touches them.
  dontFixup = true;

  meta = {
    description = "Physics engine for robotics, the library of the pinned wheel";
    homepage = "https://mujoco.org";
    license = lib.licenses.asl20;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    platforms = [ "x86_64-linux" ];
  };
}
