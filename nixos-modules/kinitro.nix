# The operator's side: API and scheduler, and by default an executor in the same process.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkIf mkOption types;
  role = import ./lib/role.nix { inherit lib pkgs; };
  cfg = config.services.kinitro;
  prefix = "services.kinitro";
  inherit (cfg.settings) api storage;

  state = "kinitro";
  folder = "/var/lib/${state}";
  backupFolder = "/var/lib/kinitro-backup";
  # With an executor all is one process.
  units =
    if cfg.localExecutor then
      {
        kinitro = {
          command = "daemon";
          what = "API, scheduler and executor";
        };
      }
    else
      {
        kinitro-api = {
          command = "api";
          what = "API";
        };
        kinitro-scheduler = {
          command = "scheduler";
          what = "scheduler";
        };
      };
  port = lib.toInt (lib.last (lib.splitString ":" api.listen));
  isLoopback = lib.any (local: lib.hasPrefix local api.listen) [
    "127."
    "[::1]"
  ];

  etc = role.settingsFile "kinitro.toml" cfg;

  service =
    _name:
    { command, what }:
    role.service {
      description = "Kinitro: ${what} of robot-policy evaluation";
      inherit command;
      inherit (cfg) package;
      config = etc;
      hardening = role.hardening.daemon;
      # One user for all units that share the folder.
      user = "kinitro";
      stateDirectory = state;
      dataDir = storage.data_dir;
      secrets =
        # The API process signs nothing.
        lib.optionalAttrs (command != "api") { hotkey = cfg.hotkeyFile; }
        // lib.optionalAttrs (command == "daemon") { bearer = cfg.bearerFile; };
      encrypted = cfg.secretsEncrypted;
      inherit (cfg) importCredentials;
    };

  backup = {
    description = "Kinitro: backup of database and transcripts";
    # While the database is brought up to date there is none to copy.
    after = [
      "kinitro.service"
      "kinitro-api.service"
      "kinitro-scheduler.service"
    ];
    unitConfig = {
      ConditionPathExists = "${storage.data_dir}/kinitro.sqlite3";
      RequiresMountsFor = map role.private [
        folder
        backupFolder
      ];
    };
    environment = {
      KINITRO_CONFIG = "/etc/${etc.target}";
      KINITRO_DATA_DIR = storage.data_dir;
    };
    serviceConfig = role.hardening.backup // {
      Type = "oneshot";
      ExecStart = "${lib.getExe cfg.package} db backup --to ${backupFolder} --keep ${toString cfg.backup.keep}";
      User = "kinitro";
      StateDirectory = "${state} kinitro-backup";
      StateDirectoryMode = "0700";
    };
  };
in
{
  options.services.kinitro = {
    enable = lib.mkEnableOption "the operator's side of kinitro: API, scheduler and an executor";

    package = lib.mkPackageOption pkgs "kinitro" { };

    localExecutor = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether this machine runs episodes too, in one process with API and scheduler. Without it these are two units,
        `kinitro-api` and `kinitro-scheduler`, and the work is done by `services.kinitro-executor` on other machines.
      '';
    };

    settings = role.settingsOption {
      options = {
        chain = role.chainOptions;
        storage.data_dir = role.dataDirOption folder;
        api.listen = mkOption {
          type = types.str;
          default = "127.0.0.1:8000";
          example = "[::]:8000";
          description = ''
            Address of the API. It has no TLS: where strangers reach it, put a reverse proxy before it.
          '';
        };
      };
      example = {
        chain.network = "finney";
        chain.netuid = 26;
        contest.episodes_per_env = 50;
      };
    };

    hotkeyFile = role.secretOption {
      what = role.hotkeyWhat;
      example = "/var/lib/secrets/kinitro-hotkey";
    };

    bearerFile = role.secretOption {
      what = role.bearerWhat;
      example = "/var/lib/secrets/kinitro-bearer";
    };

    secretsEncrypted = role.encryptedOption;

    importCredentials = role.importOption;

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Whether to let others reach the port of `settings.api.listen`.";
    };

    backup = {
      enable = lib.mkEnableOption ''
        backups of database and transcripts to `${backupFolder}`, while all runs. To keep them on another disk, mount
        that at `${role.private backupFolder}`, which the first is a link to'';

      startAt = mkOption {
        type = types.str;
        default = "hourly";
        description = ''
          When, as {manpage}`systemd.time(7)` has it. Make one for each cycle: a cycle that was published after the backup
          from which an operator goes on gets its number again, which validators report.
        '';
      };

      keep = mkOption {
        type = types.ints.positive;
        default = 24;
        description = "How many backups are kept.";
      };
    };
  };

  config = mkIf cfg.enable {
    assertions =
      role.signerAssertions { inherit prefix folder cfg; }
      ++ role.secretAssertions {
        inherit prefix;
        inherit (cfg) settings;
        secrets = { inherit (cfg) hotkeyFile bearerFile; };
        files = {
          "chain.hotkey_file" = "hotkeyFile";
          "chain.wallet_path" = "hotkeyFile";
          "executor.bearer_file" = "bearerFile";
        };
        inherit (config.environment) etc;
      }
      ++ [
        {
          assertion = cfg.bearerFile != null -> cfg.localExecutor;
          message = ''
            ${prefix}.bearerFile is for the executor of this machine, and ${prefix}.localExecutor is off. Set
            services.kinitro-executor.bearerFile where the executors are.
          '';
        }
        {
          assertion = cfg.openFirewall -> !isLoopback;
          message = ''
            ${prefix}.openFirewall opens a port that nobody else can reach: ${prefix}.settings.api.listen is
            "${api.listen}". Listen on "[::]:${toString port}", or leave the firewall closed.
          '';
        }
      ];

    environment = role.environment cfg etc;

    networking.firewall.allowedTCPPorts = lib.optional cfg.openFirewall port;

    systemd.services =
      lib.mapAttrs service units // lib.optionalAttrs cfg.backup.enable { kinitro-backup = backup; };
    systemd.timers = mkIf cfg.backup.enable {
      kinitro-backup = {
        description = "Kinitro: backup of database and transcripts";
        wantedBy = [ "timers.target" ];
        timerConfig = {
          OnCalendar = cfg.backup.startAt;
          RandomizedDelaySec = "5min";
          # A machine that was off at that time makes its backup when it is on again.
          Persistent = true;
        };
      };
    };
  };
}
