# What the units may not do, as plain data: `serviceConfig` sets by role, made with nothing but builtins, so that
# the NixOS modules and `dist/systemd/` (for other distributions) carry the very same lines. `scripts/nix-check`
# compares the two, and holds every role but the GPU executor to 1.5 in `systemd-analyze security`.
let
  common = {
    # Nobody: a user that exists while the unit runs, without capabilities and without a way to gain any.
    DynamicUser = true;
    CapabilityBoundingSet = "";
    AmbientCapabilities = "";
    NoNewPrivileges = true;
    PrivateUsers = true;
    RestrictSUIDSGID = true;
    KeyringMode = "private";
    UMask = "0077";

    # The file system is read-only but for the state folder; homes, devices and other processes are not there.
    ProtectSystem = "strict";
    ProtectHome = true;
    PrivateTmp = true;
    PrivateDevices = true;
    DevicePolicy = "closed";
    ProtectProc = "invisible";
    ProcSubset = "pid";
    RemoveIPC = true;
    PrivateIPC = true;

    # The kernel's settings are out of reach.
    ProtectClock = true;
    ProtectControlGroups = true;
    ProtectHostname = true;
    ProtectKernelLogs = true;
    ProtectKernelModules = true;
    ProtectKernelTunables = true;

    # What the process may ask the kernel for. MuJoCo and the renderer `reference` make no code at run time.
    LockPersonality = true;
    MemoryDenyWriteExecute = true;
    RestrictNamespaces = true;
    RestrictRealtime = true;
    SystemCallArchitectures = "native";
    SystemCallErrorNumber = "EPERM";
    SystemCallFilter = [
      "@system-service"
      "~@privileged @resources"
    ];

    # A core dump would hold the hotkey.
    LimitCORE = 0;
  };

  # HTTP in and out, and the service manager's notification socket.
  network.RestrictAddressFamilies = [
    "AF_INET"
    "AF_INET6"
    "AF_UNIX"
  ];
in
{
  # API and scheduler, in one process or two.
  daemon =
    common
    // network
    // {
      # Leases are measured within one boot of the machine, which /proc/sys/kernel/random/boot_id names. Without it
      # the leases of executors elsewhere would outlive a restart.
      ProcSubset = "all";
    };

  executor = common // network;

  # An executor that draws with `renderer = "mujoco-gl"` on an NVIDIA GPU. What differs from `executor`, and why:
  executorGpu =
    common
    // network
    // {
      # The device nodes of the driver, and no others.
      PrivateDevices = false;
      DeviceAllow = [
        "char-nvidia rw"
        "char-nvidiactl rw"
        "char-nvidia-frontend rw"
        "char-nvidia-uvm rw"
        "char-nvidia-modeset rw"
        "char-nvidia-caps rw"
        "char-drm rw"
      ];
      # The driver reads /proc/driver/nvidia and /proc/meminfo.
      ProcSubset = "all";
      # The driver compiles shaders to machine code in memory.
      MemoryDenyWriteExecute = false;
      # The driver sets where its threads run and how their memory is placed.
      SystemCallFilter = [
        "@system-service"
        "~@privileged"
      ];
      # Nodes below /dev/dri belong to these groups.
      SupplementaryGroups = [
        "render"
        "video"
      ];
    };

  validator = common // network;

  # `kinitro db backup` reads and writes files and talks to nobody.
  backup = common // {
    PrivateNetwork = true;
    IPAddressDeny = "any";
    RestrictAddressFamilies = "none";
  };
}
