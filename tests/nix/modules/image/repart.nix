# The options of nixpkgs' module of this name that ours set or read.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  text =
    default:
    mkOption {
      type = types.str;
      inherit default;
    };
in
{
  options.image.repart = {
    verityStore = {
      enable = lib.mkEnableOption "a verified store";
      partitionIds = {
        esp = text "00-esp";
        store-verity = text "10-store-verity";
        store = text "20-store";
      };
    };
    imageFileBasename = text "${config.system.image.id}_${config.system.image.version}";
    seed = text "";
    split = lib.mkEnableOption "files of the partitions";
    mkfsOptions = mkOption { type = types.attrsOf (types.listOf types.str); };
    partitions = mkOption { type = types.attrsOf types.anything; };
  };
}
