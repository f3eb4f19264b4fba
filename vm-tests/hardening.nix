{
  name = "kinitro-hardening";
  nodes = import ./lib/nodes.nix ./hardening.toml;
  testScript = builtins.readFile ./hardening.py;
}
