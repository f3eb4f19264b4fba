# Machines by name: what is set, and for bad ones what the assertion says.
{
  daemon = {
    # The three lines of docs/nix.md.
    services.kinitro.enable = true;
    services.kinitro.settings.chain.network = "dev";
    services.kinitro.settings.chain.netuid = 2;
  };

  operator = {
    services.kinitro = {
      enable = true;
      settings = {
        api.listen = "[::]:8443";
        chain = {
          network = "finney";
          netuid = 26;
        };
        contest = {
          episodes_per_env = 100;
          due = {
            who = "top";
            miners = 10;
          };
          repository = {
            quantised = true;
            base_models = [
              {
                name = "example/base";
                weights = "42f0a0ba70783b2a34130eff4972e0336b2afbfceb06d51b5a62a326fa2be128";
              }
            ];
          };
        };
        scheduler = {
          hub_endpoint = "https://hub.example/mirror";
          admission_time_s = 600;
        };
      };
      hotkeyFile = "/var/lib/secrets/kinitro-hotkey";
      bearerFile = "/var/lib/secrets/kinitro-bearer";
      openFirewall = true;
      backup.enable = true;
    };
  };

  split = {
    services.kinitro = {
      enable = true;
      localExecutor = false;
      settings.chain = {
        network = "finney";
        netuid = 26;
      };
      hotkeyFile = "/var/lib/secrets/kinitro-hotkey";
      secretsEncrypted = true;
    };
  };

  executor = {
    networking.hostName = "rack-3";
    services.kinitro-executor = {
      enable = true;
      settings.executor.api_url = "https://operator.example";
      apiKeyFile = "/var/lib/secrets/kinitro-api-key";
    };
  };

  executor-gpu = {
    networking.hostName = "rack-4";
    services.kinitro-executor = {
      enable = true;
      gpu.enable = true;
      settings.executor.api_url = "https://operator.example";
      apiKeyFile = "/var/lib/secrets/kinitro-api-key";
    };
  };

  validator = {
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
  };

  # Secrets that the machine was given: none is named.
  imported = {
    services.kinitro-executor = {
      enable = true;
      settings.executor.api_url = "https://operator.example";
      importCredentials = true;
    };
    services.kinitro-validator = {
      enable = true;
      settings.chain = {
        network = "archive";
        netuid = 26;
        endpoints = [ "wss://node.example/path" ];
      };
      importCredentials = true;
    };
  };

  bad-no-netuid = {
    services.kinitro = {
      enable = true;
      settings.chain.network = "finney";
      hotkeyFile = "/var/lib/secrets/kinitro-hotkey";
    };
  };

  bad-validator-no-netuid = {
    services.kinitro-validator = {
      enable = true;
      settings.chain.network = "wss://node.example";
      hotkeyFile = "/var/lib/secrets/kinitro-hotkey";
    };
  };

  bad-no-hotkey = {
    services.kinitro = {
      enable = true;
      settings.chain = {
        network = "finney";
        netuid = 26;
      };
    };
  };

  bad-stored-hotkey = {
    services.kinitro-validator = {
      enable = true;
      hotkeyFile = "/nix/store/00000000000000000000000000000000-hotkey";
    };
  };

  bad-stored-api-key = {
    services.kinitro-executor = {
      enable = true;
      apiKeyFile = "/nix/store/00000000000000000000000000000000-key";
    };
  };

  bad-literal-hotkey = {
    services.kinitro = {
      enable = true;
      hotkeyFile = ./cases.nix;
    };
  };

  bad-linked-hotkey = {
    environment.etc."kinitro/hotkey".source = ./cases.nix;
    services.kinitro-validator = {
      enable = true;
      hotkeyFile = "/etc/kinitro/hotkey";
    };
  };

  bad-hotkey-setting = {
    services.kinitro-validator = {
      enable = true;
      settings.chain = {
        network = "archive";
        netuid = 26;
        hotkey_file = "/home/alice/hotkey";
      };
      hotkeyFile = "/var/lib/secrets/kinitro-hotkey";
    };
  };

  bad-wallet-setting = {
    services.kinitro = {
      enable = true;
      settings.chain.wallet_path = "/home/alice/.bittensor/wallets";
    };
  };

  bad-api-key-setting = {
    services.kinitro-executor = {
      enable = true;
      settings.executor.api_key_file = "/home/alice/key";
    };
  };

  bad-bearer-setting = {
    services.kinitro = {
      enable = true;
      settings.executor.bearer_file = "/home/alice/bearer";
    };
  };

  bad-password-in-address = {
    services.kinitro-executor = {
      enable = true;
      settings.executor.api_url = "https://alice:secret@operator.example";
      apiKeyFile = "/var/lib/secrets/kinitro-api-key";
    };
  };

  bad-password-in-hub = {
    services.kinitro = {
      enable = true;
      settings.scheduler.hub_endpoint = "https://alice:secret@hub.example";
    };
  };

  bad-bearer-without-executor = {
    services.kinitro = {
      enable = true;
      localExecutor = false;
      bearerFile = "/var/lib/secrets/kinitro-bearer";
    };
  };

  bad-query-in-address = {
    services.kinitro-validator = {
      enable = true;
      settings.chain.endpoints = [
        "wss://node.example/path"
        "wss://node.example/?key=secret"
      ];
    };
  };

  bad-executor-name = {
    networking.hostName = "";
    services.kinitro-executor.enable = true;
  };

  bad-key-in-the-clear = {
    services.kinitro-executor = {
      enable = true;
      settings.executor.api_url = "http://operator.example:8000";
      apiKeyFile = "/var/lib/secrets/kinitro-api-key";
    };
  };

  bad-data-dir = {
    services.kinitro = {
      enable = true;
      settings.storage.data_dir = "/srv/kinitro";
    };
  };

  bad-firewall = {
    services.kinitro = {
      enable = true;
      openFirewall = true;
    };
  };

  bad-no-api-key = {
    services.kinitro-executor = {
      enable = true;
      settings.executor.api_url = "http://operator.example:8000";
    };
  };
}
