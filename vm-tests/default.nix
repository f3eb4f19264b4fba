# Every case as a test of NixOS: `nix build .#checks.x86_64-linux.vm-basic`. vm-tests/local/ runs the same scripts on
# the same machines without Nix.
{ pkgs, self }:
let
  inherit (pkgs) lib;
  isCase = name: kind: kind == "regular" && lib.hasSuffix ".nix" name && name != "default.nix";
  cases = lib.filterAttrs isCase (builtins.readDir ./.);
in
lib.mapAttrs' (
  file: _kind:
  lib.nameValuePair (lib.removeSuffix ".nix" file) (
    pkgs.testers.runNixOSTest {
      imports = [ (./. + "/${file}") ];
      defaults.imports = [
        self.nixosModules.default
        ./lib/machine.nix
        { environment.systemPackages = [ pkgs.kinitro ]; }
      ];
    }
  )
) cases
