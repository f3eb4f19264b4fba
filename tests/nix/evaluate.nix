# What `make nix-check` and `make nix-eval` compare: unit texts, settings and failed assertions of each machine in
# cases.nix, the documentation of the options, and the outputs of the flake. `lib` is nixpkgs'; the
# other two are folders of these inputs, in the place of stand-ins.
{
  lib,
  crane ? null,
  treefmt-nix ? null,
}:
let
  stubs = import ./stubs.nix { inherit lib; };
  # What there is to compare of a machine.
  described =
    { config, ... }:
    let
      files = lib.filterAttrs (_name: file: file.source ? arguments.written) config.environment.etc;
      texts =
        suffix: lib.mapAttrs' (name: unit: lib.nameValuePair "${name}.${suffix}" (stubs.unitText unit));
    in
    {
      units = texts "service" config.systemd.services // texts "timer" config.systemd.timers;
      failed = map (assertion: assertion.message) (
        lib.filter (assertion: !assertion.assertion) config.assertions
      );
      ports = config.networking.firewall.allowedTCPPorts;
      # What the settings file holds, by its name below /etc.
      settings = lib.mapAttrs (_name: file: generated file.source) files;
      checks = lib.mapAttrs (_name: file: file.source.arguments.text) files;
    };
  generated = source: source.arguments.written.settings;

  isOurs = option: lib.hasPrefix "services.kinitro" option.name && option.visible && !option.internal;
  texts = value: if value ? text then value.text else value;
  documented = option: {
    inherit (option) name description type;
    default = if option ? default then texts option.default else null;
    example = if option ? example then texts option.example else null;
  };

  describe =
    value:
    if lib.isDerivation value then
      builtins.seq value.outPath value.name
    else if lib.isAttrs value then
      lib.mapAttrs (_name: describe) value
    else
      value;

  flake = import ../../flake.nix;
  outputs = flake.outputs {
    self = outputs // {
      rev = "0000000000000000000000000000000000000000";
      narHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
      outPath = "/nix/store/00000000000000000000000000000000-source";
    };
    nixpkgs = {
      lib = lib // {
        nixosSystem = { modules }: stubs.machine modules;
      };
      legacyPackages.x86_64-linux = stubs.pkgs;
    };
    crane = if crane == null then stubs.crane else { mkLib = pkgs: import crane { inherit pkgs; }; };
    treefmt-nix.lib = if treefmt-nix == null then stubs.treefmt-nix else import treefmt-nix;
  };
  # The appliance of hosts.nix, smaller and with updates.
  appliance =
    (stubs.machine (
      (import ../../nix/hosts.nix { self = outputs; }).appliance
      ++ [
        {
          kinitro.appliance = {
            # Small slots: what is in them is a few files.
            storeSize = "64M";
            veritySize = "8M";
            update = {
              url = "https://operator.example/appliance/";
              keyring = "/nix/store/00000000000000000000000000000000-keyring.gpg";
            };
          };
        }
      ]
    )).config;
in
{
  machines = lib.mapAttrs (
    _name: module:
    described (
      stubs.machine [
        outputs.nixosModules.default
        module
      ]
    )
  ) (import ./cases.nix);
  options = map documented (
    lib.filter isOurs (
      lib.optionAttrSetToDocList (stubs.machine [ outputs.nixosModules.default ]).options
    )
  );
  # Each module by itself has the programs of this flake.
  alone =
    lib.mapAttrs
      (
        name: service:
        (described (
          stubs.machine [
            outputs.nixosModules.${name}
            { services.${service}.enable = true; }
          ]
        )).units
      )
      {
        daemon = "kinitro";
        executor = "kinitro-executor";
        gpu-node = "kinitro-executor";
        validator = "kinitro-validator";
      };
  # How the tests and what they depend on are built.
  testProfiles =
    let
      inherit (outputs.checks.x86_64-linux) nextest;
    in
    map (derivation: derivation.arguments.CARGO_PROFILE or "release") [
      nextest
      nextest.arguments.cargoArtifacts
    ];
  # What image.py makes an image from.
  appliance = {
    inherit (appliance.image.repart) mkfsOptions seed;
    name = appliance.image.repart.imageFileBasename;
    update = appliance.kinitro.appliance.update.url;
    # What goes into a partition is a file of nixpkgs, or this machine's own.
    definitions = lib.mapAttrs (
      _name: partition: partition.repartConfig
    ) appliance.image.repart.partitions;
    firstBoot = appliance.systemd.repart.partitions;
    # What the module has changed of the unit that makes these.
    firstBootUnit = appliance.boot.initrd.systemd.services.systemd-repart;
    inherit (appliance.boot) kernelParams;
    inherit (appliance.systemd.sysupdate) transfers;
    # The script of nix/appliance.nix, for an image and a kernel that are named by variables.
    publish = import ../../nix/appliance.nix {
      jq = null;
      runCommand =
        _name: _arguments: text:
        text;
      appliance = lib.recursiveUpdate appliance {
        system.build = {
          finalImage = "$finalImage";
          uki = "$uki";
        };
        system.boot.loader.ukiFile = "${appliance.image.repart.imageFileBasename}.efi";
      };
    };
  };
  # Every output by name; what is built is evaluated to its name and arguments.
  outputs = lib.mapAttrs (_name: describe) (removeAttrs outputs [ "overlays" ]) // {
    overlays = lib.attrNames outputs.overlays;
    nixosModules = lib.attrNames outputs.nixosModules;
    nixosConfigurations = lib.mapAttrs (_name: described) outputs.nixosConfigurations;
  };
}
