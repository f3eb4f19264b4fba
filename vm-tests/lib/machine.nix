# What every machine has: what scripts use, and a network without a firewall. vm-tests/local/tree.py has the same.
{ pkgs, ... }:
{
  environment.systemPackages = [
    pkgs.curl
    pkgs.python3
  ];
  networking.firewall.enable = false;
  virtualisation = {
    cores = 2;
    memorySize = 2048;
  };
}
