# What the roles share: options, the checked settings file, assertions and the unit.
{ lib, pkgs }:
let
  inherit (lib) mkOption types;
  hardening = import ./hardening.nix;
  format = pkgs.formats.toml { };
  # A path literal becomes a file of the store where it is used.
  isStored = path: builtins.isPath path || lib.hasPrefix builtins.storeDir path;
in
rec {
  inherit hardening;

  # The network of settings that name none.
  devNetwork = "dev";

  # The settings of a role: the keys that its module reads are typed, all others pass through to the program, which
  # knows them better.
  settingsOption =
    { options, example }:
    mkOption {
      type = types.submodule {
        freeformType = format.type;
        inherit options;
      };
      default = { };
      inherit example;
      description = ''
        The settings file, section by section; `docs/examples/kinitro.toml` names every key with its default and its
        meaning. `kinitro check-config` reads the file when the system is built, so a mistake fails the build.
      '';
    };

  chainOptions = {
    network = mkOption {
      type = types.str;
      default = devNetwork;
      example = "finney";
      description = ''
        The chain: `dev` (in a file, for trying things), `finney`, `archive`, `test`, `local`, or the address of a
        node (`ws://…`, `wss://…`).
      '';
    };
    netuid = mkOption {
      type = types.nullOr types.ints.u16;
      default = null;
      example = 26;
      description = "Number of the subnet. Any network but `dev` needs it.";
    };
  };

  dataDirOption =
    folder:
    mkOption {
      type = types.str;
      default = folder;
      description = ''
        Folder of what has to outlive a restart: `${folder}`, the unit's state folder, or a folder below it. To keep it
        on another disk, mount that there.
      '';
    };

  secretOption =
    { what, example }:
    mkOption {
      type = types.nullOr types.path;
      default = null;
      inherit example;
      description = ''
        ${what} The service manager hands the file to the unit as a credential, so it may belong to root alone
        (mode 0400). It must not be in the Nix store, which everybody can read.
      '';
    };

  encryptedOption = mkOption {
    type = types.bool;
    default = false;
    description = ''
      The secrets' files were encrypted with `systemd-creds encrypt --name=hotkey` (or `--name=api-key`,
      `--name=bearer`), and only the service manager of this machine opens them.
    '';
  };

  hotkeyWhat = "File of the hotkey that signs, as `btcli` writes it.";
  bearerWhat = "File with the bearer credential that is sent, over https only, to the hosts where policies run.";

  # TOML has no null: what is unset is left out.
  withoutNulls = lib.filterAttrsRecursive (_name: value: value != null);

  # The settings as a file that the program has found good.
  checkedFile =
    {
      name,
      package,
      settings,
    }:
    let
      check = lib.optionalString (pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) ''
        kinitro check-config --config $written
      '';
    in
    pkgs.runCommand name
      {
        written = format.generate name (withoutNulls settings);
        nativeBuildInputs = [ package ];
      }
      ''
        ${check}
        cp $written $out
      '';

  # `secrets` are the options of a role that name files of secrets, by name; files that are null are fine. Settings
  # may name such files too.
  secretAssertions =
    {
      prefix,
      settings,
      secrets,
    }:
    let
      named = {
        "settings.chain.hotkey_file" = settings.chain.hotkey_file or null;
        "settings.chain.wallet_path" = settings.chain.wallet_path or null;
        "settings.executor.api_key_file" = settings.executor.api_key_file or null;
        "settings.executor.bearer_file" = settings.executor.bearer_file or null;
      };
    in
    lib.mapAttrsToList (option: path: {
      assertion = path == null || !isStored path;
      message = ''
        ${prefix}.${option} is in the Nix store, which everybody can read. Name a file outside of it as a string, such as
        "/var/lib/secrets/kinitro".
      '';
    }) (named // secrets);

  chainAssertions =
    { prefix, chain }:
    [
      {
        assertion = chain.network == devNetwork || chain.netuid != null;
        message = ''
          ${prefix}.settings.chain.network is "${chain.network}", but no subnet is named. Set
          ${prefix}.settings.chain.netuid.
        '';
      }
    ];

  hotkeyAssertion =
    {
      prefix,
      chain,
      hotkeyFile,
    }:
    {
      assertion =
        chain.network == devNetwork
        || lib.any (file: file != null) [
          hotkeyFile
          (chain.hotkey_file or null)
          (chain.wallet_path or null)
        ];
      message = ''
        ${prefix}.settings.chain.network is "${chain.network}", where a hotkey signs. Set ${prefix}.hotkeyFile.
      '';
    };

  dataDirAssertion =
    {
      prefix,
      dataDir,
      folder,
    }:
    {
      assertion = dataDir == folder || lib.hasPrefix "${folder}/" dataDir;
      message = ''
        ${prefix}.settings.storage.data_dir is "${dataDir}", but the unit may write below ${folder} only. Mount another
        disk there instead.
      '';
    };

  # The unit of a role. `secrets` maps the names of credentials that the program looks for to files; those that are null
  # are left out.
  service =
    {
      description,
      command,
      package,
      config,
      hardening,
      user,
      stateDirectory ? null,
      dataDir ? null,
      secrets ? { },
      encrypted ? false,
    }:
    let
      given = lib.filterAttrs (_name: path: path != null) secrets;
      credentials = lib.mapAttrsToList (name: path: "${name}:${toString path}") given;
    in
    {
      inherit description;
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      restartTriggers = [ config.source ];
      environment = {
        KINITRO_CONFIG = "/etc/${config.target}";
      }
      // lib.optionalAttrs (dataDir != null) { KINITRO_DATA_DIR = dataDir; };
      serviceConfig =
        hardening
        // {
          Type = "notify";
          ExecStart = "${lib.getExe package} ${command}";
          Restart = "on-failure";
          RestartSec = 5;
          WatchdogSec = 60;
          TimeoutStartSec = 300;
          User = user;
          LimitNOFILE = 65536;
        }
        // lib.optionalAttrs (stateDirectory != null) {
          StateDirectory = stateDirectory;
          StateDirectoryMode = "0700";
        }
        // lib.optionalAttrs (credentials != [ ]) {
          ${if encrypted then "LoadCredentialEncrypted" else "LoadCredential"} = credentials;
        };
    };
}
