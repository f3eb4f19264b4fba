# The machines of a case from its TOML file, which vm-tests/local/case.py reads too: services with the options of our
# modules, and files below /etc.
file:
let
  node =
    _name:
    {
      services ? { },
      etc ? { },
    }:
    {
      inherit services;
      environment.etc = builtins.mapAttrs (_target: source: { source = ../. + "/${source}"; }) etc;
    };
in
builtins.mapAttrs node (builtins.fromTOML (builtins.readFile file))
