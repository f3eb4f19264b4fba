# An executor on a machine of its own: leases episodes from an operator's API, runs them, hands the results in.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkIf mkOption types;
  role = import ./lib/role.nix { inherit lib pkgs; };
  cfg = config.services.kinitro-executor;
  prefix = "services.kinitro-executor";
  unit = "kinitro-executor";
  inherit (cfg.settings.executor) api_url id;
  isLoopback = builtins.match "https?://(127\\.[0-9.]+|localhost|\\[::1])([:/].*)?" api_url != null;
  hasKey = cfg.apiKeyFile != null || cfg.importCredentials;

  etc = role.settingsFile "executor.toml" cfg;
in
{
  options.services.kinitro-executor = {
    enable = lib.mkEnableOption "an executor of kinitro, which runs episodes for an operator's API";

    package = lib.mkPackageOption pkgs "kinitro" { };

    settings = role.settingsOption {
      options.executor = {
        id = mkOption {
          type = types.str;
          default = config.networking.hostName;
          defaultText = lib.literalExpression "config.networking.hostName";
          description = ''
            Name of this executor, to which its API key is bound: 1 to 64 letters, digits, `.`, `_` or `-`. No two
            executors may have the same.
          '';
        };
        api_url = mkOption {
          type = types.str;
          default = "http://127.0.0.1:8000";
          example = "https://operator.example";
          description = "The operator's API.";
        };
      };
      example = {
        executor.api_url = "https://operator.example";
        executor.max_in_flight = 64;
      };
    };

    apiKeyFile = role.secretOption {
      what = "File with the API key, made by `kinitro api-key create` where the API runs.";
      example = "/var/lib/secrets/kinitro-api-key";
    };

    bearerFile = role.secretOption {
      what = role.bearerWhat;
      example = "/var/lib/secrets/kinitro-bearer";
    };

    secretsEncrypted = role.encryptedOption;

    importCredentials = role.importOption;

    hardening = mkOption {
      type = types.attrsOf types.raw;
      default = role.hardening.executor;
      internal = true;
      description = "What the unit may not do. `gpu-node.nix` loosens it.";
    };
  };

  config = mkIf cfg.enable {
    assertions =
      role.secretAssertions {
        inherit prefix;
        inherit (cfg) settings;
        secrets = { inherit (cfg) apiKeyFile bearerFile; };
        files = {
          "executor.api_key_file" = "apiKeyFile";
          "executor.bearer_file" = "bearerFile";
        };
        inherit (config.environment) etc;
      }
      ++ [
        {
          assertion = hasKey || isLoopback;
          message = ''
            ${prefix}.settings.executor.api_url is "${api_url}", and an API on another machine asks for a key. Set
            ${prefix}.apiKeyFile.
          '';
        }
        {
          assertion = !hasKey || lib.hasPrefix "https://" api_url || isLoopback;
          message = ''
            ${prefix}.settings.executor.api_url is "${api_url}", and a key is not sent in the clear to another machine.
            Set an address that begins with https://.
          '';
        }
        {
          assertion = builtins.match "[A-Za-z0-9._-]{1,64}" id != null;
          message = ''
            ${prefix}.settings.executor.id is "${id}", which is no name for an executor: 1 to 64 letters, digits, `.`,
            `_` or `-`. Set it, or networking.hostName.
          '';
        }
      ];

    environment = role.environment cfg etc;

    systemd.services.${unit} = role.service {
      description = "Kinitro: executor of robot-policy evaluation";
      command = "executor";
      inherit (cfg) package hardening;
      config = etc;
      user = unit;
      secrets = {
        api-key = cfg.apiKeyFile;
        bearer = cfg.bearerFile;
      };
      encrypted = cfg.secretsEncrypted;
      inherit (cfg) importCredentials;
    };
  };
}
