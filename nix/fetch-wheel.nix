# A wheel of vendor.lock, from the package index.
{ lib, fetchPypi }:
pname:
let
  entry = (import ./vendor-lock.nix).${pname};
  # NAME-VERSION-PYTHON-ABI-PLATFORM.whl
  tag = lib.splitString "-" (lib.removeSuffix ".whl" entry.file);
  python = lib.elemAt tag 2;
in
fetchPypi {
  inherit pname python;
  inherit (entry) version sha256;
  format = "wheel";
  dist = python;
  abi = lib.elemAt tag 3;
  platform = lib.elemAt tag 4;
}
