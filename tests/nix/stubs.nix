# What stands in for nixpkgs and NixOS where only nixpkgs' `lib` is at hand: packages that are names, and the options
# of NixOS that our modules set. With these the modules' own logic runs (types, defaults, assertions, the text of the
# units), and so does the flake; that nixpkgs takes what they give it, only nixpkgs can show.
{ lib }:
let
  inherit (lib) mkOption types;

  package =
    name: more:
    lib.fix (
      self:
      {
        type = "derivation";
        inherit name;
        pname = name;
        version = "0.1.0";
        outPath = "/nix/store/00000000000000000000000000000000-${name}";
        drvPath = "/nix/store/00000000000000000000000000000000-${name}.drv";
        outputName = "out";
        system = "x86_64-linux";
        meta.mainProgram = name;
        override = _arguments: self;
        overrideAttrs = change: self // change self;
        passthru = { };
      }
      // more
    );
  # A derivation of which the arguments are evaluated.
  built =
    name: arguments:
    let
      plain = removeAttrs arguments [
        "passthru"
        "meta"
        "src"
      ];
    in
    builtins.seq (builtins.toJSON plain) (
      package name (
        {
          inherit arguments;
        }
        // (arguments.passthru or { })
        // lib.filterAttrs (n: _: n == "version" || n == "meta") arguments
      )
    );
  nameOf = arguments: arguments.pname or arguments.name or "unnamed";

  platform = {
    system = "x86_64-linux";
    config = "x86_64-unknown-linux-gnu";
    linuxArch = "x86_64";
    efiArch = "x64";
    canExecute = _platform: true;
    isDarwin = false;
    isMinGW = false;
    isStatic = false;
    isWindows = false;
    rust = {
      cargoEnvVarTarget = "X86_64_UNKNOWN_LINUX_GNU";
      rustcTarget = "x86_64-unknown-linux-gnu";
      rustcTargetSpec = "x86_64-unknown-linux-gnu";
    };
  };

  # Nothing but what TOML can hold.
  tomlType =
    with types;
    let
      value = oneOf [
        bool
        int
        float
        str
        path
        (attrsOf value)
        (listOf value)
      ];
    in
    attrsOf value // { description = "TOML value"; };

  pkgs = lib.fix (
    self:
    {
      # The release that flake.nix asks for; `lib` alone does not know of any.
      lib = lib // {
        version = "26.05";
      };
      pkgs = self;
      stdenv = {
        buildPlatform = platform;
        hostPlatform = platform;
        targetPlatform = platform;
        isDarwin = false;
        cc = package "cc" {
          targetPrefix = "";
          isClang = false;
          cc = package "gcc" { };
        };
        mkDerivation =
          arguments:
          let
            given = if lib.isFunction arguments then lib.fix arguments else arguments;
          in
          built (nameOf given) given;
      };
      stdenvNoCC = self.stdenv;
      callPackage = lib.callPackageWith self;
      newScope = more: lib.callPackageWith (self // more);
      makeScopeWithSplicing' = { f, ... }: lib.makeScope self.newScope f;
      splicePackages = spliced: spliced.pkgsHostTarget;
      makeSetupHook = arguments: _script: built "hook" arguments;
      extend =
        overlay:
        lib.fix (final: self // { callPackage = lib.callPackageWith final; } // overlay final self);
      formats.toml = _arguments: {
        type = tomlType;
        generate = name: value: package "generated-${name}" { settings = value; };
      };
      runCommand =
        name: arguments: text:
        built name (arguments // { inherit text; });
      runCommandLocal = self.runCommand;
      linkFarm = name: entries: built name { inherit entries; };
      fetchurl = built "fetched";
      writeShellScript = name: text: built name { inherit text; };
      writeShellScriptBin = self.writeShellScript;
      writeText = name: text: built name { inherit text; };
      dockerTools.buildLayeredImage = arguments: built "image" arguments;
      fetchPypi = arguments: built "wheel" arguments;
      mkShell = arguments: built "shell" arguments;
      python3 = package "python3" {
        # Each package that is chosen is evaluated: a name that is none fails.
        withPackages =
          choose:
          let
            chosen = choose pkgsOfPython;
          in
          builtins.seq (builtins.toJSON chosen) (package "python3" { inherit chosen; });
      };
      # A test is a derivation of its script and its machines' units; each of these evaluates, and nothing fails in it.
      testers.runNixOSTest =
        test:
        let
          case = import (lib.head test.imports);
          failed = config: lib.filter (assertion: !assertion.assertion) config.assertions;
          units =
            node:
            let
              inherit (machine (test.defaults.imports ++ [ node ])) config;
            in
            if failed config == [ ] then
              lib.mapAttrs (_name: unitText) config.systemd.services
            else
              throw (lib.head (failed config)).message;
        in
        built case.name {
          inherit (case) testScript;
          nodes = lib.mapAttrs (_name: units) case.nodes;
        };
    }
    // lib.genAttrs [
      "autoAddDriverRunpath"
      "cacert"
      "cargo"
      "cargo-llvm-cov"
      "cargo-nextest"
      "clippy"
      "curl"
      "deadnix"
      "git"
      "git-lfs"
      "installShellFiles"
      "jq"
      "libglvnd"
      "nixfmt"
      "patchelf"
      "remarshal"
      "rsync"
      "rust-analyzer"
      "rustc"
      "rustfmt"
      "systemd"
      "taplo"
      "treefmt"
      "unzip"
      "util-linux"
      "zstd"
    ] (name: package name { })
    // lib.genAttrs [
      "buildPackages"
      "pkgsBuildBuild"
      "pkgsBuildHost"
      "pkgsBuildTarget"
      "pkgsHostHost"
      "pkgsHostTarget"
      "pkgsTargetTarget"
    ] (_name: self)
  );
  pkgsOfPython = lib.genAttrs [
    "blake3"
    "cbor2"
    "fastapi"
    "msgpack"
    "numpy"
    "pandas"
    "pip"
    "pyarrow"
    "safetensors"
    "typing-extensions"
    "uvicorn"
    "zstandard"
  ] (name: package name { });

  crane.mkLib = _pkgs: {
    crateNameFromCargoToml =
      { cargoToml }:
      let
        inherit ((fromTOML (builtins.readFile cargoToml)).package) name version;
      in
      {
        pname = name;
        inherit version;
      };
    buildDepsOnly = built "kinitro-deps";
    buildPackage = built "kinitro";
    cargoClippy = built "kinitro-clippy";
    cargoDoc = built "kinitro-doc";
    cargoFmt = built "kinitro-fmt";
    cargoNextest = built "kinitro-nextest";
    devShell = built "kinitro-shell";
  };

  treefmt-nix.evalModule = _pkgs: module: {
    config.build = {
      wrapper = builtins.seq (import module).projectRootFile "wrapper";
      check = _source: "check";
    };
  };

  anything = mkOption {
    type = types.attrsOf types.anything;
    default = { };
  };
  text =
    default:
    mkOption {
      type = types.str;
      inherit default;
    };
  list = mkOption {
    type = types.listOf types.anything;
    default = [ ];
  };
  etcFile = types.submodule (
    { name, ... }:
    {
      options = {
        enable = mkOption {
          type = types.bool;
          default = true;
        };
        source = mkOption { type = types.path; };
        target = text name;
      };
    }
  );
  unit = types.submodule {
    options = {
      description = text "";
      wantedBy = list;
      wants = list;
      after = list;
      restartTriggers = list;
      environment = anything;
      unitConfig = anything;
      serviceConfig = anything;
      timerConfig = anything;
    };
  };

  # The options of NixOS that the modules set or read.
  nixos = {
    options = {
      assertions = list;
      warnings = list;
      environment = {
        etc = mkOption {
          type = types.attrsOf etcFile;
          default = { };
        };
        systemPackages = list;
      };
      boot = anything;
      fileSystems = anything;
      hardware = anything;
      nixpkgs = anything;
      users = anything;
      virtualisation = anything;
      networking = {
        hostName = text "nixos";
        firewall = {
          allowedTCPPorts = list;
          enable = mkOption {
            type = types.bool;
            default = true;
          };
        };
      };
      services = {
        openssh = anything;
        xserver.videoDrivers = list;
      };
      system = {
        activationScripts = anything;
        boot.loader.ukiFile = text "kernel.efi";
        build = anything;
        image = {
          id = text "nixos";
          version = mkOption {
            type = types.nullOr types.str;
            default = null;
          };
        };
        stateVersion = text "26.05";
      };
      systemd = {
        repart = anything;
        sysupdate = anything;
        services = mkOption {
          type = types.attrsOf unit;
          default = { };
        };
        timers = mkOption {
          type = types.attrsOf unit;
          default = { };
        };
      };
    };
  };

  toText = value: if builtins.isBool value then lib.boolToString value else toString value;
  assignments = lib.concatMapAttrsStringSep "" (
    key: value: lib.concatMapStrings (element: "${key}=${toText element}\n") (lib.toList value)
  );
  section = name: values: lib.optionalString (values != { }) "[${name}]\n${assignments values}\n";
  joined = values: lib.optionalAttrs (values != [ ]);

  # A machine of these modules, as NixOS would evaluate it. It has packages of its own, in which there is no kinitro.
  machine =
    modules:
    lib.evalModules {
      modules = [
        nixos
        {
          _module.args = { inherit pkgs; };
          system.build = {
            finalImage = package "image" { };
            uki = package "kernel" { };
          };
        }
      ]
      ++ modules;
      specialArgs.modulesPath = toString ./modules;
    };

  # A unit as systemd reads it.
  unitText =
    unit:
    section "Unit" (
      {
        Description = unit.description;
      }
      // joined unit.wants { Wants = unit.wants; }
      // joined unit.after { After = unit.after; }
      // unit.unitConfig
    )
    + section "Service" (
      lib.optionalAttrs (unit.environment != { }) {
        Environment = lib.mapAttrsToList (name: value: "${name}=${value}") unit.environment;
      }
      // unit.serviceConfig
    )
    + section "Timer" unit.timerConfig
    + section "Install" (joined unit.wantedBy { WantedBy = unit.wantedBy; });
in
{
  inherit
    crane
    machine
    pkgs
    treefmt-nix
    unitText
    ;
}
