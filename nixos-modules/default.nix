# Every role, each behind its `enable`. The appliance is apart: importing it makes an image of the machine.
{
  imports = [
    ./kinitro.nix
    ./executor.nix
    ./gpu-node.nix
    ./validator.nix
  ];
}
