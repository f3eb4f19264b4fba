{
  name = "kinitro-verify";
  nodes = import ./lib/nodes.nix ./verify.toml;
  testScript = builtins.readFile ./verify.py;
}
