# One machine of each kind, complete enough to build: begin with a copy of one and put your own disks, keys and settings
# in. `nix flake check` builds none of them, but evaluates all.
{ self }:
let
  # A machine that boots by UEFI from a disk that is labelled as NixOS's manual labels it.
  machine = {
    boot.loader = {
      efi.canTouchEfiVariables = true;
      systemd-boot.enable = true;
    };
    fileSystems = {
      "/" = {
        device = "/dev/disk/by-label/nixos";
        fsType = "ext4";
      };
      "/boot" = {
        device = "/dev/disk/by-label/boot";
        fsType = "vfat";
        options = [ "umask=0077" ];
      };
    };
  };
  # The program's.
  inherit ((fromTOML (builtins.readFile ../Cargo.toml)).package) version;
  common = {
    nixpkgs.hostPlatform = "x86_64-linux";
    system.stateVersion = "26.05";
  };
in
{
  operator = [
    common
    machine
    self.nixosModules.default
    {
      networking.hostName = "operator";
      services.kinitro = {
        enable = true;
        settings.chain = {
          network = "finney";
          netuid = 26;
        };
        hotkeyFile = "/var/lib/secrets/kinitro-hotkey";
        backup.enable = true;
      };
    }
  ];

  executor-gpu = [
    common
    machine
    self.nixosModules.default
    (
      { lib, ... }:
      {
        networking.hostName = "rack-3";
        nixpkgs.config.allowUnfreePredicate = package: lib.hasPrefix "nvidia" (lib.getName package);
        services.kinitro-executor = {
          enable = true;
          gpu.enable = true;
          settings.executor.api_url = "https://operator.example";
          apiKeyFile = "/var/lib/secrets/kinitro-api-key";
        };
      }
    )
  ];

  validator = [
    common
    machine
    self.nixosModules.default
    {
      networking.hostName = "validator";
      services.kinitro-validator = {
        enable = true;
        settings = {
          chain = {
            network = "archive";
            netuid = 26;
          };
          validator.backend_url = "https://operator.example";
        };
        hotkeyFile = "/var/lib/secrets/kinitro-hotkey";
      };
    }
  ];

  appliance = [
    common
    self.nixosModules.default
    self.nixosModules.appliance
    {
      networking.hostName = "validator";
      system.image = { inherit version; };
      services.kinitro-validator = {
        enable = true;
        settings = {
          chain = {
            network = "archive";
            netuid = 26;
          };
          validator.backend_url = "https://operator.example";
        };
        # The machine is given its hotkey as the credential `hotkey`.
        importCredentials = true;
      };
    }
  ];
}
