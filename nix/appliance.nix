# What an operator publishes of an appliance: the disk image, the three files of an update with their digests, and the
# root hash, which is the identity of the store. Kernel, initrd and command line lie outside of it, in the UKI: its
# digest is theirs.
{
  jq,
  runCommand,
  # `config` of the NixOS system.
  appliance,
}:
let
  inherit (appliance.system.build) finalImage uki;
  inherit (appliance.image.repart) imageFileBasename;
  inherit (appliance.system.boot.loader) ukiFile;
in
runCommand imageFileBasename { nativeBuildInputs = [ jq ]; } ''
  mkdir -p $out/update
  report=${finalImage}/repart-output.json
  of_partition() { # beginning of its label, field
    jq --raw-output --arg begin "$1" --arg field "$2" \
      '.[] | select((.label // "") | startswith($begin)) | .[$field]' $report
  }

  ln -s ${finalImage}/${imageFileBasename}.raw $out/
  of_partition verity_ roothash > $out/root-hash
  grep -Eqx '[0-9a-f]{64}' $out/root-hash

  for part in verity store; do
    uuid=$(of_partition "$part"_ uuid)
    ln -s ${finalImage}/${imageFileBasename}.$part.raw "$out/update/${imageFileBasename}_$uuid.$part.raw"
  done
  ln -s ${uki}/${ukiFile} $out/update/
  cd $out/update && sha256sum * > SHA256SUMS
''
