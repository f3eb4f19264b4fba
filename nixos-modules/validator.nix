# A validator: verifies an operator's cycles and sets their weights on the chain.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkIf mkOption types;
  role = import ./lib/role.nix { inherit lib pkgs; };
  cfg = config.services.kinitro-validator;
  prefix = "services.kinitro-validator";
  unit = "kinitro-validator";
  folder = "/var/lib/${unit}";
  inherit (cfg.settings) storage;

  etc = role.settingsFile "validator.toml" cfg;
in
{
  options.services.kinitro-validator = {
    enable = lib.mkEnableOption "a validator of kinitro, which verifies cycles and sets their weights";

    package = lib.mkPackageOption pkgs "kinitro" { };

    settings = role.settingsOption {
      options = {
        chain = role.chainOptions;
        storage.data_dir = role.dataDirOption folder;
        validator.backend_url = mkOption {
          type = types.str;
          default = "http://127.0.0.1:8000";
          example = "https://operator.example";
          description = "The operator's API.";
        };
      };
      example = {
        chain.network = "archive";
        chain.netuid = 26;
        validator.backend_url = "https://operator.example";
      };
    };

    hotkeyFile = role.secretOption {
      what = role.hotkeyWhat;
      example = "/var/lib/secrets/kinitro-hotkey";
    };

    secretsEncrypted = role.encryptedOption;

    importCredentials = role.importOption;
  };

  config = mkIf cfg.enable {
    assertions =
      role.signerAssertions { inherit prefix folder cfg; }
      ++ role.secretAssertions {
        inherit prefix;
        inherit (cfg) settings;
        secrets = { inherit (cfg) hotkeyFile; };
        files = {
          "chain.hotkey_file" = "hotkeyFile";
          "chain.wallet_path" = "hotkeyFile";
        };
        inherit (config.environment) etc;
      };

    environment = role.environment cfg etc;

    systemd.services.${unit} = role.service {
      description = "Kinitro: validator of robot-policy evaluation";
      command = "validate";
      inherit (cfg) package;
      config = etc;
      hardening = role.hardening.validator;
      user = unit;
      stateDirectory = unit;
      dataDir = storage.data_dir;
      secrets.hotkey = cfg.hotkeyFile;
      encrypted = cfg.secretsEncrypted;
      inherit (cfg) importCredentials;
    };
  };
}
