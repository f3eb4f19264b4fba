# vendor.lock as data: { mujoco = { version, file, sha256 }; … }. `scripts/vendor` reads the same file, so what Nix
# fetches and what `make vendor` fetches cannot differ.
let
  isFilled = part: builtins.isString part && part != "";
  lines = builtins.filter isFilled (builtins.split "\n" (builtins.readFile ../vendor.lock));
  entries = builtins.filter (line: builtins.substring 0 1 line != "#") lines;
  toAttr =
    line:
    let
      fields = builtins.filter isFilled (builtins.split " +" line);
      field = builtins.elemAt fields;
    in
    {
      name = field 0;
      value = {
        version = field 1;
        file = field 2;
        sha256 = field 3;
      };
    };
in
builtins.listToAttrs (map toAttr entries)
