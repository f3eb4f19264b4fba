{
  name = "kinitro-basic";
  nodes = import ./lib/nodes.nix ./basic.toml;
  testScript = builtins.readFile ./basic.py;
}
