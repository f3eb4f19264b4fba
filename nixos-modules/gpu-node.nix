# A machine whose executor draws on an NVIDIA GPU, for contests with `renderer = "mujoco-gl"`.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.kinitro-executor;
  hardening = import ./lib/hardening.nix;
in
{
  imports = [ ./executor.nix ];

  options.services.kinitro-executor.gpu = {
    enable = lib.mkEnableOption ''
      drawing on an NVIDIA GPU. The unit may then reach the driver's device nodes and make code at run time, as
      `nixos-modules/lib/hardening.nix` has it, with reasons'';

    package = lib.mkPackageOption pkgs "kinitro-gl" { };
  };

  config = lib.mkIf (cfg.enable && cfg.gpu.enable) {
    services.kinitro-executor = {
      # Above what a flake sets by default, below what a person sets.
      package = lib.mkOverride 900 cfg.gpu.package;
      hardening = hardening.executorGpu;
    };

    hardware = {
      graphics.enable = true;
      nvidia = {
        # Since version 560 of the driver this has to be said. The open modules are for Turing and newer.
        open = lib.mkDefault true;
        # Without a display somebody has to hold the device open, or each process initialises it again.
        nvidiaPersistenced = lib.mkDefault true;
      };
    };
    # Loads the driver; it needs no X server.
    services.xserver.videoDrivers = [ "nvidia" ];
  };
}
