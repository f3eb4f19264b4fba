# An immutable machine: the whole system is one erofs image of the store under dm-verity, the kernel's command line has
# its root hash, root is a tmpfs, and what has to stay is on a partition of its own. Importing this makes an image of
# the machine: `config.system.build.finalImage`. docs/appliance.md has build, update and what the hash proves.
{
  config,
  lib,
  modulesPath,
  pkgs,
  ...
}:
let
  inherit (lib) mkIf mkOption types;
  cfg = config.kinitro.appliance;
  inherit (config.image.repart.verityStore) partitionIds;
  inherit (config.system.image) id version;
  inherit (pkgs.stdenv.hostPlatform) efiArch;

  # Both slots have the same size, so that either holds any version.
  slot = {
    store = {
      SizeMinBytes = cfg.storeSize;
      SizeMaxBytes = cfg.storeSize;
    };
    verity = {
      SizeMinBytes = cfg.veritySize;
      SizeMaxBytes = cfg.veritySize;
    };
  };
  usr = {
    x86_64 = "usr-x86-64";
    arm64 = "usr-arm64";
  };
  usrType = usr.${pkgs.stdenv.hostPlatform.linuxArch};

  # `@u` is the partition's UUID, half of the root hash, by which the kernel's command line finds it.
  transfer = source: target: {
    Transfer = {
      # The version that runs is never overwritten.
      ProtectVersion = "%A";
      Verify = true;
    };
    Source = {
      Type = "url-file";
      Path = cfg.update.url;
      MatchPattern = source;
    };
    Target = {
      InstancesMax = 2;
    }
    // target;
  };
  partition = label: type: {
    Type = "partition";
    Path = "auto";
    MatchPattern = "${label}_@v";
    MatchPartitionType = type;
    ReadOnly = true;
  };
in
{
  imports = [
    "${modulesPath}/image/repart.nix"
    "${modulesPath}/profiles/image-based-appliance.nix"
    "${modulesPath}/profiles/perlless.nix"
  ];

  options.kinitro.appliance = {
    storeSize = mkOption {
      type = types.str;
      default = "3G";
      description = "Size of each of the two slots for the store.";
    };

    veritySize = mkOption {
      type = types.str;
      default = "64M";
      description = "Size of each of the two slots for the store's hashes, about a hundredth of the store.";
    };

    disk = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "/dev/vda";
      description = "Disk on which the second slot and the state partition are made at the first boot; null finds it.";
    };

    sshKeys = mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      description = ''
        SSH keys that may log in as root. Without any there is no way in, and secrets reach the machine as system
        credentials only. The keys are part of the root hash.
      '';
    };

    update = {
      url = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "https://operator.example/appliance/";
        description = "Where new versions are looked for, with SHA256SUMS and its signature. Null: nowhere.";
      };

      keyring = mkOption {
        # What is not in the image is not there at the first start.
        type = types.nullOr types.pathInStore;
        default = null;
        description = "GPG keyring with the public key that signs SHA256SUMS.";
      };
    };
  };

  config = {
    assertions = [
      {
        assertion = version != null;
        message = ''
          The appliance has no version. Set system.image.version; updates are told apart by it.
        '';
      }
      {
        assertion = cfg.update.url != null -> cfg.update.keyring != null;
        message = ''
          kinitro.appliance.update.url is set, but nothing says whose versions are taken. Set
          kinitro.appliance.update.keyring.
        '';
      }
    ];

    system.image.id = lib.mkDefault "kinitro";

    image.repart = {
      verityStore.enable = true;
      # Partition UUIDs and file systems follow from it. Changing it changes the image's bytes and nothing else.
      seed = "6b696e69-7472-4f00-8000-6170706c6961";
      # The partitions as files of their own too: what an update transfers.
      split = true;
      mkfsOptions.erofs = [
        "-zlz4hc,12"
        "-T0"
        "--all-root"
      ];
      partitions = {
        ${partitionIds.esp} = {
          contents = {
            "/EFI/BOOT/BOOT${lib.toUpper efiArch}.EFI".source =
              "${pkgs.systemd}/lib/systemd/boot/efi/systemd-boot${efiArch}.efi";
            # Nobody edits the command line, which has the root hash.
            "/loader/loader.conf".source = pkgs.writeText "loader.conf" ''
              timeout 0
              editor no
            '';
          };
          repartConfig = {
            Type = "esp";
            Format = "vfat";
            Label = "esp";
            SizeMinBytes = "512M";
          };
        };
        ${partitionIds.store-verity}.repartConfig = slot.verity // {
          Label = "verity_${version}";
          SplitName = "verity";
        };
        ${partitionIds.store}.repartConfig = slot.store // {
          Label = "store_${version}";
          SplitName = "store";
        };
      };
    };

    # At the first boot: the second slot, and the state partition in what is left of the disk.
    boot.initrd = {
      # The store's file system, which the kernel's command line does not name, and the state's.
      supportedFilesystems = {
        erofs = true;
        ext4 = true;
      };
      systemd = {
        repart = {
          enable = true;
          device = cfg.disk;
        };
        # NixOS expects the disk to be found by the root, which is a tmpfs here. It is the one that /usr is on.
        additionalUpstreamUnits = [ "initrd-usr-fs.target" ];
        services.systemd-repart = mkIf (cfg.disk == null) {
          after = [ "sysusr-usr.mount" ];
          requires = [ "sysusr-usr.mount" ];
        };
      };
    };
    # /etc begins anew at each start, and the machine's own identity with it, by which the journal is found.
    boot.kernelParams = [ "systemd.machine_id=firmware" ];
    systemd.repart.partitions = {
      "10-verity-a" = slot.verity // {
        Type = "${usrType}-verity";
      };
      "20-store-a" = slot.store // {
        Type = usrType;
      };
      "30-verity-b" = slot.verity // {
        Type = "${usrType}-verity";
        Label = "_empty";
      };
      "40-store-b" = slot.store // {
        Type = usrType;
        Label = "_empty";
        # As the first slot is, and as systemd-repart makes hashes by itself.
        ReadOnly = true;
        GrowFileSystem = false;
      };
      "50-state" = {
        Type = "linux-generic";
        Label = "state";
        Format = "ext4";
        SizeMinBytes = "4G";
      };
    };

    fileSystems = {
      "/" = {
        fsType = "tmpfs";
        options = [
          "mode=0755"
          "size=25%"
        ];
      };
      # The verified partition is /usr; its only content is the store.
      "/nix/store" = {
        device = "/usr/nix/store";
        fsType = "none";
        options = [ "bind" ];
      };
      # For updates, and for the boot loader's count of starts.
      "/boot" = {
        device = "/dev/disk/by-partlabel/esp";
        fsType = "vfat";
        options = [
          "nodev"
          "noexec"
          "nosuid"
          "umask=0077"
          "x-systemd.automount"
        ];
      };
      "/var" = {
        device = "/dev/disk/by-partlabel/state";
        fsType = "ext4";
        neededForBoot = true;
        options = [
          "nodev"
          "noexec"
          "nosuid"
        ];
      };
    };

    systemd.sysupdate = mkIf (cfg.update.url != null) {
      enable = true;
      # The kernel last: what it names is there by then.
      transfers = {
        "10-verity" = transfer "${id}_@v_@u.verity.raw" (partition "verity" "${usrType}-verity");
        "20-store" = transfer "${id}_@v_@u.store.raw" (partition "store" usrType);
        "30-kernel" = transfer "${id}_@v.efi" {
          Type = "regular-file";
          Path = "/EFI/Linux";
          PathRelativeTo = "boot";
          # The boot loader counts the starts of a version that never came up, and goes back after three.
          MatchPattern = "${id}_@v+@l-@d.efi ${id}_@v+@l.efi ${id}_@v.efi";
          Mode = "0444";
          TriesLeft = 3;
          TriesDone = 0;
        };
      };
    };
    environment.etc = mkIf (cfg.update.keyring != null) {
      "systemd/import-pubring.gpg".source = cfg.update.keyring;
    };

    services.openssh = mkIf (cfg.sshKeys != [ ]) {
      enable = true;
      settings.PasswordAuthentication = false;
      hostKeys = [
        {
          path = "/var/lib/ssh/ssh_host_ed25519_key";
          type = "ed25519";
        }
      ];
    };
    users = {
      users.root.openssh.authorizedKeys.keys = cfg.sshKeys;
      # Without SSH keys nobody logs in, and that is meant.
      allowNoPasswordLogin = true;
    };

    # /usr is the verified partition, so nothing is written there.
    system.activationScripts.usrbinenv = lib.mkForce "";
  };
}
