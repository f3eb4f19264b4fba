# MetaWorld's wheel, whose assets the program reads as they are.
{
  lib,
  stdenvNoCC,
  callPackage,
  fetchWheel ? callPackage ./fetch-wheel.nix { },
}:
let
  entry = (import ./vendor-lock.nix).metaworld;
in
stdenvNoCC.mkDerivation {
  pname = "kinitro-assets";
  inherit (entry) version;
  src = fetchWheel "metaworld";
  dontUnpack = true;
  dontFixup = true;

  installPhase = ''
    runHook preInstall
    install -Dm444 $src $out/share/kinitro/${entry.file}
    runHook postInstall
  '';

  meta = {
    description = "Assets of MetaWorld, in the pinned wheel";
    homepage = "https://metaworld.farama.org";
    license = lib.licenses.mit;
  };
}
