{
  name = "kinitro-split";
  nodes = import ./lib/nodes.nix ./split.toml;
  testScript = builtins.readFile ./split.py;
}
