{
  name = "kinitro-validator";
  nodes = import ./lib/nodes.nix ./validator.toml;
  testScript = builtins.readFile ./validator.py;
}
