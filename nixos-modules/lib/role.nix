# What the roles share: options, the checked settings file, assertions and the unit.
{ lib, pkgs }:
let
  inherit (lib) mkOption types;
  hardening = import ./hardening.nix;
  format = pkgs.formats.toml { };
  # A path literal becomes a file of the store where it is used.
  isStored = path: builtins.isPath path || lib.hasPrefix builtins.storeDir (toString path);
  # Whether `environment.etc` makes the file of that path from one of the store.
  isLinked =
    etc: path:
    let
      leadsTo =
        file:
        file.enable
        && (path == "/etc/${file.target}" || lib.hasPrefix "/etc/${file.target}/" path)
        && isStored file.source;
    in
    lib.any leadsTo (lib.attrValues etc);
  # User and password before the host, or a query: where an address holds a secret that can be told from a path.
  holdsSecret =
    address:
    lib.any (secret: builtins.match secret address != null) [
      ".*://[^/?#]*@.*"
      ".*[?].*"
    ];
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

  # Where a state folder really is: DynamicUser turns /var/lib/NAME into a link, which no mount point can be.
  private = folder: "/var/lib/private/${baseNameOf folder}";

  dataDirOption =
    folder:
    mkOption {
      type = types.str;
      default = folder;
      description = ''
        Folder of what has to outlive a restart: `${folder}`, the unit's state folder, or a folder below it. To keep it
        on another disk, mount that at `${private folder}`, which the first is a link to.
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
      Whether the files of the secrets, all that are named here, were encrypted with `systemd-creds encrypt
      --name=hotkey` (or `--name=api-key`, `--name=bearer`), so that only the service manager of this machine opens
      them. A plain file beside an encrypted one does not work: then the unit does not start.
    '';
  };

  importOption = mkOption {
    type = types.bool;
    default = false;
    description = ''
      Whether to take secrets whose file is not named from what the machine itself was given: a system credential
      `hotkey`, `api-key` or `bearer`, of the hypervisor, of the boot partition (`loader/credentials/hotkey.cred`), or
      in `/etc/credstore` and `/etc/credstore.encrypted`. Encrypted ones are decrypted.
    '';
  };

  hotkeyWhat = "File of the hotkey that signs, as `btcli` writes it.";
  bearerWhat = "File with the bearer credential that is sent, over https only, to the hosts where policies run.";

  # TOML has no null: what is unset is left out.
  withoutNulls = lib.filterAttrsRecursive (_name: value: value != null);

  # Where a role's settings lie below /etc, and the file there, which the program has found good.
  settingsFile =
    name:
    {
      package,
      settings,
      ...
    }:
    let
      check = lib.optionalString (pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) ''
        kinitro check-config --config $written
      '';
    in
    {
      target = "kinitro/${name}";
      source =
        pkgs.runCommand name
          {
            written = format.generate name (withoutNulls settings);
            nativeBuildInputs = [ package ];
          }
          ''
            ${check}
            cp $written $out
          '';
    };

  # What a role puts on its machine: the program for whoever looks after it, and its settings.
  environment = cfg: etc: {
    etc.${etc.target}.source = etc.source;
    systemPackages = [ cfg.package ];
  };

  # `secrets` are the options of a role that name files of secrets, by name; files that are null are fine. `files` are
  # the settings that would name such files, each with the option in its place. `etc` is `environment.etc`.
  secretAssertions =
    {
      prefix,
      settings,
      secrets,
      files,
      etc,
    }:
    lib.concatLists (
      lib.mapAttrsToList (option: path: [
        {
          assertion = path == null || !isStored path;
          message = ''
            ${prefix}.${option} is in the Nix store, which everybody can read. Name a file outside of it as a string,
            such as "/var/lib/secrets/kinitro".
          '';
        }
        {
          assertion = path == null || isStored path || !isLinked etc path;
          message = ''
            ${prefix}.${option} is "${toString path}", which environment.etc makes from a file in the Nix store, and
            everybody can read that. Name a file that NixOS does not make, such as "/var/lib/secrets/kinitro".
          '';
        }
      ]) secrets
    )
    ++ lib.mapAttrsToList (setting: option: {
      assertion = lib.attrByPath (lib.splitString "." setting) null settings == null;
      message = ''
        ${prefix}.settings.${setting} names a file that the unit cannot read: it runs as a user of its own, without
        homes. Set ${prefix}.${option} instead.
      '';
    }) files
    ++ addressAssertions { inherit prefix settings; };

  # The settings file is in the store too. What is said does not repeat the address.
  addressAssertions =
    { prefix, settings }:
    let
      addresses = {
        "chain.endpoints" = settings.chain.endpoints or [ ];
        "chain.network" = settings.chain.network or "";
        "executor.api_url" = settings.executor.api_url or "";
        "scheduler.hub_endpoint" = settings.scheduler.hub_endpoint or "";
        "validator.backend_url" = settings.validator.backend_url or "";
      };
    in
    lib.mapAttrsToList (setting: address: {
      assertion = !lib.any holdsSecret (lib.toList address);
      message = ''
        ${prefix}.settings.${setting} has a user, a password or a query in an address, and the settings are in the Nix
        store, which everybody can read. Name an address without secrets, such as that of a proxy on this machine.
      '';
    }) addresses;

  # What a role needs that speaks to a chain and has a folder of its own: a subnet, a hotkey, and its data in that folder.
  signerAssertions =
    {
      prefix,
      folder,
      cfg,
    }:
    let
      inherit (cfg.settings) chain;
      dataDir = cfg.settings.storage.data_dir;
      isDev = chain.network == devNetwork;
    in
    [
      {
        assertion = isDev || chain.netuid != null;
        message = ''
          ${prefix}.settings.chain.network is "${chain.network}", but no subnet is named. Set
          ${prefix}.settings.chain.netuid.
        '';
      }
      {
        assertion = isDev || cfg.hotkeyFile != null || cfg.importCredentials;
        message = ''
          ${prefix}.settings.chain.network is "${chain.network}", where a hotkey signs. Set ${prefix}.hotkeyFile.
        '';
      }
      {
        assertion = dataDir == folder || lib.hasPrefix "${folder}/" dataDir;
        message = ''
          ${prefix}.settings.storage.data_dir is "${dataDir}", but the unit may write below ${folder} only. Mount another
          disk at ${private folder} instead.
        '';
      }
    ];

  # The unit of a role. `secrets` maps the names of credentials that the program looks for to files; those that are null
  # are left out, or imported from the machine's.
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
      importCredentials ? false,
    }:
    let
      given = lib.mapAttrs (_name: toString) (lib.filterAttrs (_name: path: path != null) secrets);
      credentials = lib.mapAttrsToList (name: path: "${name}:${path}") given;
      imported = lib.optionals importCredentials (
        lib.attrNames (removeAttrs secrets (lib.attrNames given))
      );
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
      unitConfig =
        # Restarting for ever would not bring a secret.
        lib.optionalAttrs (given != { }) { AssertPathExists = lib.attrValues given; }
        // lib.optionalAttrs (stateDirectory != null) { RequiresMountsFor = private stateDirectory; };
      serviceConfig =
        hardening
        // {
          Type = "notify";
          ExecStart = "${lib.getExe package} ${command}";
          Restart = "on-failure";
          RestartSec = 5;
          WatchdogSec = 60;
          # Bringing a large database up to date takes what it takes.
          TimeoutStartSec = if stateDirectory == null then 300 else "infinity";
          User = user;
          LimitNOFILE = 65536;
        }
        // lib.optionalAttrs (stateDirectory != null) {
          StateDirectory = stateDirectory;
          StateDirectoryMode = "0700";
        }
        // lib.optionalAttrs (credentials != [ ]) {
          ${if encrypted then "LoadCredentialEncrypted" else "LoadCredential"} = credentials;
        }
        // lib.optionalAttrs (imported != [ ]) { ImportCredential = imported; };
    };
}
