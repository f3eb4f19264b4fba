{
  name = "kinitro-upgrade";
  nodes = import ./lib/nodes.nix ./upgrade.toml;
  testScript = builtins.readFile ./upgrade.py;
}
