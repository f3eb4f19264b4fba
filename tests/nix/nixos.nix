# The machines of cases.nix as NixOS itself evaluates them: unit texts, and the failed assertions. NIXPKGS is a whole
# nixpkgs. The program is a stand-in, so that nothing has to be built to evaluate it.
{ nixpkgs }:
let
  lib = import (nixpkgs + "/lib");
  bootable = {
    boot.loader.grub.enable = false;
    fileSystems."/".device = "/dev/disk/by-label/nixos";
    nixpkgs = {
      config.allowUnfree = true;
      hostPlatform = "x86_64-linux";
      overlays = [
        (final: _prev: {
          kinitro = final.writeShellScriptBin "kinitro" "";
          kinitro-gl = final.writeShellScriptBin "kinitro" "";
        })
      ];
    };
    system.stateVersion = lib.trivial.release;
  };
  evaluate =
    module:
    (import (nixpkgs + "/nixos/lib/eval-config.nix") {
      system = null;
      modules = [
        ../../nixos-modules
        bootable
        module
      ];
    }).config;
  ours = lib.filterAttrs (name: _unit: lib.hasPrefix "kinitro" name);
in
lib.mapAttrs (
  _name: module:
  let
    config = evaluate module;
  in
  {
    units = lib.mapAttrs (_name: unit: unit.text) (ours config.systemd.units);
    failed = map (assertion: assertion.message) (
      lib.filter (assertion: !assertion.assertion) config.assertions
    );
  }
) (import ./cases.nix)
